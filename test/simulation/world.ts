// One exec from start to end between a real controller half and a real daemon half, over links that lie, with simulated
// processes and a virtual clock. Everything that happens follows from the seed.

import { CtlError } from "../../src/base/errors.ts";
import type { Message } from "../../src/capability/messages.ts";
import type { ExecNews, ExecRequest } from "../../src/capability/process/call.ts";
import type { OutputStream } from "../../src/capability/process/contract.ts";
import type { ExecResult } from "../../src/capability/process/exec-progress.ts";
import { openSession } from "../../src/controller/connect.ts";
import { NodeExec } from "../../src/controller/node-exec.ts";
import { AuditLog } from "../../src/daemon/audit-log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { Session } from "../../src/session/session.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { type FakeProgram, FakeSpawner } from "../support/fake-spawner.ts";
import { type LinkFaults, lyingPair } from "../support/lying-link.ts";
import { Random } from "../support/random.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export interface Plan {
  seed: number;
  program: FakeProgram;
  stdin: Uint8Array | null;
  request: Partial<ExecRequest>;
  faults: LinkFaults;
  /** Every connection works until this moment of the virtual clock; later ones fail. Null: for ever. */
  linkDiesAfterMs: number | null;
  /** What the user does, and when. */
  acts: { afterMs: number; act(exec: NodeExec): void }[];
  /** The reader of stdout goes away after so many bytes. Null: never. */
  readerLeavesAfter: number | null;
}

export interface Story {
  result: ExecResult;
  stdout: Uint8Array;
  stderr: Uint8Array;
  news: ExecNews[];
  spawner: FakeSpawner;
  clock: VirtualClock;
  connections: number;
}

/** Longer than anything may take. */
const endOfTimeMs = 600_000;

export async function play(plan: Plan): Promise<Story> {
  const random = new Random(plan.seed);
  const clock = new VirtualClock();
  const spawner = new FakeSpawner({ clock, random: () => random.next() }, plan.program);
  const daemon = daemonOf(clock, spawner, random);
  let connections = 0;
  const bornNs = clock.monotonicNs();
  const dial = (): Promise<Transport> => {
    const livedMs = Number(clock.monotonicNs() - bornNs) / 1e6;
    if (plan.linkDiesAfterMs !== null && livedMs > plan.linkDiesAfterMs) {
      return Promise.reject(new CtlError("connect-refused", "Cable cut"));
    }
    connections += 1;
    const [ours, theirs] = lyingPair(clock, random, plan.faults);
    daemon.accept(theirs);
    if (plan.linkDiesAfterMs !== null) {
      clock.after(plan.linkDiesAfterMs - livedMs, () => kill(ours, theirs));
    }
    return Promise.resolve(ours);
  };
  const options = {
    software: "0.0.0",
    host: "controller",
    insecure: false,
    key: null,
    timeoutMs: 5_000,
  };
  const connect = (): Promise<Session<Message>> => openSession(dial(), { clock, ...options });
  const outputs: Record<OutputStream, Uint8Array[]> = { stdout: [], stderr: [] };
  const news: ExecNews[] = [];
  const exec = new NodeExec({
    clock,
    random: () => random.next(),
    connect,
    request: requestOf(plan, random),
    stdin: plan.stdin && stdinOf(plan.stdin, clock, random),
    write: (stream, { bytes }, done) => {
      const written = outputs[stream].reduce((sum, piece) => sum + piece.length, 0);
      const isGone = stream === "stdout" && written >= (plan.readerLeavesAfter ?? Infinity);
      clock.after(random.next() * 4, () => {
        if (!isGone) outputs[stream].push(bytes);
        done(isGone ? "EPIPE" : null);
      });
    },
    news: (one) => news.push(one),
  });
  for (const one of plan.acts) clock.after(one.afterMs, () => one.act(exec));
  const result = await runToEnd(clock, exec.run(), plan.seed);
  const { stdout, stderr } = outputs;
  return {
    result,
    news,
    spawner,
    clock,
    connections,
    stdout: Buffer.concat(stdout),
    stderr: Buffer.concat(stderr),
  };
}

/** Lets the rest of the world go on for so long. */
export async function goOn(clock: VirtualClock, ms: number): Promise<void> {
  const untilNs = clock.monotonicNs() + BigInt(ms) * 1_000_000n;
  while (clock.monotonicNs() < untilNs) {
    await settle();
    if (!clock.step()) return;
  }
}

function daemonOf(clock: VirtualClock, spawner: FakeSpawner, random: Random): Daemon {
  return new Daemon({
    clock,
    spawner,
    software: "0.0.0",
    host: "node",
    node: "node",
    // The lying link counts as a network, and nobody shows a key there.
    insecure: true,
    pid: 1,
    account: { user: "nobody", home: "/", shell: "/bin/sh" },
    incarnation: random.bytes(24),
    nofile: { soft: 1024n, hard: 4096n },
    processesMax: 10,
    sessionsMax: 100,
    random: (length) => random.bytes(length),
    revocations: { isRevoked: () => false, add: () => false },
    audit: new AuditLog({ directory: null, clock, report: () => {} }),
    log: () => {},
  });
}

function requestOf(plan: Plan, random: Random): ExecRequest {
  return {
    key: random.bytes(16),
    argv: [Buffer.from("program")],
    env: [],
    directory: new Uint8Array(),
    timeoutMs: 0,
    graceMs: 1_000,
    onDisconnect: "kill",
    leaseMs: 200_000,
    tree: "leave",
    ...plan.request,
  };
}

function stdinOf(
  bytes: Uint8Array,
  clock: VirtualClock,
  random: Random,
): {
  read(deliver: (bytes: Uint8Array | null) => void): void;
  afterWritten(drained: () => void): void;
  close(): void;
} {
  let at = 0;
  let isClosed = false;
  return {
    read: (deliver) => {
      clock.after(random.next() * 3, () => {
        if (isClosed) return;
        const piece = bytes.slice(at, at + 1 + random.below(50_000));
        at += piece.length;
        deliver(piece.length > 0 ? piece : null);
      });
    },
    afterWritten: (drained) => drained(),
    close: () => (isClosed = true),
  };
}

function kill(...ends: Transport[]): void {
  for (const end of ends) end.destroy();
}

async function runToEnd<Value>(
  clock: VirtualClock,
  promise: Promise<Value>,
  seed: number,
): Promise<Value> {
  let end: { value: Value } | null = null;
  let failure: unknown = null;
  promise.then(
    (value) => (end = { value }),
    (error: unknown) => (failure = error),
  );
  const untilNs = clock.monotonicNs() + BigInt(endOfTimeMs) * 1_000_000n;
  for (;;) {
    await settle();
    if (failure) throw new Error(`Seed ${seed} failed`, { cause: failure });
    if (end) return (end as { value: Value }).value;
    if (!clock.step()) throw new Error(`Seed ${seed}: nothing is left to happen, and no end`);
    if (clock.monotonicNs() > untilNs) throw new Error(`Seed ${seed}: no end in ten minutes`);
  }
}

/** Whatever promises can do without time passing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}
