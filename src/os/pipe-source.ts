// The read end of a pipe as a source of bytes: event-driven, no thread, nothing read ahead but one piece.
//
// The runtime reads one piece ahead. So an empty pipe does not mean that everything was delivered, unless a read is
// waiting in vain.

import type { ByteSource } from "../base/byte-stream.ts";
import { closeFd, libc } from "./libc.ts";
import { type ChunkReader, openChunkReader } from "./pipe.ts";

const FIONREAD = 0x541b;
const pieceBytesMax = 256 * 1024;
/** Seen: 512 KiB, when the writer has enlarged the pipe. */
const readAheadBytesMax = 1024 * 1024;

/**
 * @param fd the read end, non-blocking; the source closes it
 * @throws OsError when there is no descriptor left; then `fd` is still the caller's
 */
export function openPipeSource(fd: number): ByteSource {
  return new PipeSource(fd);
}

interface DrainWaiter {
  /** So many bytes delivered in all are proof, however busy the writer is. */
  provenAtBytes: number;
  drained: () => void;
}

class PipeSource implements ByteSource {
  readonly #fd: number;
  readonly #reader: ChunkReader;
  #state: "open" | "ended" | "closed" = "open";
  /** Counts reads; one of them is waiting while `#isReading`. */
  #reads = 0;
  #isReading = false;
  #deliveredBytes = 0;
  /** What is left of a chunk that was larger than a piece may be. */
  #rest: Uint8Array | null = null;
  #waiters: DrainWaiter[] = [];

  constructor(fd: number) {
    this.#fd = fd;
    // The runtime works on a duplicate, so that ours remains good for questions about the pipe.
    this.#reader = openChunkReader(fd);
  }

  read(deliver: (bytes: Uint8Array | null) => void): void {
    this.#reads += 1;
    this.#isReading = true;
    const chunk = this.#rest ? Promise.resolve({ value: this.#rest }) : this.#reader.read();
    chunk.then(
      ({ value }) => this.#deliver(value ?? null, deliver),
      // A pipe fails for no other reason than that it is gone.
      () => this.#deliver(null, deliver),
    );
    this.#checkWhenQuiet();
  }

  afterWritten(drained: () => void): void {
    if (this.#state === "closed") return;
    if (this.#state === "ended") return queueMicrotask(drained);
    const provenAtBytes = this.#deliveredBytes + this.#bytesInPipe() + readAheadBytesMax;
    this.#waiters.push({ provenAtBytes, drained });
    this.#checkWhenQuiet();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#waiters = [];
    // Never fails in a way that anybody could act on: the pipe is closed afterwards.
    this.#reader.cancel().catch(() => {});
    closeFd(this.#fd);
  }

  #deliver(chunk: Uint8Array | null, deliver: (bytes: Uint8Array | null) => void): void {
    if (this.#state === "closed") return;
    const piece = chunk && chunk.subarray(0, pieceBytesMax);
    this.#isReading = false;
    this.#rest = chunk && chunk.length > pieceBytesMax ? chunk.subarray(pieceBytesMax) : null;
    if (piece) this.#deliveredBytes += piece.length;
    else this.#state = "ended";
    deliver(piece);
    const hasEnded = piece === null;
    this.#release((waiter) => hasEnded || waiter.provenAtBytes <= this.#deliveredBytes);
  }

  /**
   * A read that is still waiting after a whole turn of the event loop has got everything that the runtime had. Two
   * immediates: the first one may belong to the turn that we are in.
   */
  #checkWhenQuiet(): void {
    if (this.#waiters.length === 0 || !this.#isReading) return;
    const read = this.#reads;
    const asked = this.#waiters.length;
    setImmediate(() => {
      setImmediate(() => {
        const isStillWaiting = this.#isReading && this.#reads === read;
        if (this.#state !== "open" || !isStillWaiting || this.#bytesInPipe() > 0) return;
        const known = new Set(this.#waiters.slice(0, asked));
        this.#release((waiter) => known.has(waiter));
      });
    });
  }

  #release(isDrained: (waiter: DrainWaiter) => boolean): void {
    if (this.#waiters.length === 0 || this.#state === "closed") return;
    const drained = this.#waiters.filter(isDrained);
    this.#waiters = this.#waiters.filter((waiter) => !drained.includes(waiter));
    for (const waiter of drained) waiter.drained();
  }

  #bytesInPipe(): number {
    const count = new Int32Array(1);
    return libc().ioctl(this.#fd, FIONREAD, count) < 0 ? 0 : (count[0] ?? 0);
  }
}
