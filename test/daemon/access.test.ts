// Who may do what on a node, and what is written down about it: roles, revoked keys, strangers, the audit log.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

import { CtlError } from "../../src/base/errors.ts";
import { revoke } from "../../src/capability/access/call.ts";
import type { Message } from "../../src/capability/messages.ts";
import { status } from "../../src/capability/node/call.ts";
import { openSession } from "../../src/controller/connect.ts";
import { AuditLog, auditLogPath, auditSchema } from "../../src/daemon/audit-log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { RevocationList } from "../../src/daemon/revocation-list.ts";
import type { Identity } from "../../src/keys/contract.ts";
import type { Operation, SessionEnd } from "../../src/session/operation.ts";
import type { Session } from "../../src/session/session.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Refused } from "../../src/transport/refused.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { failureOf } from "../support/failure.ts";
import { FakeSpawner } from "../support/fake-spawner.ts";
import { identityOf, KnownTransport } from "../support/known-transport.ts";
import { Random } from "../support/random.ts";
import { until } from "../support/until.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";

const incarnation = new Uint8Array(24).fill(7);
const alice = identityOf("operator", "a");
const bob = identityOf("operator", "b");
const tv = identityOf("observer", "c");

const directories: string[] = [];
afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true });
});

class Node {
  readonly clock = new VirtualClock();
  readonly lines: string[] = [];
  readonly revoked = new Set<string>();
  readonly directory = mkdtempSync(`${tmpdir()}/ctl-access-`);
  readonly spawner: FakeSpawner;
  readonly daemon: Daemon;
  readonly audit: AuditLog;

  constructor({ insecure = false, list }: { insecure?: boolean; list?: RevocationList } = {}) {
    directories.push(this.directory);
    const { clock } = this;
    const random = new Random(1);
    const program = { stdout: new Uint8Array(), stderr: new Uint8Array(), code: 3 };
    const habits = { readsStdin: false, treeStaysMs: 0, isEndless: false };
    this.spawner = new FakeSpawner(
      { clock, random: () => random.next() },
      { ...program, ...habits },
    );
    this.audit = new AuditLog({
      directory: this.directory,
      clock,
      report: (text) => this.say(text),
    });
    this.daemon = new Daemon({
      clock,
      spawner: this.spawner,
      software: "0.0.0",
      host: "node",
      node: "node",
      insecure,
      pid: 1,
      account: { user: "nobody", home: "/", shell: "/bin/sh" },
      incarnation,
      nofile: { soft: 1024n, hard: 4096n },
      sessionsMax: 8,
      processesMax: 8,
      random: (length) => random.bytes(length),
      revocations: list ?? {
        isRevoked: (fingerprint) => this.revoked.has(fingerprint),
        add: (fingerprint) => this.revoked.size === this.revoked.add(fingerprint).size,
      },
      audit: this.audit,
      log: (text) => this.say(text),
    });
  }

  say(text: string): void {
    this.lines.push(text);
  }

  dial(identity: Identity | null): Transport {
    const [near, far] = memoryPair();
    this.daemon.accept(new KnownTransport(far, identity));
    return near;
  }

  connect(identity: Identity | null): Promise<Session<Message>> {
    const facts = { software: "0.0.0", host: "here", insecure: identity === null, key: null };
    const way = Promise.resolve(this.dial(identity));
    return openSession(way, { clock: this.clock, ...facts, timeoutMs: 5_000 });
  }

  /** What the audit log says, without times. */
  records(): Record<string, unknown>[] {
    const text = readFileSync(auditLogPath(this.directory), "utf8");
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const { m, r, ...rest } = JSON.parse(line);
      expect([typeof m, typeof r]).toEqual(["number", "number"]);
      return rest;
    });
  }
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

const start: Message = {
  kind: "start",
  key: new Uint8Array(16).fill(1),
  incarnation,
  argv: [Buffer.from("mysql"), Buffer.from("--password=secret")],
  env: [Buffer.from("TOKEN=secret")],
  directory: Buffer.from("/tmp"),
  stdin: false,
  timeoutMs: 0,
  graceMs: 1_000,
  onDisconnect: "kill",
  leaseMs: 1_000,
  tree: "leave",
};

describe("a revoked key", () => {
  test("has its sessions ended with the reason, and only its own, after the answer", async () => {
    const node = new Node();
    const [by, one, two, other] = [
      await node.connect(alice),
      await node.connect(bob),
      await node.connect(bob),
      await node.connect(tv),
    ];
    const victims = [one, two].map((session) => ask(session, start));
    expect(await revoke(by, bob.fingerprint)).toMatchObject({ known: false, sessions: 2 });
    await Promise.all([one.closed, two.closed]);
    expect(victims.map(({ ends }) => ends[0]?.goodbye?.code)).toEqual(["revoked", "revoked"]);
    expect([by.isOpen, other.isOpen, one.isOpen]).toEqual([true, true, false]);
    expect(await revoke(by, bob.fingerprint)).toMatchObject({ known: true, sessions: 0 });
  });

  test("may be the sender's own: it hears the answer, and then goodbye", async () => {
    const node = new Node();
    const session = await node.connect(alice);
    const heard = ask(session, { kind: "revoke", fingerprint: alice.fingerprint });
    await session.closed;
    expect(heard.messages).toMatchObject([{ kind: "revoked", known: false, sessions: 1 }]);
    expect(heard.ends).toMatchObject([{ goodbye: { code: "revoked" } }]);
  });

  test("that cannot be remembered is refused, and nobody is dismissed for it", async () => {
    const list: RevocationList = {
      isRevoked: () => false,
      add: () => {
        throw new CtlError("io-failed", "The disk is full");
      },
    };
    const node = new Node({ list });
    const [by, victim] = [await node.connect(alice), await node.connect(bob)];
    const error = await failureOf(revoke(by, bob.fingerprint));
    expect([error.code, error.message]).toEqual(["refused", "The disk is full"]);
    await settle();
    expect(victim.isOpen).toBe(true);
  });

  test("is for operators to revoke", async () => {
    const node = new Node();
    const [session, victim] = [await node.connect(tv), await node.connect(bob)];
    const error = await failureOf(revoke(session, bob.fingerprint));
    expect(error.message).toContain('needs a key of role "operator"');
    expect([node.revoked.size, victim.isOpen]).toEqual([0, true]);
  });
});

describe("an observer", () => {
  test("may look, and whatever else he asks for is refused, written down, and does not happen", async () => {
    const node = new Node();
    const session = await node.connect(tv);
    const heard = ask(session, start);
    await until(() => heard.messages.length > 0);
    expect(heard.messages).toMatchObject([
      {
        kind: "refusal",
        code: "not-allowed",
        text: '"start" needs a key of role "operator", and this one is of role "observer"',
      },
    ]);
    expect(node.spawner.children).toEqual([]);
    expect((await status(session)).processes).toBe(0);
    const records = node.records();
    expect(records).toContainEqual(
      expect.objectContaining({ ev: "request.refused", kind: "start", session: 1, op: 1 }),
    );
    expect(records.filter(({ kind }) => kind === "start")).toHaveLength(1);
    expect(JSON.stringify(records)).not.toContain("secret");
  });

  test("who speaks out of turn in an operation of his is dismissed", async () => {
    const node = new Node();
    const session = await node.connect(tv);
    const heard = ask(session, { kind: "signal", serial: 1, signal: 9, scope: "tree" });
    await session.closed;
    expect(heard.ends).toMatchObject([{ goodbye: { code: "protocol-violated" } }]);
  });
});

describe("a connection from the network", () => {
  test("that did not prove anything is not even greeted, unless the daemon is open to everybody", async () => {
    const error = await failureOf(new Node().connect(null));
    expect(error.code).toBe("connection-lost");
    const open = await new Node({ insecure: true }).connect(null);
    expect(open.peer?.insecure).toBe(true);
    const heard = ask(open, start);
    await until(() => heard.messages.length > 0);
    expect(heard.messages[0]?.kind).toBe("accepted");
  });

  test("never ends the daemon, whatever its key", async () => {
    const node = new Node();
    const heard = ask(await node.connect(alice), { kind: "shutdown" });
    await until(() => heard.messages.length > 0);
    expect(heard.messages).toMatchObject([{ kind: "refusal", code: "not-allowed" }]);
  });
});

describe("strangers", () => {
  const refused: Refused = {
    peer: "tcp 192.0.2.9:1",
    fault: "revoked",
    text: 'its key "x" was revoked',
    fingerprint: "d".repeat(64),
  };

  test("are told in words and in the audit log, so many a second, and the rest by number", () => {
    const node = new Node();
    for (let time = 0; time < 25; time += 1) node.daemon.turnedAway(refused);
    expect(node.lines).toHaveLength(10);
    expect(node.lines[0]).toBe(
      `tcp 192.0.2.9:1: refused: its key "x" was revoked (fingerprint ${"d".repeat(64)})`,
    );
    node.clock.advance(1_000);
    expect(node.lines.slice(10)).toEqual(["15 more with a key were refused"]);
    node.daemon.turnedAway({
      ...refused,
      fault: "handshake",
      text: "HTTP_REQUEST",
      fingerprint: null,
    });
    expect(node.lines.at(-1)).toBe("tcp 192.0.2.9:1: refused: HTTP_REQUEST");
    const records = node.records();
    const { peer, fault: code, text, fingerprint } = refused;
    expect(records[1]).toEqual({ ev: "session.refused", peer, code, text, fingerprint });
    expect(records.filter(({ ev }) => ev === "session.refused")).toHaveLength(11);
    expect(records).toContainEqual({ ev: "session.refused_with_key_suppressed", count: 15 });
    expect(node.clock.pending).toBe(0);
  });
});

test("the audit log tells a session's whole story, and no secrets", async () => {
  const node = new Node();
  const session = await node.connect(alice);
  const heard = ask(session, start);
  await until(() => {
    node.clock.step();
    return heard.messages.some((each) => each.kind === "event" && each.fact.kind === "tree-empty");
  });
  heard.operation.send({ kind: "release" });
  await revoke(session, tv.fingerprint);
  session.goodbye("done", "");
  await session.closed;
  const records = node.records();
  expect(records[0]).toEqual({ ev: "audit.file", schema: auditSchema });
  const story = records.slice(1);
  expect(story.map(({ ev }) => ev)).toEqual([
    "session.opened",
    "request.allowed",
    "request.accepted",
    "proc.ended",
    "request.allowed",
    "session.ended",
  ]);
  const { name, role, fingerprint } = alice;
  expect(story[0]).toMatchObject({
    session: 1,
    peer: "tcp 192.0.2.7:4711",
    name,
    role,
    fingerprint,
  });
  expect(story[1]).toMatchObject({ kind: "start", op: 1, cwd: "/tmp", argc: 2 });
  expect(story[3]).toMatchObject({ outcome: "exited", code: 3, cause: "app" });
  expect(story[3]?.["proc"]).toBe(story[2]?.["proc"]);
  expect(story[4]).toMatchObject({ kind: "revoke", fingerprint: tv.fingerprint });
  expect(story[5]).toMatchObject({ session: 1, why: "done" });
  expect(JSON.stringify(records)).not.toContain("secret");
});

test("the audit log says who signalled and who stopped a process", async () => {
  const node = new Node();
  const session = await node.connect(bob);
  const heard = ask(session, start);
  await until(() => heard.messages.length > 0);
  heard.operation.send({ kind: "signal", serial: 1, signal: 15, scope: "tree" });
  heard.operation.send({ kind: "stop", graceMs: 2_000 });
  await until(() => node.spawner.children[0]?.stops === 1);
  const [accepted, signal, stop] = node.records().slice(-3);
  const common = { ev: "request.allowed", session: 1, op: 1, proc: accepted?.["proc"] };
  expect(accepted?.["ev"]).toBe("request.accepted");
  expect(signal).toEqual({ ...common, kind: "signal", signal: "SIGTERM", scope: "tree" });
  expect(stop).toEqual({ ...common, kind: "stop", grace: 2_000_000_000 });
});

test("observers fill half of the sessions and no more, so that operators get in", async () => {
  const node = new Node();
  const sessions = await Promise.all([1, 2, 3, 4].map(() => node.connect(tv)));
  const fifth = await node.connect(tv);
  await until(() => !fifth.isOpen);
  const acting = await Promise.all([1, 2, 3, 4].map(() => node.connect(alice)));
  expect(acting.every((session) => session.isOpen)).toBe(true);
  sessions[0]?.goodbye("done", "");
  acting[0]?.goodbye("done", "");
  await until(() => node.records().filter(({ ev }) => ev === "session.ended").length === 2);
  expect((await node.connect(tv)).isOpen).toBe(true);
});
