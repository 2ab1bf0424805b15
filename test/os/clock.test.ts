// The machine's clocks against what the machine says elsewhere.

import { describe, expect, test } from "bun:test";

import { SystemClock } from "../../src/os/clock.ts";
import { until } from "../support/until.ts";

describe("the system's clock", () => {
  const clock = new SystemClock();

  test("is monotonic, in nanoseconds since the machine's own epoch", async () => {
    const uptimeS = Number((await Bun.file("/proc/uptime").text()).split(" ")[0]);
    const times = Array.from({ length: 1_000 }, () => clock.monotonicNs());
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(Math.abs(Number(times[0]) / 1e9 - uptimeS)).toBeLessThan(5);
  });

  test("tells the real time in nanoseconds", () => {
    const differenceMs = Number(clock.realtimeNs() / 1_000_000n) - Date.now();
    expect(Math.abs(differenceMs)).toBeLessThan(1_000);
  });

  test("is the same for two of its kind", () => {
    const [before, between, after] = [clock, new SystemClock(), clock].map((each) =>
      each.monotonicNs(),
    );
    expect(between).toBeGreaterThanOrEqual(before ?? 0n);
    expect(after).toBeGreaterThanOrEqual(between ?? 0n);
  });

  test("calls back once, not early, and not when it was cancelled", async () => {
    const calls: string[] = [];
    const start = clock.monotonicNs();
    const cancel = clock.after(5, () => calls.push("cancelled"));
    const late = clock.after(20, () => calls.push("late"));
    cancel();
    cancel();
    await until(() => calls.length > 0);
    expect(calls).toEqual(["late"]);
    expect(Number(clock.monotonicNs() - start)).toBeGreaterThanOrEqual(19_000_000);
    late();
  });
});

test("a timer beyond what the runtime can hold does not fire at once", async () => {
  let hasFired = false;
  const cancel = new SystemClock().after(2 ** 31 + 1_000, () => (hasFired = true));
  // One that was set later and is due has fired: a broken long one would have come before.
  await new Promise<void>((resolve) => void new SystemClock().after(20, resolve));
  expect(hasFired).toBe(false);
  cancel();
});
