// Waiting for something to stand still: a writer that is held back says so in no other way.

import { until } from "../../support/until.ts";

const stillMs = 500;

/** Waits until `count` is above zero and has not changed for half a second; its value then. */
export async function untilStill(count: () => number): Promise<number> {
  let last = -1;
  let sinceMs = performance.now();
  const isStill = (): boolean => {
    const now = count();
    if (now !== last) sinceMs = performance.now();
    last = now;
    return now > 0 && performance.now() - sinceMs > stillMs;
  };
  await until(isStill, { timeoutMs: 20_000, what: "a count that stands still" });
  return last;
}
