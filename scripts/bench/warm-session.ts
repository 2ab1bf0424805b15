// One open session, measured from inside: reads lines "COUNT AT_ONCE" from stdin, runs that many execs of /bin/true over the
// session, at most AT_ONCE under way, and answers each line with a JSON array of the microseconds that each exec took.
//
//   bun warm-session.ts HOST PORT

import { createInterface } from "node:readline";

import type { Message } from "../../src/capability/messages.ts";
import { ExecCall, type ExecRequest } from "../../src/capability/process/call.ts";
import { openSession } from "../../src/controller/connect.ts";
import { SystemClock } from "../../src/os/clock.ts";
import type { Session } from "../../src/session/session.ts";
import { connectTcp } from "../../src/transport/tcp.ts";

const [host = "", port = ""] = process.argv.slice(2);
const clock = new SystemClock();
const timeoutMs = 5_000;
const session = await openSession(connectTcp({ host, port: Number(port), timeoutMs }), {
  clock,
  software: "bench",
  host: "bench",
  insecure: true,
  key: null,
  timeoutMs,
});

for await (const line of createInterface({ input: process.stdin })) {
  const [count = 0, atOnce = 1] = line.split(" ").map(Number);
  console.log(JSON.stringify(await runMany(session, count, atOnce)));
}
session.goodbye("done", "");
await session.closed;

async function runMany(over: Session<Message>, count: number, atOnce: number): Promise<number[]> {
  const took: number[] = [];
  let started = 0;
  async function oneAfterTheOther(): Promise<void> {
    while (started < count) {
      started += 1;
      const beganNs = Bun.nanoseconds();
      await runOne(over);
      took.push((Bun.nanoseconds() - beganNs) / 1_000);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, oneAfterTheOther));
  return took;
}

async function runOne(over: Session<Message>): Promise<void> {
  const call = new ExecCall(
    {
      clock,
      connect: () => Promise.resolve(over),
      write: (_stream, _piece, done) => done(null),
      news: () => {},
      random: () => 0.5,
    },
    request(),
    null,
  );
  const { end } = await call.run();
  if (end.kind !== "exited" || end.status !== 0) {
    throw new Error(`/bin/true ended as ${end.kind}`);
  }
}

function request(): ExecRequest {
  return {
    key: crypto.getRandomValues(new Uint8Array(16)),
    argv: [Buffer.from("/bin/true")],
    env: [],
    directory: Buffer.from("/"),
    timeoutMs: 0,
    graceMs: 10_000,
    onDisconnect: "kill",
    leaseMs: 10_000,
    tree: "leave",
  };
}
