// Flow control of one stream, both ends. Credit is the acknowledgement: the sender keeps every byte until the
// receiver has written it out and says so, and may be at most one window ahead. Pure; knows no messages.
//
//   acknowledged <= sent <= appended     sent - acknowledged <= window

import { assert } from "../base/assert.ts";
import { CtlError } from "../base/errors.ts";
import { outputChunkBytesMax, windowBytes } from "../wire/limits.ts";

/** A piece of the stream that may be sent now; `bytes` is null where that part was thrown away. */
export interface Piece {
  offset: number;
  length: number;
  bytes: Uint8Array | null;
}

export class SendWindow {
  #pieces: Piece[] = [];
  /** Index in #pieces of the first one that was not sent (on this connection). */
  #next = 0;
  #acknowledged = 0;
  #sent = 0;
  #appended = 0;

  /** Offset of the next byte to be appended: the length of the stream so far. */
  get length(): number {
    return this.#appended;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get hasUnsent(): boolean {
    return this.#next < this.#pieces.length;
  }

  /** Whether the owner should fetch more. What it then appends may exceed the window by one fetch. */
  get hasRoom(): boolean {
    return this.#appended - this.#acknowledged < windowBytes;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += outputChunkBytesMax) {
      const piece = bytes.subarray(at, at + outputChunkBytesMax);
      this.#pieces.push({ offset: this.#appended, length: piece.length, bytes: piece });
      this.#appended += piece.length;
    }
  }

  /** Notes that the next `length` bytes of the stream were thrown away. Neighbouring gaps become one. */
  appendGap(length: number): void {
    const last = this.#pieces.at(-1);
    if (last && last.bytes === null && this.#next < this.#pieces.length) last.length += length;
    else this.#pieces.push({ offset: this.#appended, length, bytes: null });
    this.#appended += length;
  }

  /** The next piece that the window allows, or null. It counts as sent. */
  take(): Piece | null {
    const piece = this.#pieces[this.#next];
    if (!piece) return null;
    if (piece.bytes && piece.offset + piece.length - this.#acknowledged > windowBytes) return null;
    this.#next += 1;
    this.#sent = piece.offset + piece.length;
    return piece;
  }

  /**
   * Everything before `offset` may be forgotten.
   * @throws CtlError("protocol-violated") for an offset that was never sent or goes back
   */
  acknowledge(offset: number): void {
    if (offset < this.#acknowledged || offset > this.#sent) {
      throw new CtlError(
        "protocol-violated",
        `Credit for offset ${offset} of a stream that is between ${this.#acknowledged} and ${this.#sent}`,
      );
    }
    this.#acknowledged = offset;
    let done = 0;
    for (const piece of this.#pieces) {
      if (piece.offset + piece.length > offset) break;
      done += 1;
    }
    if (done > 0) this.#pieces.splice(0, done);
    this.#next -= done;
    assert(this.#next >= 0, "Only what was sent can have been acknowledged");
  }

  /**
   * A new connection goes on at `offset`: what the peer has received before counts as sent, the rest is sent again.
   * @throws CtlError("protocol-violated") for an offset that was forgotten or never sent
   */
  resumeAt(offset: number): void {
    if (offset < this.#acknowledged || offset > this.#appended) {
      throw new CtlError(
        "protocol-violated",
        `Resume at offset ${offset} of a stream that is between ${this.#acknowledged} and ${this.#appended}`,
      );
    }
    this.#split(offset);
    this.#next = this.#pieces.findIndex((piece) => piece.offset >= offset);
    if (this.#next < 0) this.#next = this.#pieces.length;
    this.#sent = offset;
  }

  /** Forgets everything that is kept; only the count goes on. */
  clear(): void {
    this.#pieces = [];
    this.#next = 0;
    this.#acknowledged = this.#appended;
    this.#sent = this.#appended;
  }

  /** Cuts the piece that `offset` lies inside, so that sending can begin exactly there. */
  #split(offset: number): void {
    const index = this.#pieces.findIndex((p) => p.offset < offset && p.offset + p.length > offset);
    const piece = this.#pieces[index];
    if (!piece) return;
    const head = offset - piece.offset;
    const bytes = piece.bytes;
    this.#pieces.splice(
      index,
      1,
      { offset: piece.offset, length: head, bytes: bytes && bytes.subarray(0, head) },
      { offset, length: piece.length - head, bytes: bytes && bytes.subarray(head) },
    );
  }
}

/** The receiving end: every byte once and in order, and credit in portions worth a message. */
export class ReceiveWindow {
  #received = 0;
  #consumed = 0;
  #credited = 0;

  /** Offset of the next byte that is expected. */
  get received(): number {
    return this.#received;
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** @throws CtlError("protocol-violated") for a lost, doubled or unasked-for byte */
  receive(offset: number, length: number): void {
    if (offset !== this.#received) {
      throw new CtlError(
        "protocol-violated",
        `Stream goes on at offset ${offset} instead of ${this.#received}`,
      );
    }
    if (offset + length - this.#consumed > windowBytes) {
      throw new CtlError("protocol-violated", `More than ${windowBytes} bytes without credit`);
    }
    this.#received += length;
  }

  /**
   * A part that the sender threw away. It is consumed in its turn, after what was received before it.
   * @throws CtlError("protocol-violated")
   */
  receiveGap(offset: number, length: number): void {
    if (offset !== this.#received) {
      throw new CtlError(
        "protocol-violated",
        `Gap at offset ${offset} of a stream that is at ${this.#received}`,
      );
    }
    this.#received += length;
  }

  /** `length` more bytes were written out. Returns the offset to give credit for, or null while that is not worth it. */
  consume(length: number): number | null {
    this.#consumed += length;
    assert(this.#consumed <= this.#received, "Only what was received can be consumed");
    return this.#consumed - this.#credited < windowBytes / 4 ? null : this.creditNow();
  }

  /** The offset to give credit for at this moment. */
  creditNow(): number {
    this.#credited = this.#consumed;
    return this.#credited;
  }
}
