// Time that passes only when a test says so. Timers run in the order of their times, those of the same time in the order in
// which they were set, and each sees the clock at its own time.

import type { Clock } from "../../src/base/clock.ts";

interface Timer {
  atNs: bigint;
  order: number;
  callback: () => void;
}

export class VirtualClock implements Clock {
  readonly #bootNs: bigint;
  readonly #timers = new Set<Timer>();
  #nowNs: bigint;
  #order = 0;

  /** Both clocks start at different values, so that a mix-up shows. */
  constructor(startMonotonicNs = 1_000_000_000n, startRealtimeNs = 1_700_000_000_000_000_000n) {
    this.#nowNs = startMonotonicNs;
    this.#bootNs = startRealtimeNs - startMonotonicNs;
  }

  monotonicNs(): bigint {
    return this.#nowNs;
  }

  realtimeNs(): bigint {
    return this.#bootNs + this.#nowNs;
  }

  /** Timers that are set and have not run. */
  get pending(): number {
    return this.#timers.size;
  }

  after(ms: number, callback: () => void): () => void {
    const atNs = this.#nowNs + nsOf(Math.max(0, ms));
    const timer: Timer = { atNs, order: (this.#order += 1), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `ms` pass at once: runs every timer that falls due, those set meanwhile included. Promises do not get a turn. */
  advance(ms: number): void {
    const endNs = this.#nowNs + nsOf(ms);
    for (let timer = this.#next(); timer && timer.atNs <= endNs; timer = this.#next()) {
      this.#run(timer);
    }
    this.#nowNs = endNs;
  }

  /** The same, with a turn for everything that waits in microtasks before and after each timer. */
  async advanceSettled(ms: number): Promise<void> {
    const endNs = this.#nowNs + nsOf(ms);
    await settle();
    for (let timer = this.#next(); timer && timer.atNs <= endNs; timer = this.#next()) {
      this.#run(timer);
      await settle();
    }
    this.#nowNs = endNs;
  }

  /** Jumps to the next timer and runs it. Returns false when none waits. */
  step(): boolean {
    const timer = this.#next();
    if (timer) this.#run(timer);
    return timer !== null;
  }

  #run(timer: Timer): void {
    this.#timers.delete(timer);
    if (timer.atNs > this.#nowNs) this.#nowNs = timer.atNs;
    timer.callback();
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      const isEarlier =
        !next || timer.atNs < next.atNs || (timer.atNs === next.atNs && timer.order < next.order);
      if (isEarlier) next = timer;
    }
    return next;
  }
}

/** Returns when nothing is left that microtasks alone can move: a macrotask comes behind all of them. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function nsOf(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}
