// The machine's clocks and the runtime's timers behind the interface that everybody else uses.

import type { Clock } from "../base/clock.ts";
import { libc, must } from "./libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
/** The runtime fires a longer timer at once; three weeks and more are waited for in turns. */
const timerMsMax = 2 ** 31 - 1;

type Timer = ReturnType<typeof setTimeout>;

export class SystemClock implements Clock {
  readonly #time = new BigInt64Array(2);

  monotonicNs(): bigint {
    return this.#read(CLOCK_MONOTONIC);
  }

  realtimeNs(): bigint {
    return this.#read(CLOCK_REALTIME);
  }

  after(ms: number, callback: () => void): () => void {
    const arm = (leftMs: number): Timer => {
      const turnMs = Math.min(leftMs, timerMsMax);
      const next = (): void => {
        if (turnMs === leftMs) callback();
        else timer = arm(leftMs - turnMs);
      };
      return setTimeout(next, turnMs);
    };
    let timer = arm(ms);
    return () => clearTimeout(timer);
  }

  #read(clock: number): bigint {
    must("clock_gettime", libc().clock_gettime(clock, this.#time));
    return (this.#time[0] ?? 0n) * 1_000_000_000n + (this.#time[1] ?? 0n);
  }
}
