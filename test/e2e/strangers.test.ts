// Strangers at the door of a real daemon: nobody gets in, nobody gets a word, everybody is written down, and the operator does not
// notice. The same at length: scripts/soak/strangers.ts and scripts/soak/slow-strangers.ts.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";

import { until } from "../support/until.ts";
import { descriptorKinds, mib } from "./support/resources.ts";
import { type Daemon, openSandbox, type Sandbox } from "./support/sandbox.ts";
import { besiege, besiegeAsObserver, openRange, type Range } from "./support/stranger-range.ts";
import { slowStrangers } from "./support/stranger-slowness.ts";
import { answerToCommand } from "./support/stranger-talk.ts";
import { faultOf, strangerKinds } from "./support/strangers.ts";

const attempts = 100;
const slowMs = 10_000;
const slowCount = 100;

let box: Sandbox;
let daemon: Daemon;
let range: Range;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
  range = await openRange(box, daemon);
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

async function expectOperatorIsServed(): Promise<void> {
  const { code, text } = await box.ctl(["exec", daemon.address, "echo", "served"]);
  expect({ code, text }).toEqual({ code: 0, text: "served\n" });
  range.books();
}

test("what strangers say is worth something: with an operator's key it starts a command", async () => {
  const { door, keys } = range;
  expect(await answerToCommand(door, "127.0.0.1", keys.operator)).toBe("accepted");
  await until(() => existsSync(door.marker), { what: "the file that the command makes" });
  rmSync(door.marker);
  await until(() => range.books().beyond.some((record) => record.includes("proc.ended")));
});

test.each(strangerKinds.map((kind) => [kind] as const))(
  "%s: nobody gets in or gets a word, everybody is written down, and the operator is served",
  async (kind) => {
    const before = descriptorKinds(daemon.pid);
    const { done, books, pings, isMarked } = await besiege(range, kind, attempts);
    expect(done).toMatchObject({ count: attempts, wrong: 0 });
    expect(books).toMatchObject({
      refused: attempts,
      told: attempts,
      codes: [faultOf[kind]],
      beyond: [],
      requestsRefused: 0,
    });
    expect(isMarked).toBe(false);
    expect(new Set(pings)).toEqual(new Set([0]));
    await until(() => descriptorKinds(daemon.pid).length <= before.length);
    await expectOperatorIsServed();
  },
);

test("an observer is let in, and each of his commands is refused and written down", async () => {
  const { done, books, pings, isMarked } = await besiegeAsObserver(range, attempts);
  expect(done).toMatchObject({ count: attempts, wrong: 0 });
  expect(books.beyond).toEqual([]);
  // Ten of them in a second are told, the others counted, together with what the operator asks.
  expect(books.requestsRefused).toBeGreaterThan(0);
  expect(books.requestsRefused + books.requestsSuppressed).toBeGreaterThanOrEqual(attempts);
  expect(isMarked).toBe(false);
  expect(new Set(pings)).toEqual(new Set([0]));
  await expectOperatorIsServed();
});

test("silent strangers and slow ones cost no memory and no descriptors, and go", async () => {
  const seen = await slowStrangers(range, { silent: slowCount, dripping: slowCount, ms: slowMs });
  expect(seen.isClosed).toBe(true);
  expect(seen.firstGrowthBytes).toBeLessThan(48 * mib);
  expect(seen.laterGrowthBytes).toBeLessThan(16 * mib);
  // Whether they took twice as long as without strangers is asked where nothing else runs: by the long script.
  expect(seen.answers).toBeGreaterThan(slowMs / 100);
  expect(seen.slowestMs).toBeLessThan(2_000);
  await expectOperatorIsServed();
});
