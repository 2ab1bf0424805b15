// A stream of bytes that knows its own order: `make BYTES` writes it, `check` reads it to the end and says "right BYTES", or
// "wrong at OFFSET". Every page of 4 KiB carries its number, so a byte that is lost, doubled or swapped cannot hide.

import { readSync, writeSync } from "node:fs";

const pageBytes = 4_096;
const blockBytes = 256 * pageBytes;
/** What a pipe holds: a larger write would not count before its end. */
const writeBytesMax = 16 * pageBytes;

/** The bytes from `index * blockBytes` on. The pages differ in their first eight bytes only. */
class Pattern {
  readonly #block = Buffer.alloc(blockBytes);

  constructor() {
    let state = 0x9e3779b9;
    for (let at = 0; at < pageBytes; at += 4) {
      state = Math.imul(state ^ (state >>> 15), 0x85ebca6b) + at;
      this.#block.writeInt32LE(state | 0, at);
    }
    for (let at = pageBytes; at < blockBytes; at += pageBytes) {
      this.#block.copy(this.#block, at, 0, pageBytes);
    }
  }

  block(index: number): Buffer {
    for (let at = 0; at < blockBytes; at += pageBytes) {
      this.#block.writeBigUInt64LE(BigInt(index * blockBytes + at), at);
    }
    return this.#block;
  }
}

function make(bytes: number): void {
  const pattern = new Pattern();
  for (let done = 0; done < bytes; done += blockBytes) {
    const block = pattern.block(done / blockBytes);
    const length = Math.min(blockBytes, bytes - done);
    for (let written = 0; written < length;) {
      written += writeSync(1, block, written, Math.min(writeBytesMax, length - written));
    }
  }
}

function check(): string {
  const pattern = new Pattern();
  const heard = Buffer.alloc(blockBytes);
  for (let total = 0; ;) {
    const length = fill(heard);
    const wanted = pattern.block(total / blockBytes);
    if (heard.compare(wanted, 0, length, 0, length) !== 0) {
      const at = heard.findIndex((byte, index) => byte !== wanted[index]);
      return `wrong at ${total + at}`;
    }
    total += length;
    if (length < blockBytes) return `right ${total}`;
  }
}

/** Reads until `buffer` is full or nothing more comes. */
function fill(buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(0, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

const [, , mode, bytes] = process.argv;
if (mode === "make") make(Number(bytes));
else writeSync(1, `${check()}\n`);
