// What a daemon of the compiled ctl keeps after much work: nothing. And what it does when there is nothing to do: nothing.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";

import { FileLock } from "../../src/os/file-lock.ts";
import { until } from "../support/until.ts";
import { descendants } from "./support/processes.ts";
import {
  descriptorKinds,
  mib,
  peakBytes,
  switchesBetween,
  switchesByThread,
  zombieCount,
} from "./support/resources.ts";
import { said } from "./support/running.ts";
import { type Daemon, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { shell } from "./support/shell.ts";

let box: Sandbox;
let daemon: Daemon;
/** Has run one command, and is then left alone while the other one works: its runtime comes to rest meanwhile. */
let quiet: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
  quiet = await box.startDaemon();
  // Whatever comes with the first child and stays is not a leak.
  for (const { address } of [daemon, quiet]) await box.ctl(["exec", address, "true"]);
});

afterAll(async () => {
  await daemon.stop();
  await quiet.stop();
  await box[Symbol.asyncDispose]();
});

const windowMs = 10_000;
/** The runtime wakes up 1.25 times a second for an open socket; the rest are signs of life and their answers. */
const switchesWithSessionMax = 2.5;

/** Context switches of all of a daemon's threads per second. */
async function switchesPerSecond(pid: number): Promise<number> {
  const before = switchesByThread(pid);
  // The measurement itself.
  await Bun.sleep(windowMs);
  return switchesBetween(before, switchesByThread(pid)) / (windowMs / 1_000);
}

/** What may differ before and after: descriptors, children that nobody reaped, processes below the daemon. */
function holdings(): { descriptors: string[]; zombies: number; below: string[] } {
  return {
    descriptors: descriptorKinds(daemon.pid),
    zombies: zombieCount(daemon.pid),
    below: descendants(daemon.pid).map((entry) => entry.command),
  };
}

/** Waits until the daemon holds what it held `before`. */
async function untilAsBefore(before: ReturnType<typeof holdings>): Promise<void> {
  await until(() => Bun.deepEquals(holdings(), before), { timeoutMs: 10_000 }).catch(() => {});
  expect(holdings()).toEqual(before);
}

test("200 execs at the same time all end as they should, and nothing of them stays", async () => {
  const before = holdings();
  // None ends before all have begun; and none of them costs anything until then.
  const path = join(box.directory, "gate");
  const gate = FileLock.tryAcquire(path);
  const wait = `flock --shared ${path} true`;
  const runs = Array.from({ length: 200 }, (_, index) =>
    box.start([
      "exec",
      // Two hundred handshakes of two hundred programs that all start now: they may take their turns.
      "--connect-timeout",
      "2m",
      daemon.address,
      "sh",
      "-c",
      `echo ready ${index}; ${wait}; echo error ${index} >&2; exit ${index % 100}`,
    ]),
  );
  for (const [index, run] of runs.entries())
    await said(run, new RegExp(`^ready ${index}$`, "m"), 150_000);
  gate?.release();
  const ends = await Promise.all(runs.map((run) => run.ended));
  expect(ends.map(({ text, stderr, code }) => [text, stderr, code])).toEqual(
    ends.map((_, index) => [`ready ${index}\n`, `error ${index}\n`, index % 100]),
  );
  await untilAsBefore(before);
});

test("hundreds of execs, one after the other, leave nothing behind and take no more memory", async () => {
  const before = holdings();
  const row = `for i in $(seq 150); do "$CTL" exec ${daemon.address} echo $i || echo failed; done`;
  const patient = { timeoutMs: 120_000 };
  const rows = await Promise.all([1, 2].map(() => shell(box, row, patient)));
  const numbers = Array.from({ length: 150 }, (_, index) => `${index + 1}\n`).join("");
  for (const { text, stderr } of rows)
    expect({ text, stderr }).toEqual({ text: numbers, stderr: "" });
  await untilAsBefore(before);
  const peak = peakBytes(daemon.pid) ?? 0;
  await shell(box, row, patient);
  expect((peakBytes(daemon.pid) ?? 0) - peak).toBeLessThan(8 * mib);
});

test("a reader that leaves, again and again, leaves nothing behind on the node", async () => {
  const before = holdings();
  const { text } = await shell(
    box,
    `for i in $(seq 20); do "$CTL" exec ${daemon.address} yes | head -1; done`,
  );
  expect(text).toBe("y\n".repeat(20));
  await untilAsBefore(before);
});

test("controllers that are killed leave nothing behind, once their lease is over", async () => {
  const before = holdings();
  const runs = Array.from({ length: 20 }, () =>
    box.start([
      "exec",
      "--on-disconnect",
      "kill:200ms",
      daemon.address,
      "sh",
      "-c",
      "echo ready; sleep 600 & exec sleep 601",
    ]),
  );
  for (const run of runs) await said(run, /ready/);
  for (const run of runs) run.signal("SIGKILL");
  await Promise.all(runs.map((run) => run.ended));
  await untilAsBefore(before);
});

test("an idle daemon does not wake up", async () => {
  let perSecond = await switchesPerSecond(quiet.pid);
  // The runtime's compiler threads may still have to leave.
  for (let round = 0; perSecond > 0 && round < 3; round += 1) {
    perSecond = await switchesPerSecond(quiet.pid);
  }
  expect(perSecond).toBe(0);
});

test("a session in which nothing happens costs the daemon hardly more than the runtime's own ticks", async () => {
  const run = box.start(["exec", quiet.address, "sh", "-c", "echo ready; exec sleep 600"]);
  await said(run, /ready/);
  await until(async () => (await switchesPerSecond(quiet.pid)) <= switchesWithSessionMax, {
    timeoutMs: 40_000,
  });
  run.signal("SIGTERM");
  expect((await run.ended).code).toBe(143);
});

test("nothing is left of all this", async () => {
  await untilNothingIsLeft(box);
  expect(box.leftovers()).toEqual([]);
});
