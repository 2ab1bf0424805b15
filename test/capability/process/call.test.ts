// What a controller's call does before there is a connection; everything later is played in test/simulation.

import { expect, test } from "bun:test";

import { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 } from "../../../src/base/signals.ts";
import { ExecCall, type ExecHost, type ExecRequest } from "../../../src/capability/process/call.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const request: ExecRequest = {
  key: new Uint8Array(16),
  argv: [Buffer.from("true")],
  env: [],
  directory: new Uint8Array(),
  timeoutMs: 0,
  graceMs: 1_000,
  onDisconnect: "kill",
  leaseMs: 1_000,
  tree: "leave",
};

/** Whoever is asked for a connection never answers. */
const silence: ExecHost = {
  clock: new VirtualClock(),
  connect: () => new Promise(() => {}),
  write: () => {},
  news: () => {},
  random: () => 0,
};

test.each([
  [SIGINT, "SIGINT"],
  [SIGTERM, "SIGTERM"],
  [SIGHUP, "SIGHUP"],
  [SIGQUIT, "SIGQUIT"],
])("signal %i while connecting ends the attempt: nothing was started", async (signal, name) => {
  const call = new ExecCall(silence, request, null);
  const result = call.run();
  call.signal(signal, "group");
  const { end } = await result;
  if (end.kind !== "failed") throw new Error(`It ended otherwise: ${end.kind}`);
  expect(end.error.code).toBe("interrupted");
  expect(end.error.message).toBe(`Interrupted by ${name} while connecting; nothing was started`);
});

test("a signal that need not end a program waits for the program", async () => {
  const clock = new VirtualClock();
  const call = new ExecCall({ ...silence, clock }, request, null);
  let isSettled = false;
  void call.run().then(() => (isSettled = true));
  call.signal(SIGUSR1, "group");
  await clock.advanceSettled(10_000);
  expect(isSettled).toBe(false);
});
