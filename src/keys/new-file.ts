// Writes files that nobody else may read, whole or not at all, and never over an existing one: who overwrites a key has lost a
// cluster. Each is written under a temporary name beside its own, and then linked, which fails when the name is taken.

import { errnoPhrase } from "../base/errnos.ts";
import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { nodeFs, nodePath } from "../os/builtin.ts";
import { errnoName } from "../os/errno.ts";
import { osErrorOf } from "../os/libc.ts";
import { randomBytes } from "../os/machine.ts";

export interface NewFile {
  path: string;
  /** 0600, or 0700 for a program. */
  mode: 0o600 | 0o700;
  /** Writes the content to the descriptor. */
  fill(fd: number): void;
}

/** Whether the name is taken, be it by a link to nowhere. */
export function isTaken(path: string): boolean {
  return nodeFs().lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Directories on the way are made for us alone. @throws CtlError("io-failed") also when `path` exists */
export function createFile(file: NewFile): void {
  const { path } = file;
  told(`Cannot make ${quote(path)}`, () => {
    nodeFs().mkdirSync(nodePath().dirname(path), { recursive: true, mode: 0o700 });
    withTemporary(file, (temporary) => link(temporary, path));
  });
}

/** @throws CtlError("io-failed") */
export function createTextFile(path: string, text: string): void {
  createFile({ path, mode: 0o600, fill: fillWith(text) });
}

/** What was made by mistake. @throws CtlError("io-failed") */
export function removeFile(path: string): void {
  told(`Cannot remove ${quote(path)}`, () => nodeFs().rmSync(path, { force: true }));
}

/**
 * Puts `text` in the place of the file, which is kept as FILE.N; the path of that.
 * @param isStill whether this is what the file held when its successor was made
 * @throws CtlError("io-failed") when it was changed meanwhile, too
 */
export function replaceTextFile(
  file: string,
  text: string,
  isStill: (before: string) => boolean,
): string {
  return told(`Cannot replace ${quote(file)}`, () => {
    const fs = nodeFs();
    const path = fs.realpathSync(file);
    let kept = "";
    withTemporary({ path, mode: 0o600, fill: fillWith(text) }, (temporary) => {
      kept = keep(path);
      if (!isStill(fs.readFileSync(kept, "utf8"))) {
        fs.unlinkSync(kept);
        throw new CtlError("io-failed", `${quote(path)} was changed by somebody else meanwhile`);
      }
      fs.renameSync(temporary, path);
    });
    return kept;
  });
}

/** Gives the file a second name, PATH.N with the first N that is free. */
function keep(path: string): string {
  for (let number = 1; ; number += 1) {
    const name = `${path}.${number}`;
    if (isTaken(name)) continue;
    nodeFs().linkSync(path, name);
    return name;
  }
}

function fillWith(text: string): (fd: number) => void {
  return (fd) => {
    nodeFs().writeFileSync(fd, text);
    // What cannot be made again must be there after a power cut.
    nodeFs().fsyncSync(fd);
  };
}

function withTemporary(file: NewFile, use: (temporary: string) => void): void {
  const fs = nodeFs();
  const temporary = `${file.path}.${Buffer.from(randomBytes(6)).toString("hex")}.tmp`;
  const fd = fs.openSync(temporary, "wx", file.mode);
  try {
    try {
      // The umask may have taken something away from the owner.
      fs.fchmodSync(fd, file.mode);
      file.fill(fd);
    } finally {
      fs.closeSync(fd);
    }
    use(temporary);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function link(temporary: string, path: string): void {
  try {
    nodeFs().linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    throw new CtlError("io-failed", `${quote(path)} exists already, and is left as it is`);
  }
}

/** @throws CtlError("io-failed") for what the system refused */
function told<Value>(what: string, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    if (error instanceof CtlError) throw error;
    const { errno } = osErrorOf(error);
    const name = errnoName(errno);
    throw new CtlError("io-failed", `${what}: ${name}: ${errnoPhrase(errno)}`, {
      errno: name,
      cause: error,
    });
  }
}
