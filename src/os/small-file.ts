// Small files of /proc, read without loading the runtime's file system module: that costs a cold start more than a
// millisecond.

import { closeFd, libc, must } from "./libc.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const pieceBytes = 16 * 1024;

/** The whole file as Latin-1 text. @throws OsError */
export function readSmallFile(path: string): string {
  const fd = must("open", libc().open(path, O_RDONLY | O_CLOEXEC, 0));
  try {
    const pieces: string[] = [];
    const piece = Buffer.alloc(pieceBytes);
    for (;;) {
      const length = must("read", libc().read(fd, piece, piece.length));
      if (length === 0) return pieces.join("");
      pieces.push(piece.toString("latin1", 0, length));
    }
  } finally {
    closeFd(fd);
  }
}
