// How large a start is before anybody is asked: as Linux counts its strings, and as the frame that carries them. Pure.

import type { Start } from "./contract.ts";

/** What a user can make large. */
export type StartStrings = Pick<Start, "argv" | "env" | "directory">;

/** FlatBuffers puts everything on places of four bytes. */
const alignedBytes = 4;
/** Around one entry of a list: its place there, its table, the length of its vector. */
const entryOverheadBytes = 16;
/** Everything else, with every field set: key, incarnation, numbers, vtables, the root. */
const fixedBytes = 192;

/** What Linux counts, and `argvEnvBytesMax` bounds: each string with its NUL. */
export function stringBytes({ argv, env, directory }: StartStrings): number {
  return sum(argv, withNul) + sum(env, withNul) + withNul(directory);
}

/** What `frameBytesMax` bounds: the frame has at most so many bytes, and less only where a field is left out. */
export function startBytes({ argv, env, directory }: StartStrings): number {
  return sum(argv, asEntry) + sum(env, asEntry) + aligned(directory.length) + fixedBytes;
}

const withNul = (string: Uint8Array): number => string.length + 1;
const asEntry = (string: Uint8Array): number => aligned(string.length) + entryOverheadBytes;
const aligned = (bytes: number): number => Math.ceil(bytes / alignedBytes) * alignedBytes;

function sum(list: readonly Uint8Array[], sizeOf: (string: Uint8Array) => number): number {
  let bytes = 0;
  for (const string of list) bytes += sizeOf(string);
  return bytes;
}
