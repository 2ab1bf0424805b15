// A daemon as its controllers know it: limits that are said in words and give room again, and rules that are kept.

import { expect, test } from "bun:test";

import { type Message, messageCodec } from "../../src/capability/messages.ts";
import { openSession } from "../../src/controller/connect.ts";
import { AuditLog } from "../../src/daemon/audit-log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { helloOf } from "../../src/session/hello.ts";
import type { Operation, SessionEnd } from "../../src/session/operation.ts";
import type { Session } from "../../src/session/session.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { FrameReader } from "../../src/wire/frames.ts";
import { helloBytesMax } from "../../src/wire/limits.ts";
import { FakeSpawner } from "../support/fake-spawner.ts";
import { Random } from "../support/random.ts";
import { until } from "../support/until.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const random = new Random(1);
const incarnation = random.bytes(24);

interface Node {
  spawner: FakeSpawner;
  clock: VirtualClock;
  /** The controller's end of a new connection. */
  dial(): Transport;
  connect(): Promise<Session<Message>>;
}

interface NodeOptions {
  sessionsMax: number;
  processesMax: number;
  /** Its processes never end by themselves. */
  isEndless?: boolean;
}

function nodeWith({ isEndless = false, ...limits }: NodeOptions): Node {
  const clock = new VirtualClock();
  const spawner = new FakeSpawner(
    { clock, random: () => random.next() },
    {
      stdout: new Uint8Array(),
      stderr: new Uint8Array(),
      code: 0,
      readsStdin: false,
      treeStaysMs: 0,
      isEndless,
    },
  );
  const daemon = new Daemon({
    clock,
    spawner,
    software: "0.0.0",
    host: "node",
    node: "node",
    insecure: false,
    pid: 1,
    account: { user: "nobody", home: "/", shell: "/bin/sh" },
    incarnation,
    nofile: { soft: 1024n, hard: 4096n },
    ...limits,
    random: (length) => random.bytes(length),
    revocations: { isRevoked: () => false, add: () => false },
    audit: new AuditLog({ directory: null, clock, report: () => {} }),
    log: () => {},
  });
  const dial = (): Transport => {
    const [ours, theirs] = memoryPair();
    daemon.accept(theirs);
    return ours;
  };
  const options = {
    software: "0.0.0",
    host: "here",
    insecure: false,
    key: null,
    timeoutMs: 5_000,
  };
  const connect = (): Promise<Session<Message>> =>
    openSession(Promise.resolve(dial()), { clock, ...options });
  return { spawner, clock, dial, connect };
}

/** Says hello over a bare transport and collects what the node says. */
function greet(transport: Transport): Message[] {
  const codec = messageCodec();
  const heard: Message[] = [];
  const frames = new FrameReader(helloBytesMax);
  const take = (frame: Uint8Array): void => {
    const envelope = codec.decode(frame.slice());
    if (envelope) heard.push(envelope.message);
  };
  transport.attach({
    data: (bytes) => frames.push(bytes, take),
    drained: () => {},
    closed: () => {},
  });
  const facts = { software: "0.0.0", host: "here", insecure: false };
  const times = { monotonicNs: 0n, realtimeNs: 0n };
  const hello = helloOf({ ...facts, ...times, incarnation: new Uint8Array(), ownLimits: null });
  transport.send(codec.encode(0, hello));
  return heard;
}

interface Heard {
  operation: Operation<Message>;
  messages: Message[];
  ends: SessionEnd[];
}

function ask(session: Session<Message>, request: Message): Heard {
  const operation = session.open();
  const heard: Heard = { operation, messages: [], ends: [] };
  operation.handle({
    message: (message) => heard.messages.push(message),
    sessionEnded: (end) => heard.ends.push(end),
  });
  operation.send(request);
  return heard;
}

const startOf = (key: Uint8Array): Message => ({
  kind: "start",
  key,
  incarnation,
  argv: [Buffer.from("program")],
  env: [],
  directory: new Uint8Array(),
  stdin: false,
  timeoutMs: 0,
  graceMs: 1_000,
  onDisconnect: "kill",
  leaseMs: 1_000,
  tree: "leave",
});

test("a session more than the node may have is told goodbye with the number, and room comes back", async () => {
  const node = nodeWith({ sessionsMax: 2, processesMax: 10 });
  const first = await node.connect();
  await node.connect();
  const told = greet(node.dial());
  await until(() => told.length === 2);
  expect(told).toMatchObject([{ kind: "hello" }, { kind: "goodbye", code: "session-limit" }]);
  expect(told[1]?.kind === "goodbye" && told[1].text).toContain("2 sessions");
  expect(first.isOpen).toBe(true);

  first.goodbye("done", "");
  await first.closed;
  const next = await node.connect();
  const heard = ask(next, { kind: "status" });
  await until(() => heard.messages.length > 0);
  expect(heard.messages[0]).toMatchObject({ kind: "status-reply", sessions: 2 });
});

test("a process more than the node may have is refused and not started, and room comes back", async () => {
  const node = nodeWith({ sessionsMax: 2, processesMax: 1 });
  const session = await node.connect();
  const first = ask(session, startOf(random.bytes(16)));
  const second = ask(session, startOf(random.bytes(16)));
  await until(() => second.messages.length > 0);
  expect(second.messages).toMatchObject([{ kind: "refusal", code: "process-limit" }]);
  expect(node.spawner.children).toHaveLength(1);

  await until(() => {
    node.clock.step();
    return first.messages.some((each) => each.kind === "event" && each.fact.kind === "tree-empty");
  });
  first.operation.send({ kind: "release" });
  const third = ask(session, startOf(random.bytes(16)));
  await until(() => third.messages.length > 0);
  expect(third.messages[0]?.kind).toBe("accepted");
});

test("an attach with an impossible offset ends its session, and the process gets its lease", async () => {
  const node = nodeWith({ sessionsMax: 5, processesMax: 5, isEndless: true });
  const first = await node.connect();
  const key = random.bytes(16);
  const started = ask(first, startOf(key));
  await until(() => started.messages.length > 0);
  const liar = await node.connect();
  const attach = {
    kind: "attach",
    key,
    stdoutOffset: 999,
    stderrOffset: 0,
    eventsSeen: 0n,
  } as const;
  const attached = ask(liar, attach);
  await until(() => attached.ends.length > 0);
  expect(attached.ends[0]?.goodbye?.code).toBe("protocol-violated");
  node.clock.advance(1_000 + 100);
  expect(node.spawner.children[0]?.stops).toBe(1);
});
