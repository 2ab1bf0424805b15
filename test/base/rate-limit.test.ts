// So many in any second, one line for the rest, and no timer while there is nothing to tell.

import { expect, test } from "bun:test";

import { RateLimit, strangerLinesPerSecond } from "../../src/base/rate-limit.ts";
import { withSeeds } from "../support/random.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function limited(perSecond: number): { clock: VirtualClock; limit: RateLimit; told: number[] } {
  const clock = new VirtualClock();
  const told: number[] = [];
  const limit = new RateLimit({ clock, perSecond, suppressed: (count) => told.push(count) });
  return { clock, limit, told };
}

const admittedOf = (limit: RateLimit, asked: number): number =>
  Array.from({ length: asked }, () => limit.admits()).filter(Boolean).length;

test("strangers may make us write ten lines in a second", () => {
  expect(strangerLinesPerSecond).toBe(10);
});

test("as many as the limit are admitted at once, and no timer runs", () => {
  const { clock, limit, told } = limited(10);
  expect(admittedOf(limit, 10)).toBe(10);
  expect(clock.pending).toBe(0);
  clock.advance(60_000);
  expect(told).toEqual([]);
});

test("what is beyond the limit is counted, and told once, a second later", () => {
  const { clock, limit, told } = limited(10);
  expect(admittedOf(limit, 1_000)).toBe(10);
  expect(clock.pending).toBe(1);
  clock.advance(999);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual([990]);
  expect(clock.pending).toBe(0);
  clock.advance(60_000);
  expect(told).toEqual([990]);
});

test("a flood that goes on is told of once a second, and those who come after it are heard again", () => {
  const { clock, limit, told } = limited(10);
  let admitted = 0;
  for (let step = 0; step < 500; step += 1) {
    if (limit.admits()) admitted += 1;
    clock.advance(10);
  }
  expect(admitted).toBeLessThanOrEqual(50);
  expect(admitted).toBeGreaterThanOrEqual(40);
  clock.advance(1_000);
  expect(told.length).toBeLessThanOrEqual(5);
  expect(admitted + told.reduce((sum, count) => sum + count, 0)).toBe(500);
  expect(limit.admits()).toBeTrue();
  expect(clock.pending).toBe(0);
});

test("no second has more than the limit, wherever it begins, and everything is admitted or counted", async () => {
  await withSeeds({ count: 200 }, (random) => {
    const perSecond = random.integer(1, 12);
    const { clock, limit, told } = limited(perSecond);
    const admittedMs: number[] = [];
    let asked = 0;
    let nowMs = 0;
    for (let step = 0; step < 300; step += 1) {
      const pause = random.chance(0.1) ? random.integer(0, 2_000) : random.integer(0, 60);
      clock.advance(pause);
      nowMs += pause;
      asked += 1;
      if (limit.admits()) admittedMs.push(nowMs);
    }
    limit.close();
    for (const [index, ms] of admittedMs.entries()) {
      const before = admittedMs[index - perSecond];
      if (before !== undefined) expect(ms - before).toBeGreaterThanOrEqual(1_000);
    }
    expect(admittedMs.length + told.reduce((sum, count) => sum + count, 0)).toBe(asked);
    expect(clock.pending).toBe(0);
  });
});

test("closing tells what was counted, stops the timer, and may be repeated", () => {
  const { clock, limit, told } = limited(1);
  admittedOf(limit, 3);
  limit.close();
  limit.close();
  expect(told).toEqual([2]);
  expect(clock.pending).toBe(0);
});

test("closing says nothing when nothing was suppressed", () => {
  const { limit, told } = limited(1);
  limit.admits();
  limit.close();
  expect(told).toEqual([]);
});
