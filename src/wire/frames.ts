// Cuts a stream of bytes into frames, however it was split on its way. A frame that lies whole in a chunk is a view of
// it; any other is put together in one buffer that grows with the bytes that have arrived, never with what was announced.
//
//   kept <= wanted <= 4 + frameBytesMax

import { CtlError } from "../base/errors.ts";

/** The length before each frame: unsigned, little-endian. */
const prefixBytes = 4;
const kib = 1024;
/** Every frame but a large start fits: a full chunk of output and what surrounds it. */
const usualFrameBytesMax = 65 * kib;

export class FrameReader {
  /** The longest frame that is accepted from now on, without its length. */
  frameBytesMax: number;
  /** What has arrived of a frame that is not whole: its length and its beginning. */
  #buffer = new Uint8Array(0);
  #keptBytes = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Memory that is held for frames which are not whole. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /**
   * Calls back with every frame that is whole now, in order, without its length; its bytes are never written to again.
   * @throws CtlError("protocol-violated") for a length of zero or beyond the limit; the stream cannot be used any more
   */
  push(chunk: Uint8Array, deliver: (frame: Uint8Array) => void): void {
    let at = this.#keptBytes > 0 ? this.#complete(chunk, deliver) : 0;
    let wanted = prefixBytes;
    while (chunk.length - at >= prefixBytes) {
      wanted = prefixBytes + this.#lengthAt(chunk, at);
      const end = at + wanted;
      if (end > chunk.length) break;
      deliver(chunk.subarray(at + prefixBytes, end));
      at = end;
      wanted = prefixBytes;
    }
    if (at < chunk.length) this.#keep(chunk.subarray(at), wanted);
  }

  /** Fills up the frame that has begun. Returns how much of the chunk that took. */
  #complete(chunk: Uint8Array, deliver: (frame: Uint8Array) => void): number {
    let at = 0;
    if (this.#keptBytes < prefixBytes) {
      at = Math.min(prefixBytes - this.#keptBytes, chunk.length);
      this.#keep(chunk.subarray(0, at), prefixBytes);
      if (this.#keptBytes < prefixBytes) return at;
    }
    const wanted = prefixBytes + this.#lengthAt(this.#buffer, 0);
    const end = Math.min(at + wanted - this.#keptBytes, chunk.length);
    this.#keep(chunk.subarray(at, end), wanted);
    if (this.#keptBytes < wanted) return end;
    const buffer = this.#buffer;
    this.#keptBytes = 0;
    // It belongs to the frame now: whoever keeps bytes of it need not copy them.
    this.#buffer = new Uint8Array(0);
    deliver(buffer.subarray(prefixBytes, wanted));
    return end;
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    let length = 0;
    for (let index = prefixBytes - 1; index >= 0; index -= 1) {
      length = length * 256 + (bytes[at + index] ?? 0);
    }
    if (length > 0 && length <= this.frameBytesMax) return length;
    const text = `Frame of ${length} bytes announced, 1 to ${this.frameBytesMax} are possible`;
    throw new CtlError("protocol-violated", text);
  }

  /** @param wanted how long the frame will be, as far as that is known */
  #keep(bytes: Uint8Array, wanted: number): void {
    const keptBytes = this.#keptBytes + bytes.length;
    if (keptBytes > this.#buffer.length) this.#grow(keptBytes, wanted);
    this.#buffer.set(bytes, this.#keptBytes);
    this.#keptBytes = keptBytes;
  }

  /**
   * An ordinary frame gets its room at once; a larger one at most twice of what has arrived, so that silence after a large
   * announcement costs its sender as much as us.
   */
  #grow(bytes: number, wanted: number): void {
    const isUsual = wanted <= usualFrameBytesMax;
    const room = isUsual ? wanted : Math.min(2 * this.#buffer.length, wanted);
    const grown = new Uint8Array(Math.max(bytes, room));
    grown.set(this.#buffer.subarray(0, this.#keptBytes));
    this.#buffer = grown;
  }
}
