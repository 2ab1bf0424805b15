// Any message that can be sent, with a liking for the edges of every range.

import type { Message } from "../../src/capability/messages.ts";
import type { Cause, Fact, Phase, StreamName } from "../../src/capability/process/contract.ts";
import type { GoodbyeCode, RefusalCode } from "../../src/session/contract.ts";
import { outputChunkBytesMax } from "../../src/wire/limits.ts";
import type { Seeded } from "./seeded.ts";

type Makers<Value extends { kind: string }> = {
  [Kind in Value["kind"]]: (random: Seeded) => Extract<Value, { kind: Kind }>;
};

const streams: StreamName[] = ["stdin", "stdout", "stderr"];
const causes: Cause[] = [
  ...(["app", "user", "timeout", "lease", "fail-fast"] as const),
  ...(["limit", "oom", "fault", "daemon", "scenario"] as const),
];
const phases: Phase[] = [
  ...(["session", "request", "cgroup", "clone", "setup"] as const),
  ...(["chdir", "user", "limits", "stdio", "exec"] as const),
];
const goodbyeCodes: GoodbyeCode[] = [
  "done",
  "stopping",
  "protocol-violated",
  "version",
  "session-limit",
  "dead",
  "revoked",
];
const refusalCodes: RefusalCode[] = [
  ...(["not-allowed", "bad-request", "operation-limit", "process-limit", "stopping"] as const),
  ...(["other-incarnation", "unknown-process", "replaced", "unknown-request"] as const),
];

const uint64 = (random: Seeded): bigint =>
  random.chance(0.3) ? random.pick([0n, 1n, 2n ** 63n, 2n ** 64n - 1n]) : random.uint64();
const uint32 = (random: Seeded): number =>
  random.chance(0.3) ? random.pick([0, 1, 2 ** 31, 2 ** 32 - 1]) : random.uint32();
const count = (random: Seeded): number =>
  random.chance(0.3)
    ? random.pick([0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER])
    : Number(random.uint64() >> 11n);
const bool = (random: Seeded): boolean => random.chance(0.5);

/** Leaves room for the bytes that follow it. */
const offset = (random: Seeded): number => Math.floor(count(random) / 2);

function text(random: Seeded): string {
  const pieces = ["", "a", "ü", "😀", "\u{feff}", "\0", "\n", "node3", "x".repeat(1_000)];
  return Array.from({ length: random.below(4) }, () => random.pick(pieces)).join("");
}

/** Any bytes but NUL. */
function string(random: Seeded): Uint8Array {
  return random.bytes(random.below(random.pick([1, 5, 40]))).map((byte) => byte || 0xff);
}

function list<Value>(random: Seeded, make: (random: Seeded) => Value): Value[] {
  return Array.from({ length: random.below(6) }, () => make(random));
}

function chunk(random: Seeded): Uint8Array {
  const length = random.pick([0, 1, 7, 1_000, 4_095, 4_096, 4_097, outputChunkBytesMax]);
  return new Uint8Array(length).fill(random.uint32());
}

const process = (random: Seeded): string =>
  `p_${Array.from({ length: 8 }, () => random.pick(["0", "9", "a", "z", "7"])).join("")}`;

const messages: Makers<Exclude<Message, { kind: "event" }>> = {
  hello: (random) => {
    const protocolMin = 1 + random.below(65_535);
    return {
      kind: "hello",
      protocolMin,
      protocolMax: protocolMin + random.below(65_536 - protocolMin),
      software: text(random),
      host: text(random),
      incarnation: random.bytes(random.pick([0, 24])),
      insecure: bool(random),
      monotonicNs: uint64(random),
      realtimeNs: uint64(random),
      limits: list(random, () => ({ name: `limit-${random.below(9)}`, value: uint64(random) })),
    };
  },
  goodbye: (random) => ({ kind: "goodbye", code: random.pick(goodbyeCodes), text: text(random) }),
  revoke: (random) => ({
    kind: "revoke",
    fingerprint: Buffer.from(random.bytes(32)).toString("hex"),
  }),
  revoked: (random) => ({
    kind: "revoked",
    known: bool(random),
    sessions: random.uint32(),
  }),
  ping: (random) => ({ kind: "ping", token: uint64(random) }),
  pong: (random) => ({ kind: "pong", token: uint64(random) }),
  refusal: (random) => ({ kind: "refusal", code: random.pick(refusalCodes), text: text(random) }),
  probe: (random) => ({ kind: "probe", token: uint64(random) }),
  "probe-reply": (random) => ({
    kind: "probe-reply",
    token: uint64(random),
    receivedMonotonicNs: uint64(random),
    receivedRealtimeNs: uint64(random),
    sentMonotonicNs: uint64(random),
    sentRealtimeNs: uint64(random),
  }),
  status: () => ({ kind: "status" }),
  "status-reply": (random) => ({
    kind: "status-reply",
    pid: uint32(random),
    addresses: list(random, text),
    startedMonotonicNs: uint64(random),
    sessions: uint32(random),
    processes: uint32(random),
    childNofile: uint64(random),
  }),
  shutdown: () => ({ kind: "shutdown" }),
  start: (random) => ({
    kind: "start",
    key: random.bytes(16),
    incarnation: random.bytes(24),
    argv: [string(random), ...list(random, string)],
    env: list(random, string),
    directory: string(random),
    stdin: bool(random),
    timeoutMs: count(random),
    graceMs: uint32(random),
    onDisconnect: random.pick(["kill", "keep"]),
    leaseMs: uint32(random),
    tree: random.pick(["leave", "kill", "wait"]),
  }),
  attach: (random) => ({
    kind: "attach",
    key: random.bytes(16),
    stdoutOffset: count(random),
    stderrOffset: count(random),
    eventsSeen: uint64(random),
  }),
  accepted: (random) => ({
    kind: "accepted",
    process: process(random),
    stdinOffset: count(random),
  }),
  output: (random) => ({
    kind: "output",
    stream: random.pick(streams),
    offset: offset(random),
    bytes: chunk(random),
  }),
  "output-gap": (random) => ({
    kind: "output-gap",
    stream: random.pick(streams),
    offset: offset(random),
    length: offset(random),
  }),
  input: (random) => ({
    kind: "input",
    offset: offset(random),
    bytes: chunk(random),
    end: bool(random),
  }),
  credit: (random) => ({ kind: "credit", stream: random.pick(streams), offset: count(random) }),
  "close-stream": (random) => ({ kind: "close-stream", stream: random.pick(streams) }),
  signal: (random) => ({
    kind: "signal",
    serial: uint32(random),
    signal: 1 + random.below(64),
    scope: random.pick(["main", "group", "tree"]),
  }),
  stop: (random) => ({ kind: "stop", graceMs: uint32(random) }),
  release: () => ({ kind: "release" }),
};

const facts: Makers<Fact> = {
  started: (random) => ({ kind: "started", pid: uint32(random) }),
  "not-started": (random) => ({
    kind: "not-started",
    phase: random.pick(phases),
    errno: uint32(random),
    path: string(random),
    interpreter: bool(random),
  }),
  exited: (random) => ({
    kind: "exited",
    status: uint32(random),
    cause: random.pick(causes),
    usage: {
      userUs: count(random),
      systemUs: count(random),
      maxRssKib: count(random),
      minorFaults: count(random),
      majorFaults: count(random),
      voluntarySwitches: count(random),
      involuntarySwitches: count(random),
    },
    stdoutLength: count(random),
    stderrLength: count(random),
    treeLeft: bool(random),
    survivors: list(random, () => ({ pid: uint32(random), command: string(random) })),
  }),
  "stream-ended": (random) => ({
    kind: "stream-ended",
    stream: random.pick(streams),
    length: count(random),
  }),
  "tree-empty": () => ({ kind: "tree-empty" }),
  stopping: (random) => ({ kind: "stopping", cause: random.pick(causes), graceMs: uint32(random) }),
  killing: () => ({ kind: "killing" }),
  stuck: (random) => ({ kind: "stuck", left: uint32(random), pid: uint32(random) }),
  signaled: (random) => ({
    kind: "signaled",
    serial: uint32(random),
    signal: 1 + random.below(64),
    hits: uint32(random),
    errno: uint32(random),
  }),
  unknown: (random) => ({
    kind: "unknown",
    why: text(random),
    fromNs: uint64(random),
    toNs: uint64(random),
  }),
};

const makers = Object.values<(random: Seeded) => Message>(messages);
const factMakers = Object.values<(random: Seeded) => Fact>(facts);

export function randomMessage(random: Seeded): Message {
  const choice = random.below(makers.length + 4);
  return makers[choice]?.(random) ?? randomEvent(random);
}

function randomEvent(random: Seeded): Message {
  return {
    kind: "event",
    sequence: uint64(random),
    monotonicNs: uint64(random),
    realtimeNs: uint64(random),
    process: process(random),
    fact: random.pick(factMakers)(random),
  };
}
