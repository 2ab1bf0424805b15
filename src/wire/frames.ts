// Cuts a stream of bytes into frames, however it was split on its way. A frame that lies whole in a chunk is a view of
// it; any other is put together in one buffer that grows with the bytes that have arrived, never with what was announced.
//
//   kept <= wanted <= 4 + frameBytesMax

import { CtlError } from "../base/errors.ts";

/** The length before each frame: unsigned, little-endian. */
const prefixBytes = 4;
const kib = 1024;
/** A buffer of this size is kept for the next frame: every frame but a very large start fits. */
const keptBufferBytesMax = 128 * kib;

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
   * Calls back with every frame that is whole now, in order, without its length; it is valid only during the call.
   * @throws CtlError("protocol-violated") for a length of zero or beyond the limit; the stream cannot be used any more
   */
  push(chunk: Uint8Array, deliver: (frame: Uint8Array) => void): void {
    let at = this.#keptBytes > 0 ? this.#complete(chunk, deliver) : 0;
    while (chunk.length - at >= prefixBytes) {
      const end = at + prefixBytes + this.#lengthAt(chunk, at);
      if (end > chunk.length) break;
      deliver(chunk.subarray(at + prefixBytes, end));
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  /** Fills up the frame that has begun. Returns how much of the chunk that took. */
  #complete(chunk: Uint8Array, deliver: (frame: Uint8Array) => void): number {
    let at = 0;
    if (this.#keptBytes < prefixBytes) {
      at = Math.min(prefixBytes - this.#keptBytes, chunk.length);
      this.#keep(chunk, 0, at);
      if (this.#keptBytes < prefixBytes) return at;
    }
    const wanted = prefixBytes + this.#lengthAt(this.#buffer, 0);
    const end = Math.min(at + wanted - this.#keptBytes, chunk.length);
    this.#keep(chunk, at, end);
    if (this.#keptBytes < wanted) return end;
    const buffer = this.#buffer;
    this.#keptBytes = 0;
    // What one large frame needed is not held for the rest of the session.
    if (buffer.length > keptBufferBytesMax) this.#buffer = new Uint8Array(0);
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

  #keep(chunk: Uint8Array, from: number, to: number): void {
    const bytes = this.#keptBytes + to - from;
    if (bytes > this.#buffer.length) this.#grow(bytes);
    this.#buffer.set(chunk.subarray(from, to), this.#keptBytes);
    this.#keptBytes = bytes;
  }

  /** At most twice of what has arrived, so that silence after a large announcement costs its sender as much as us. */
  #grow(bytes: number): void {
    const most = prefixBytes + this.frameBytesMax;
    const grown = new Uint8Array(Math.min(Math.max(bytes, 2 * this.#buffer.length), most));
    grown.set(this.#buffer.subarray(0, this.#keptBytes));
    this.#buffer = grown;
  }
}
