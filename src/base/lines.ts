// A stream of bytes to whole lines with a prefix, so that the lines of many streams can be mixed and none is torn. Works on
// bytes and copies runs: this is the hot path of labelled output. A line that never ends is given out in pieces, cut
// between code points.

/** A longer line is given out in pieces of about this size, each with the prefix and a newline of its own. */
export const linePieceBytes = 65_536;

const newline = 0x0a;
/** A code point goes on for at most this many bytes after its first. */
const continuationMax = 3;

export class LinePrefixer {
  readonly #prefix: Uint8Array;
  readonly #pieceBytes: number;
  /** The beginning of a line whose end is still to come. */
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;
  #out: Buffer = Buffer.alloc(0);
  #outLength = 0;
  /** Bytes out for a byte in, so far: how much room to begin with. */
  #growth = 1.25;

  constructor(prefix: Uint8Array, pieceBytes = linePieceBytes) {
    this.#prefix = prefix;
    this.#pieceBytes = pieceBytes;
  }

  /** The lines that are complete with this chunk; empty when none is. */
  push(bytes: Uint8Array): Uint8Array {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#begin(Math.ceil(bytes.length * this.#growth) + this.#heldLength);
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end < 0) break;
      if (this.#heldLength === 0 && end - start <= this.#pieceBytes)
        this.#copyLine(chunk, start, end);
      else this.#emit(this.#emitPieces(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    if (chunk.length > 0) this.#growth = Math.max(1.1, (1.1 * this.#outLength) / chunk.length);
    return this.#finish();
  }

  /** What is left of a last line without a newline, with one added. */
  end(): Uint8Array {
    this.#begin(0);
    if (this.#heldLength > 0) this.#emit(new Uint8Array());
    return this.#finish();
  }

  #copyLine(chunk: Buffer, start: number, end: number): void {
    this.#reserve(this.#prefix.length + end - start + 1);
    this.#out.set(this.#prefix, this.#outLength);
    this.#outLength += this.#prefix.length;
    this.#outLength += chunk.copy(this.#out, this.#outLength, start, end + 1);
  }

  #hold(run: Uint8Array): void {
    const rest = this.#emitPieces(run);
    const needed = this.#heldLength + rest.length;
    if (needed > this.#held.length) {
      const room = Math.min(Math.max(needed, 2 * this.#held.length), this.#pieceBytesMax);
      const held = Buffer.allocUnsafeSlow(room);
      held.set(this.#held.subarray(0, this.#heldLength));
      this.#held = held;
    }
    this.#held.set(rest, this.#heldLength);
    this.#heldLength = needed;
  }

  get #pieceBytesMax(): number {
    return this.#pieceBytes + continuationMax;
  }

  /** Emits full pieces of a line that is too long; returns what is left of `run`. */
  #emitPieces(run: Uint8Array): Uint8Array {
    let rest = run;
    for (;;) {
      const cut = this.#cut(rest);
      if (cut >= rest.length) return rest;
      this.#emit(rest.subarray(0, cut));
      rest = rest.subarray(cut);
    }
  }

  /** Where a piece ends: at the size of one, or after the code point that goes on there. */
  #cut(run: Uint8Array): number {
    const latest = this.#pieceBytesMax - this.#heldLength;
    let cut = Math.max(0, this.#pieceBytes - this.#heldLength);
    while (cut < latest && cut < run.length && ((run[cut] ?? 0) & 0xc0) === 0x80) cut += 1;
    return cut;
  }

  /** One line: prefix, what was held, `run`, newline. */
  #emit(run: Uint8Array): void {
    this.#reserve(this.#prefix.length + this.#heldLength + run.length + 1);
    for (const part of [this.#prefix, this.#held.subarray(0, this.#heldLength), run]) {
      this.#out.set(part, this.#outLength);
      this.#outLength += part.length;
    }
    this.#out[this.#outLength] = newline;
    this.#outLength += 1;
    this.#heldLength = 0;
  }

  #begin(room: number): void {
    this.#out = Buffer.allocUnsafeSlow(room);
    this.#outLength = 0;
  }

  #reserve(count: number): void {
    const needed = this.#outLength + count;
    if (needed <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#out.length));
    grown.set(this.#out.subarray(0, this.#outLength));
    this.#out = grown;
  }

  #finish(): Uint8Array {
    const out = this.#out.subarray(0, this.#outLength);
    this.#out = Buffer.alloc(0);
    return out;
  }
}
