// Bytes that wait for the kernel. The only one who knows that a socket's write takes as much as it likes and says how
// much: small pieces become one write, what was not taken is kept in order, and nobody learns how it was cut.

/** A piece up to here is copied next to its neighbours: cheaper than a system call of its own. */
const smallPieceBytes = 16 * 1024;
/** The most that is gathered for one write. */
const gatheredBytesMax = 64 * 1024;
/** With so much queued, the end of the tick is not waited for. */
const flushAtBytes = 32 * 1024;

/** How much of `bytes` the kernel took: 0 when it has no room, -1 when the connection is gone. */
export type WriteBytes = (bytes: Uint8Array) => number;

export interface OutboxEvents {
  /** Everything is out again after `add` said that it was not. */
  drained(): void;
  /** The connection is gone; nothing more will be taken. */
  broken(): void;
}

export class Outbox {
  readonly #write: WriteBytes;
  readonly #events: OutboxEvents;
  #pieces: Uint8Array[] = [];
  #gathered: Uint8Array | null = null;
  #queuedBytes = 0;
  #state: "open" | "full" | "broken" = "open";
  #isFlushDue = false;
  #owesDrained = false;

  constructor(write: WriteBytes, events: OutboxEvents) {
    this.#write = write;
    this.#events = events;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Returns false while the kernel has no room. What is added to a broken connection is dropped. */
  add(bytes: Uint8Array): boolean {
    if (this.#state === "broken" || bytes.length === 0) return this.#state === "open";
    this.#pieces.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#state === "open") {
      if (this.#queuedBytes > flushAtBytes) this.flush();
      else this.#flushAfterThisTick();
    }
    const isTaken = this.#hasRoom();
    if (!isTaken) this.#owesDrained = true;
    return isTaken;
  }

  /** Writes until all is out or the kernel is full; also what a socket's `drain` calls. */
  flush(): void {
    if (this.#state === "broken") return;
    this.#state = "open";
    while (this.#queuedBytes > 0) {
      const bytes = this.#nextBytes();
      const taken = this.#write(bytes);
      if (taken < 0) return this.#break();
      this.#queuedBytes -= taken;
      if (taken < bytes.length) {
        this.#keep(bytes, taken);
        this.#state = "full";
        return;
      }
    }
    if (!this.#owesDrained) return;
    this.#owesDrained = false;
    this.#events.drained();
  }

  /** Forgets everything and takes nothing any more. */
  discard(): void {
    this.#state = "broken";
    this.#pieces = [];
    this.#queuedBytes = 0;
    this.#gathered = null;
  }

  #break(): void {
    this.discard();
    this.#events.broken();
  }

  /** A method, so that the compiler forgets what it knew: `flush` may have changed it. */
  #hasRoom(): boolean {
    return this.#state === "open";
  }

  #flushAfterThisTick(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      if (this.#state === "open") this.flush();
    });
  }

  /** Takes the next pieces off the queue as the bytes of one write. */
  #nextBytes(): Uint8Array {
    let count = 0;
    let length = 0;
    for (const piece of this.#pieces) {
      if (piece.length > smallPieceBytes || length + piece.length > gatheredBytesMax) break;
      count += 1;
      length += piece.length;
    }
    const pieces = this.#pieces.splice(0, Math.max(1, count));
    const [only] = pieces;
    return pieces.length === 1 && only ? only : this.#gather(pieces, length);
  }

  #gather(pieces: readonly Uint8Array[], length: number): Uint8Array {
    this.#gathered ??= new Uint8Array(gatheredBytesMax);
    let offset = 0;
    for (const piece of pieces) {
      this.#gathered.set(piece, offset);
      offset += piece.length;
    }
    return this.#gathered.subarray(0, length);
  }

  /** Puts back what the kernel did not take; the gathering buffer is used again, so its bytes must be copied. */
  #keep(bytes: Uint8Array, taken: number): void {
    const isGathered = bytes.buffer === this.#gathered?.buffer;
    this.#pieces.unshift(isGathered ? bytes.slice(taken) : bytes.subarray(taken));
  }
}
