// Makes copies of executables with a key in them, so that one file is all that a node needs. A key that is in there already is
// replaced. The copy is its owner's alone from its first byte on.

import { errnoPhrase } from "../base/errnos.ts";
import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { nodeFs } from "../os/builtin.ts";
import { errnoName } from "../os/errno.ts";
import { type OsError, osErrorOf } from "../os/libc.ts";
import type { Key } from "./contract.ts";
import { printKey } from "./key-file.ts";
import { createFile } from "./new-file.ts";
import { ownExecutable, packedTail, packedTrailerBytes, programBytes } from "./packed.ts";

export interface PackOptions {
  key: Key;
  /** What is copied; null is the executable that runs. */
  binary: string | null;
  output: string;
}

const elfMagic = Buffer.from("\u007fELF");
const pieceBytes = 1024 * 1024;

/** @throws CtlError("io-failed") also when `output` exists */
export function packKey({ key, binary, output }: PackOptions): void {
  const source = binary ?? ownExecutable();
  if (source === null) {
    throw new CtlError(
      "io-failed",
      "Only the compiled ctl can copy itself, and this one runs from sources",
      {
        hint: "name the compiled one with --binary",
      },
    );
  }
  const from = openProgram(source);
  try {
    createFile({
      path: output,
      mode: 0o700,
      fill: (fd) => {
        copyProgram(from, fd);
        nodeFs().writeFileSync(fd, packedTail(printKey(key)));
      },
    });
  } finally {
    nodeFs().closeSync(from);
  }
}

/** @throws CtlError("io-failed") */
function openProgram(path: string): number {
  const fs = nodeFs();
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, osErrorOf(error));
  }
  const magic = Buffer.alloc(elfMagic.length);
  const isProgram = fs.fstatSync(fd).isFile() && fs.readSync(fd, magic) === magic.length;
  if (isProgram && magic.equals(elfMagic)) return fd;
  fs.closeSync(fd);
  throw new CtlError("io-failed", `${quote(path)} is not an executable of ctl`);
}

function unreadable(path: string, { errno }: OsError): CtlError {
  const name = errnoName(errno);
  const text = `Cannot read ${quote(path)}: ${name}: ${errnoPhrase(errno)}`;
  return new CtlError("io-failed", text, { errno: name });
}

/** Without a key that it may have. */
function copyProgram(from: number, to: number): void {
  const fs = nodeFs();
  const { size } = fs.fstatSync(from);
  const tail = Buffer.alloc(packedTrailerBytes);
  fs.readSync(from, tail, { position: Math.max(0, size - tail.length) });
  const length = programBytes(size, tail);
  const piece = Buffer.alloc(pieceBytes);
  for (let position = 0; position < length;) {
    const count = fs.readSync(from, piece, {
      position,
      length: Math.min(piece.length, length - position),
    });
    if (count === 0) throw new CtlError("io-failed", "The executable became shorter meanwhile");
    fs.writeFileSync(to, piece.subarray(0, count));
    position += count;
  }
}
