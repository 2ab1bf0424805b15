// The end of a daemon, as its processes see it: everything that must not outlive it has ended, and nobody who does not read
// can hold it up.

import { expect, test } from "bun:test";

import type { ProcessMessage, Start } from "../../../src/capability/process/contract.ts";
import { farewellMs, ProcessTable } from "../../../src/capability/process/table.ts";
import { type FakeProgram, FakeSpawner } from "../../support/fake-spawner.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const talkative: FakeProgram = {
  stdout: new Uint8Array(2_000_000),
  stderr: new Uint8Array(),
  code: 0,
  readsStdin: false,
  treeStaysMs: 0,
  isEndless: true,
};

const start: Start = {
  kind: "start",
  key: new Uint8Array(16),
  incarnation: new Uint8Array(24),
  argv: [Buffer.from("talk")],
  env: [],
  directory: new Uint8Array(),
  stdin: false,
  timeoutMs: 0,
  graceMs: 1_000,
  onDisconnect: "kill",
  leaseMs: 10_000,
  tree: "leave",
};

function tableOf(clock: VirtualClock): ProcessTable {
  const world = { clock, random: () => 0.5 };
  return new ProcessTable({
    clock,
    spawner: new FakeSpawner(world, talkative),
    account: { user: "root", home: "/", shell: "/bin/sh" },
    node: "node",
    nofile: { soft: 1_024n, hard: 4_096n },
    told: () => {},
    processesMax: 10,
    random: (length) => new Uint8Array(length),
  });
}

test("a controller that reads hears how its process ended before the daemon is done", async () => {
  const clock = new VirtualClock();
  const table = tableOf(clock);
  const heard: ProcessMessage[] = [];
  const record = table.start(start, {
    send: (message) => {
      heard.push(message);
      if (message.kind === "output") {
        const offset = message.offset + message.bytes.length;
        record.take({ kind: "credit", stream: message.stream, offset });
      }
    },
    replaced: () => {},
  });
  await clock.advanceSettled(100);
  const stopped = table.stopAll();
  let isStopped = false;
  void stopped.then(() => (isStopped = true));
  await clock.advanceSettled(100);
  expect(isStopped).toBe(true);
  const facts = heard.flatMap((message) => (message.kind === "event" ? message.fact.kind : []));
  expect(facts).toContain("exited");
});

test("a controller that stands still does not keep the daemon alive", async () => {
  const clock = new VirtualClock();
  const table = tableOf(clock);
  const heard: ProcessMessage[] = [];
  table.start(start, { send: (message) => void heard.push(message), replaced: () => {} });
  await clock.advanceSettled(1_000);
  let isStopped = false;
  void table.stopAll().then(() => (isStopped = true));
  await clock.advanceSettled(farewellMs - 100);
  expect(isStopped).toBe(false);
  await clock.advanceSettled(200);
  expect(isStopped).toBe(true);
  // What it did not read is not told as if it had been.
  const facts = heard.flatMap((message) => (message.kind === "event" ? message.fact.kind : []));
  expect(facts).not.toContain("exited");
});
