// The clock that simulations trust.

import { describe, expect, test } from "bun:test";

import { Random } from "./random.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("VirtualClock", () => {
  test("runs timers in the order of their times, and of their making at the same time", () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.after(5, () => ran.push("five"));
    clock.after(1, () => ran.push("one"));
    clock.after(5, () => ran.push("five again"));
    clock.after(0, () => ran.push("now"));
    expect(ran).toEqual([]);
    clock.advance(4);
    expect(ran).toEqual(["now", "one"]);
    clock.advance(1);
    expect(ran).toEqual(["now", "one", "five", "five again"]);
    expect(clock.pending).toBe(0);
  });

  test("shows each timer its own time, on both clocks", () => {
    const clock = new VirtualClock(10n, 1_000n);
    const seen: bigint[][] = [];
    clock.after(2, () => seen.push([clock.monotonicNs(), clock.realtimeNs()]));
    clock.advance(3);
    expect(seen).toEqual([[2_000_010n, 2_001_000n]]);
    expect([clock.monotonicNs(), clock.realtimeNs()]).toEqual([3_000_010n, 3_001_000n]);
  });

  test("runs timers that timers set, when they fall due in the same advance", () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = (): void => {
      ticks += 1;
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.advance(95);
    expect(ticks).toBe(9);
  });

  test("forgets a timer that was cancelled, before or after it ran", () => {
    const clock = new VirtualClock();
    let runs = 0;
    const cancel = clock.after(1, () => (runs += 1));
    const cancelOther = clock.after(1, () => (runs += 10));
    cancelOther();
    clock.advance(2);
    cancel();
    expect([runs, clock.pending]).toEqual([1, 0]);
  });

  test("gives promises a turn between timers when asked to", async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.after(1, () => void Promise.resolve().then(() => ran.push("promise")));
    clock.after(2, () => ran.push("timer"));
    await clock.advanceSettled(5);
    expect(ran).toEqual(["promise", "timer"]);
  });
});

function draw(seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: 50 }, () => random.integer(-5, 1_000));
}

describe("Random", () => {
  test("repeats itself with the same seed, and differs with another", () => {
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test("covers its range, both ends included, and nothing else", () => {
    const random = new Random(3);
    const seen = new Set(Array.from({ length: 1_000 }, () => random.integer(-1, 2)));
    expect([...seen].toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2]);
    expect(random.bytes(7).length).toBe(7);
    expect(random.chance(0)).toBeFalse();
    expect(random.chance(1)).toBeTrue();
  });
});
