import { expect, test } from "bun:test";

import { Keepalive } from "../../src/session/keepalive.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function watched(): {
  clock: VirtualClock;
  keepalive: Keepalive;
  asked: () => number;
  dead: () => number;
} {
  const clock = new VirtualClock();
  let asked = 0;
  let dead = 0;
  const keepalive = new Keepalive(clock, { ask: () => (asked += 1), dead: () => (dead += 1) });
  keepalive.start();
  return { clock, keepalive, asked: () => asked, dead: () => dead };
}

test("a peer that stays silent is asked and then taken for dead within 15 s of its last word", () => {
  // Whatever the moment of the last word between two ticks.
  for (let lastMs = 0; lastMs < 20_000; lastMs += 250) {
    const { clock, keepalive, dead } = watched();
    for (let at = 0; at < lastMs; at += 250) {
      keepalive.heard();
      clock.advance(250);
    }
    keepalive.heard();
    clock.advance(7_000);
    expect(dead()).toBe(0);
    clock.advance(8_000);
    expect(dead()).toBe(1);
  }
});

test("a peer that answers each question lives for ever, at the price of one question in two intervals", () => {
  const clock = new VirtualClock();
  let asked = 0;
  let dead = 0;
  const keepalive: Keepalive = new Keepalive(clock, {
    ask: () => {
      asked += 1;
      keepalive.heard();
    },
    dead: () => (dead += 1),
  });
  keepalive.start();
  clock.advance(3_600_000);
  expect(dead).toBe(0);
  expect(asked).toBeGreaterThan(400);
  expect(asked).toBeLessThan(600);
});

test("nothing happens after it was stopped", () => {
  const { clock, keepalive, asked, dead } = watched();
  keepalive.stop();
  clock.advance(100_000);
  expect(asked() + dead()).toBe(0);
});
