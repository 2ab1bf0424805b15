// The machine's clocks and the runtime's timers behind the interface that everybody else uses.

import type { Clock } from "../base/clock.ts";
import { libc, must } from "./libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;

export class SystemClock implements Clock {
  readonly #time = new BigInt64Array(2);

  monotonicNs(): bigint {
    return this.#read(CLOCK_MONOTONIC);
  }

  realtimeNs(): bigint {
    return this.#read(CLOCK_REALTIME);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  }

  #read(clock: number): bigint {
    must("clock_gettime", libc().clock_gettime(clock, this.#time));
    return (this.#time[0] ?? 0n) * 1_000_000_000n + (this.#time[1] ?? 0n);
  }
}
