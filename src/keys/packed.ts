// A key inside an executable: behind the program stand the key's text, its length and a mark. Reading looks at the tail alone,
// because it happens at every start of a command that needs a key.

import { withOwnedFile } from "../os/owned-file.ts";
import type { Key } from "./contract.ts";
import { keyBytesMax } from "./key-file.ts";
import { isAbsent, keyErrorOf, keyIn, refuseUnsafe } from "./read-key-file.ts";

/** The last bytes of an executable with a key. */
const mark = Buffer.from("ctl packed key 1");
const lengthBytes = 4;
const trailerBytes = lengthBytes + mark.length;

/** How messages call the place. */
export const packedPlace = "the packed key";

/** Leads to the file that runs, even when its name has been taken by another one. */
const ownLink = "/proc/self/exe";

/** The executable that runs; null when this runs from its sources, and the executable is the runtime's own. */
export function ownExecutable(): string | null {
  return Bun.main.startsWith("/$bunfs/") ? ownLink : null;
}

/**
 * Null when there is no key in it, or no executable.
 * @throws CtlError("key-unsafe") or CtlError("key-unreadable")
 */
export function readPackedKey(executable: string | null): Key | null {
  if (executable === null) return null;
  try {
    return withOwnedFile(executable, (file) => {
      const { facts } = file;
      const textBytes = packedBytes(
        file.readAt(Math.max(0, facts.bytes - trailerBytes), trailerBytes),
      );
      if (textBytes === 0) return null;
      refuseUnsafe(facts, shownPath(executable));
      return keyIn(file.readAt(facts.bytes - trailerBytes - textBytes, textBytes), packedPlace);
    });
  } catch (error) {
    if (isAbsent(error)) return null;
    throw keyErrorOf(error, shownPath(executable));
  }
}

/** The name that it was started by is told, not the kernel's link to it. */
const shownPath = (executable: string): string =>
  executable === ownLink ? process.execPath : executable;

/** How many bytes of text stand before this trailer; 0 when it is none. */
export function packedBytes(trailer: Uint8Array): number {
  if (trailer.length !== trailerBytes || !mark.equals(trailer.subarray(lengthBytes))) return 0;
  const length = Buffer.from(trailer).readUInt32LE(0);
  return length <= keyBytesMax ? length : 0;
}

/** What is appended to a program that has no key. */
export function packedTail(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([bytes, length, mark]);
}

/** Size of the program alone. @param tail its last bytes, `packedTrailerBytes` of them */
export function programBytes(fileBytes: number, tail: Uint8Array): number {
  const textBytes = packedBytes(tail);
  const before = fileBytes - trailerBytes - textBytes;
  return textBytes === 0 || before < 0 ? fileBytes : before;
}

export const packedTrailerBytes = trailerBytes;
