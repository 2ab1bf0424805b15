// The audit log: one JSON object for everything that is asked, in order, with both clocks, and no secrets in it.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import type { Message } from "../../src/capability/messages.ts";
import type { Start } from "../../src/capability/process/contract.ts";
import {
  AuditLog,
  type AuditLogOptions,
  auditLogPath,
  auditSchema,
  type Peer,
} from "../../src/daemon/audit-log.ts";
import type { EndFact } from "../../src/daemon/audit-records.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const root = mkdtempSync("/tmp/audit-log-test-");
afterAll(() => rmSync(root, { recursive: true }));

const bytes = (text: string): Uint8Array => Buffer.from(text);
const operator = {
  role: "operator",
  name: "ann",
  cluster: "c_0123456789",
  fingerprint: "ab".repeat(32),
} as const;
const remote: Peer = { peer: "tcp 192.0.2.7:4000", kind: "tcp", identity: operator };

const start: Start = {
  kind: "start",
  key: new Uint8Array(16).fill(0xee),
  incarnation: new Uint8Array(24),
  argv: ["psql", "--password", "hunter2", "a\nb"].map(bytes),
  env: ["PGPASSWORD=hunter2", "LANG=C"].map(bytes),
  directory: bytes("/srv"),
  stdin: false,
  timeoutMs: 1_500,
  graceMs: 5_000,
  onDisconnect: "kill",
  leaseMs: 0,
  tree: "kill",
};

const usage = {
  userUs: 0,
  systemUs: 0,
  maxRssKib: 0,
  minorFaults: 0,
  majorFaults: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
};
const exited = (status: number): EndFact => ({
  kind: "exited",
  status,
  cause: "app",
  usage,
  stdoutLength: 0,
  stderrLength: 0,
  treeLeft: false,
  survivors: [],
});

function opened(more: Partial<AuditLogOptions> = {}) {
  const directory = mkdtempSync(`${root}/`);
  const clock = new VirtualClock();
  const reports: string[] = [];
  const report = (text: string): number => reports.push(text);
  const log = new AuditLog({ directory, clock, report, ...more });
  const path = auditLogPath(directory);
  /** Without the first line and without the clocks, which have a test of their own. */
  const records = (): Record<string, unknown>[] =>
    linesOf(path)
      .slice(1)
      .map(({ m: _m, r: _r, ...rest }) => rest);
  return { log, clock, directory, path, records, reports };
}

const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("a file of the log", () => {
  test("begins with the version, is ours alone, and has both clocks to the nanosecond in every line", () => {
    const { log, clock, path } = opened();
    clock.advance(0.000001);
    log.daemonStopped({ pid: 7, addresses: [] });
    const [first, second] = readFileSync(path, "utf8").split("\n");
    const clocks = '"m":1000000001,"r":1700000000000000001';
    expect(first).toBe(`{"ev":"audit.file",${clocks},"schema":"${auditSchema}"}`);
    expect(second).toBe(`{"ev":"daemon.stopped",${clocks},"pid":7,"addresses":[]}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("is not made before there is something to say", () => {
    const { directory } = opened();
    expect(readdirSync(directory)).toEqual([]);
  });

  test("is rotated, and each begins with the version", () => {
    const { log, directory } = opened({ bytesMax: 1_000, filesKept: 2 });
    for (let pid = 0; pid < 100; pid += 1) log.daemonStopped({ pid, addresses: [] });
    const names = readdirSync(directory).filter((name) => !name.endsWith(".lock"));
    expect(names.toSorted()).toEqual(["audit.log", "audit.log.1", "audit.log.2"]);
    for (const name of names) {
      expect(linesOf(join(directory, name))[0]?.["schema"]).toBe(auditSchema);
    }
  });

  test("that cannot be written stops nobody, and the daemon hears of it", () => {
    const { log, path, reports } = opened();
    symlinkSync("/dev/full", path);
    log.connection(remote).allowed(1, start);
    log.processEnded({ process: "p_1", fact: exited(0) });
    log.close();
    expect(reports).toEqual([
      `Cannot write to "${path}": ENOSPC; 1 record was lost so far`,
      `"${path}" was closed; 2 records were lost`,
    ]);
  });

  test("is written at once: intent stands there before anything can happen", () => {
    const { log, records } = opened();
    log.connection(remote).allowed(3, start);
    expect(records()).toHaveLength(1);
  });
});

describe("a daemon", () => {
  test("says who it is, where it listens, and which life of which boot this is", () => {
    const { log, records } = opened();
    const incarnation = Uint8Array.from({ length: 24 }, (_, index) => index);
    const addresses = ["0.0.0.0:9000", "unix:/run/x"];
    const fingerprint = "cd".repeat(32);
    log.daemonStarted({
      addresses,
      software: "1.2.3",
      pid: 7,
      user: "ann",
      incarnation,
      insecure: false,
      fingerprint,
    });
    log.daemonStopped({ pid: 7, addresses });
    expect(records()).toEqual([
      {
        ev: "daemon.started",
        ctl: "1.2.3",
        pid: 7,
        user: "ann",
        addresses,
        insecure: false,
        fingerprint,
        boot: "000102030405060708090a0b0c0d0e0f",
        incarnation: "000102030405060708090a0b0c0d0e0f1011121314151617",
      },
      { ev: "daemon.stopped", pid: 7, addresses },
    ]);
  });
});

describe("a session", () => {
  test("has a number, a peer, its key, an end and a length", () => {
    const { log, clock, records } = opened();
    const trail = log.connection(remote);
    clock.advance(100);
    trail.opened();
    clock.advance(2_500);
    trail.ended("The peer said goodbye");
    expect(records()).toEqual([
      {
        ev: "session.opened",
        session: 1,
        peer: "tcp 192.0.2.7:4000",
        role: "operator",
        name: "ann",
        fingerprint: "ab".repeat(32),
      },
      { ev: "session.ended", session: 1, why: "The peer said goodbye", wall: 2_500_000_000 },
    ]);
  });

  test.each([
    ["tcp", "insecure"],
    ["unix", "unix"],
    ["memory", "memory"],
  ] as const)("without a key over %s says how it got in", (kind, fingerprint) => {
    const { log, records } = opened();
    log.connection({ peer: "x", kind, identity: null }).opened();
    expect(records()).toEqual([{ ev: "session.opened", session: 1, peer: "x", fingerprint }]);
  });

  test("has a number of its own", () => {
    const { log, records } = opened();
    const trails = [log.connection(remote), log.connection(remote)];
    for (const trail of trails) trail.opened();
    expect(records().map((record) => record["session"])).toEqual([1, 2]);
    expect(trails.map((trail) => trail.session)).toEqual([1, 2]);
  });

  test("that ends before it was opened was refused", () => {
    const { log, records } = opened();
    log.connection(remote).ended("It said nothing for 10 s");
    expect(records()).toEqual([
      {
        ev: "session.refused",
        peer: "tcp 192.0.2.7:4000",
        code: "not-opened",
        text: "It said nothing for 10 s",
        fingerprint: "ab".repeat(32),
      },
    ]);
  });
});

describe("strangers", () => {
  const stranger = {
    peer: "tcp 198.51.100.9:1",
    code: "other-cluster",
    text: "bad\n\u001b[2J",
    fingerprint: null,
  };

  test("are recorded with the reason, in words that cannot steer a terminal", () => {
    const { log, path, records } = opened();
    log.sessionRefused(stranger);
    const text = String.raw`bad\n\x1b[2J`;
    expect(records()).toEqual([{ ev: "session.refused", ...stranger, text }]);
    expect(readFileSync(path, "utf8")).not.toContain("\u001b");
  });

  test("make us write ten lines in a second, and one about the rest", () => {
    const { log, clock, records } = opened();
    for (let count = 0; count < 1_000; count += 1) log.sessionRefused(stranger);
    expect(records()).toHaveLength(10);
    clock.advance(1_000);
    expect(records()).toHaveLength(11);
    expect(records().at(-1)).toEqual({ ev: "session.refused_suppressed", count: 990 });
    expect(clock.pending).toBe(0);
  });

  test("do not keep others out of the log", () => {
    const { log, records } = opened();
    for (let count = 0; count < 100; count += 1) log.sessionRefused(stranger);
    log.connection(remote).allowed(1, { kind: "shutdown" });
    expect(records().at(-1)?.["ev"]).toBe("request.allowed");
  });

  test("that were not told yet are told at the end", () => {
    const { log, clock, records } = opened();
    for (let count = 0; count < 12; count += 1) log.sessionRefused(stranger);
    log.close();
    log.close();
    expect(records().at(-1)).toEqual({ ev: "session.refused_suppressed", count: 2 });
    expect(clock.pending).toBe(0);
  });
});

describe("a request", () => {
  test("to start has its command without secrets, and names of variables without values", () => {
    const { log, path, records } = opened();
    const trail = log.connection(remote);
    trail.allowed(3, start);
    trail.accepted(3, "p_7k3x9q2m");
    expect(records()).toEqual([
      {
        ev: "request.allowed",
        session: 1,
        op: 3,
        kind: "start",
        argv: ["psql", "--password", "[redacted]", String.raw`a\nb`],
        argc: 4,
        cwd: "/srv",
        env: ["PGPASSWORD", "LANG"],
        envc: 2,
        stdin: false,
        timeout: 1_500_000_000,
        on_disconnect: "kill",
        tree: "kill",
      },
      { ev: "request.accepted", session: 1, op: 3, proc: "p_7k3x9q2m" },
    ]);
    const text = readFileSync(path, "utf8");
    expect(text).not.toContain("hunter2");
    // The key of an operation is what another session would need to take it over.
    expect(text).not.toContain("eeee");
  });

  test.each<[Message, Record<string, unknown>]>([
    [{ kind: "stop", graceMs: 2_000 }, { grace: 2_000_000_000 }],
    [
      { kind: "signal", serial: 1, signal: 15, scope: "tree" },
      { signal: "SIGTERM", scope: "tree" },
    ],
    [{ kind: "revoke", fingerprint: "ef".repeat(32) }, { fingerprint: "ef".repeat(32) }],
    [{ kind: "release" }, {}],
  ])("%p says what matters of it", (message, members) => {
    const { log, records } = opened();
    log.connection(remote).allowed(5, message, "p_1");
    const common = { ev: "request.allowed", session: 1, op: 5, kind: message.kind, proc: "p_1" };
    expect(records()).toEqual([{ ...common, ...members }]);
  });

  test("that is refused says why, and what it was", () => {
    const { log, records } = opened();
    const trail = log.connection(remote);
    trail.refused(start, '"start" needs a key of role "operator"', 9);
    trail.refused({ kind: "release" }, "not-allowed");
    const [first, second] = records();
    expect(first).toMatchObject({ ev: "request.refused", session: 1, op: 9, kind: "start" });
    expect(first?.["why"]).toBe('"start" needs a key of role "operator"');
    // Whoever may not start anything must not fill the log with what he would have liked to.
    expect(first).not.toHaveProperty("argv");
    expect(second).toEqual({
      ev: "request.refused",
      session: 1,
      kind: "release",
      why: "not-allowed",
    });
  });

  test("that changes nothing is recorded so often and no more, and hides nothing that does", () => {
    const { log, records, clock } = opened();
    const trail = log.connection(remote);
    for (let asked = 0; asked < 100; asked += 1) trail.allowed(asked, { kind: "status" });
    for (let asked = 0; asked < 100; asked += 1) trail.refused(start, "no", asked);
    trail.allowed(500, start);
    expect(records().filter(({ kind }) => kind === "status")).toHaveLength(10);
    expect(records().filter(({ ev }) => ev === "request.refused")).toHaveLength(0);
    expect(records().at(-1)).toMatchObject({ ev: "request.allowed", op: 500, kind: "start" });
    clock.advance(1_000);
    expect(records().at(-1)).toMatchObject({ ev: "request.suppressed", count: 190 });
  });

  test("of the largest kind makes a line of bounded length", () => {
    const { log, path } = opened();
    const words = Array.from({ length: 1_000 }, () => new Uint8Array(1_000).fill(0xff));
    log.connection(remote).allowed(1, { ...start, argv: words, env: words });
    expect(statSync(path).size).toBeLessThan(256 * 1024);
  });
});

describe("an end", () => {
  test.each<[EndFact, Record<string, unknown>]>([
    [exited(3 << 8), { outcome: "exited", code: 3, cause: "app" }],
    [exited(0x80 | 11), { outcome: "signaled", signal: "SIGSEGV", core: true, cause: "app" }],
    [
      { kind: "not-started", phase: "exec", errno: 2, path: bytes("/x\n"), interpreter: false },
      {
        outcome: "not-started",
        phase: "exec",
        errno: 2,
        errname: "ENOENT",
        path: String.raw`/x\n`,
        interpreter: false,
      },
    ],
    [
      { kind: "not-started", phase: "request", errno: 0, path: bytes(""), interpreter: false },
      { outcome: "not-started", phase: "request", path: "", interpreter: false },
    ],
    [
      { kind: "unknown", why: "launcher killed", fromNs: 1n, toNs: 2n },
      { outcome: "unknown", why: "launcher killed", from_ns: 1, to_ns: 2 },
    ],
  ])("%# is told as what it was", (fact, members) => {
    const { log, records } = opened();
    log.processEnded({ process: "p_1", fact });
    expect(records()).toEqual([{ ev: "proc.ended", proc: "p_1", ...members }]);
  });
});

test("without a directory nothing is recorded, nothing fails, and no timer runs", () => {
  const { log, clock, directory, reports } = opened({ directory: null });
  const trail = log.connection(remote);
  trail.opened();
  trail.allowed(1, start);
  trail.refused(start, "no");
  trail.accepted(1, "p_1");
  trail.ended("done");
  for (let count = 0; count < 100; count += 1) log.connection(remote).ended("silent");
  log.processEnded({ process: "p_1", fact: exited(0) });
  log.daemonStopped({ pid: 1, addresses: [] });
  log.close();
  expect([readdirSync(directory), reports, clock.pending]).toEqual([[], [], 0]);
});
