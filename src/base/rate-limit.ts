// How many lines a stranger may make us write: so many in any second, then one that says how many more there would have been.
// Driven by the clock it is given; while nothing is suppressed it has no timer, so that an idle daemon never wakes up.

import type { Clock } from "./clock.ts";

/** Lines about strangers, in the audit log and on stderr alike. */
export const strangerLinesPerSecond = 10;

export interface RateLimitOptions {
  clock: Clock;
  perSecond: number;
  /** Told once for each second in which something was suppressed, when it is over. */
  suppressed(count: number): void;
}

const secondMs = 1_000;
const secondNs = 1_000_000_000n;

export class RateLimit {
  readonly #options: RateLimitOptions;
  /** When the last ones were admitted, the oldest at `#next`: a ring of as many as a second may have. */
  readonly #admittedNs: (bigint | null)[];
  #next = 0;
  #suppressed = 0;
  #cancel: (() => void) | null = null;

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#admittedNs = Array.from({ length: options.perSecond }, () => null);
  }

  /** Whether this one may be told. The others are counted. */
  admits(): boolean {
    const { clock } = this.#options;
    const now = clock.monotonicNs();
    const oldest = this.#admittedNs[this.#next] ?? null;
    if (oldest === null || now - oldest >= secondNs) {
      this.#admittedNs[this.#next] = now;
      this.#next = (this.#next + 1) % this.#admittedNs.length;
      return true;
    }
    this.#suppressed += 1;
    this.#cancel ??= clock.after(secondMs, () => this.#tell());
    return false;
  }

  /** Tells what was suppressed and not told yet. Harmless when repeated. */
  close(): void {
    this.#cancel?.();
    if (this.#suppressed > 0) this.#tell();
  }

  #tell(): void {
    const count = this.#suppressed;
    this.#cancel = null;
    this.#suppressed = 0;
    this.#options.suppressed(count);
  }
}
