// Two transports back to back inside one process, with a socket's manners: delivery is never synchronous, a reader that
// pauses fills the sender's queue, and an end comes behind the bytes sent before it.

import { assert } from "../base/assert.ts";
import { CtlError } from "../base/errors.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** What is under way without counting as queued: about what a socket's buffers hold. */
const highWaterBytes = 256 * 1024;

export function memoryPair(): [Transport, Transport] {
  const there = new Direction();
  const back = new Direction();
  return [new MemoryTransport(back, there), new MemoryTransport(there, back)];
}

/** One way: what was sent and not yet taken. Each side hears of the other's doings through a callback. */
class Direction {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #owesDrained = false;
  end: "open" | "finished" | "reset" = "open";
  /** To the reader: there is something to take, or the end has come. */
  changed: () => void = () => {};
  /** To the writer: all of it was taken after `put` said that it was too much. */
  drained: () => void = () => {};

  get queuedBytes(): number {
    return Math.max(0, this.#bytes - highWaterBytes);
  }

  put(bytes: Uint8Array): boolean {
    if (bytes.length > 0) {
      this.#pieces.push(bytes);
      this.#bytes += bytes.length;
      this.changed();
    }
    if (this.queuedBytes > 0) this.#owesDrained = true;
    return this.queuedBytes === 0;
  }

  take(): Uint8Array | null {
    const bytes = this.#pieces.shift() ?? null;
    this.#bytes -= bytes?.length ?? 0;
    if (this.#owesDrained && this.#bytes === 0) {
      this.#owesDrained = false;
      queueMicrotask(() => this.drained());
    }
    return bytes;
  }

  /** Nothing comes behind what was put so far. */
  finish(): void {
    if (this.end !== "open") return;
    this.end = "finished";
    this.changed();
  }

  /** Nothing comes any more, and what was on its way is lost. */
  cut(end: "finished" | "reset"): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.end = end;
    this.changed();
  }
}

class MemoryTransport implements Transport {
  readonly peer = "memory";
  readonly kind = "memory";
  readonly identity = null;
  readonly #incoming: Direction;
  readonly #outgoing: Direction;
  #handler: TransportHandler | null = null;
  #isPaused = false;
  #isClosing = false;
  #isOver = false;
  #isDeliveryDue = false;

  constructor(incoming: Direction, outgoing: Direction) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    incoming.changed = () => this.#deliverSoon();
    outgoing.drained = () => {
      if (!this.#isOver && !this.#isClosing) this.#handler?.drained();
    };
  }

  get queuedBytes(): number {
    return this.#outgoing.queuedBytes;
  }

  attach(handler: TransportHandler): void {
    assert(this.#handler === null, "A transport has one handler");
    this.#handler = handler;
    this.#deliverSoon();
  }

  send(bytes: Uint8Array): boolean {
    return !this.#isOver && this.#outgoing.end === "open" && this.#outgoing.put(bytes);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliverSoon();
  }

  close(): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    this.#outgoing.finish();
    this.#deliverSoon();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#incoming.cut("reset");
    this.#outgoing.cut("reset");
  }

  #deliverSoon(): void {
    if (this.#isDeliveryDue || this.#isOver) return;
    this.#isDeliveryDue = true;
    queueMicrotask(() => {
      this.#isDeliveryDue = false;
      this.#deliver();
    });
  }

  /** One piece per turn, so that two busy sides alternate. */
  #deliver(): void {
    if (!this.#handler || this.#isOver) return;
    if (this.#incoming.end === "reset") return this.#finish(resetError());
    // After our own `close` nothing is delivered, but it is taken, as a socket does: the end comes behind it.
    if (this.#isPaused && !this.#isClosing) return;
    const bytes = this.#incoming.take();
    if (!bytes) {
      if (this.#incoming.end === "finished") this.#finish(null);
      return;
    }
    this.#deliverSoon();
    if (!this.#isClosing) this.#handler.data(bytes);
  }

  /** What was still queued for a peer that has left is lost, and our own end follows the peer's. */
  #finish(error: CtlError | null): void {
    this.#isOver = true;
    this.#outgoing.cut(error ? "reset" : "finished");
    this.#handler?.closed(error);
  }
}

function resetError(): CtlError {
  return new CtlError("connection-lost", "The connection was reset", { errno: "ECONNRESET" });
}
