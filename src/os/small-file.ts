// Small files, asked for and read without loading the runtime's file system module: that costs a cold start more than a
// millisecond.

import { closeFd, lastErrno, libc, must } from "./libc.ts";

const ENOENT = 2;
const ENOTDIR = 20;
const F_OK = 0;
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const pieceBytes = 16 * 1024;

/** False only when it certainly is not: whoever reads it finds out the rest. */
export function mayBeThere(path: string): boolean {
  if (libc().access(path, F_OK) === 0) return true;
  const errno = lastErrno();
  return errno !== ENOENT && errno !== ENOTDIR;
}

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
