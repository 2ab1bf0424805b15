// One message of every kind, and one event of every fact, with every field set. Their frames are kept beside this file
// and define the protocol: samples are added, never changed.

import type { Message } from "../../src/capability/messages.ts";
import type { Fact } from "../../src/capability/process/contract.ts";
import type { Envelope } from "../../src/wire/codec.ts";

/** Four different bytes. */
const operation = 0x0403_0201;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const counting = (length: number, from: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => from + index);

/** A file name that is not UTF-8. */
const latin1 = Uint8Array.of(0x66, 0xfc, 0x72, 0xff);

const messages: {
  [Kind in Exclude<Message["kind"], "event">]: Extract<Message, { kind: Kind }>;
} = {
  hello: {
    kind: "hello",
    protocolMin: 1,
    protocolMax: 2,
    software: "1.2.3",
    host: "node3",
    incarnation: counting(24, 1),
    insecure: true,
    monotonicNs: 123_456_789_012n,
    realtimeNs: 1_700_000_000_123_456_789n,
    limits: [
      { name: "frame-bytes", value: 1_114_112n },
      { name: "largest", value: 18_446_744_073_709_551_615n },
    ],
  },
  revoke: { kind: "revoke", fingerprint: "0123456789abcdef".repeat(4) },
  revoked: { kind: "revoked", known: true, sessions: 3 },
  goodbye: { kind: "goodbye", code: "stopping", text: "The daemon ends" },
  ping: { kind: "ping", token: 7n },
  pong: { kind: "pong", token: 18_446_744_073_709_551_615n },
  refusal: { kind: "refusal", code: "process-limit", text: "The node is full: 4096 processes – ü" },
  probe: { kind: "probe", token: 9n },
  "probe-reply": {
    kind: "probe-reply",
    token: 9n,
    receivedMonotonicNs: 11n,
    receivedRealtimeNs: 1_700_000_000_000_000_001n,
    sentMonotonicNs: 13n,
    sentRealtimeNs: 1_700_000_000_000_000_003n,
  },
  status: { kind: "status" },
  "status-reply": {
    kind: "status-reply",
    pid: 4_194_304,
    addresses: ["127.0.0.1:9000", "unix:/run/ctl/socket"],
    startedMonotonicNs: 1_000_000_007n,
    sessions: 3,
    processes: 17,
    childNofile: 1_024n,
  },
  shutdown: { kind: "shutdown" },
  start: {
    kind: "start",
    key: counting(16, 0xa0),
    incarnation: counting(24, 1),
    argv: [ascii("ls"), ascii("-l"), ascii(""), latin1],
    env: [ascii("NAME=value"), ascii("EMPTY=")],
    directory: latin1,
    stdin: true,
    timeoutMs: 9_007_199_254_740_991,
    graceMs: 10_000,
    onDisconnect: "keep",
    leaseMs: 4_294_967_295,
    tree: "wait",
  },
  attach: {
    kind: "attach",
    key: counting(16, 0xa0),
    stdoutOffset: 262_144,
    stderrOffset: 9_007_199_254_740_991,
    eventsSeen: 42n,
  },
  accepted: { kind: "accepted", process: "p_7k3x9q2m", stdinOffset: 65_536 },
  output: { kind: "output", stream: "stderr", offset: 4_294_967_296, bytes: counting(33, 0xf0) },
  "output-gap": { kind: "output-gap", stream: "stdout", offset: 1_000, length: 2_147_483_648 },
  input: { kind: "input", offset: 12, bytes: counting(7, 0), end: true },
  credit: { kind: "credit", stream: "stdout", offset: 262_144 },
  "close-stream": { kind: "close-stream", stream: "stdout" },
  signal: { kind: "signal", serial: 2, signal: 64, scope: "tree" },
  stop: { kind: "stop", graceMs: 5_000 },
  release: { kind: "release" },
};

const facts: { [Kind in Fact["kind"]]: Extract<Fact, { kind: Kind }> } = {
  started: { kind: "started", pid: 4_194_304 },
  "not-started": {
    kind: "not-started",
    phase: "exec",
    errno: 2,
    path: latin1,
    interpreter: true,
  },
  exited: {
    kind: "exited",
    status: 0x8b,
    cause: "fail-fast",
    usage: {
      userUs: 1,
      systemUs: 2,
      maxRssKib: 3,
      minorFaults: 4,
      majorFaults: 5,
      voluntarySwitches: 6,
      involuntarySwitches: 7,
    },
    stdoutLength: 4_294_967_297,
    stderrLength: 8,
    treeLeft: true,
    survivors: [
      { pid: 100, command: ascii("sleep") },
      { pid: 101, command: latin1 },
    ],
  },
  "stream-ended": { kind: "stream-ended", stream: "stderr", length: 4_294_967_297 },
  "tree-empty": { kind: "tree-empty" },
  stopping: { kind: "stopping", cause: "lease", graceMs: 10_000 },
  killing: { kind: "killing" },
  stuck: { kind: "stuck", left: 2, pid: 101 },
  signaled: { kind: "signaled", serial: 2, signal: 15, hits: 3, errno: 3 },
  unknown: { kind: "unknown", why: "The launcher was killed", fromNs: 5n, toNs: 6n },
};

const events = Object.values(facts).map((fact): [string, Message] => [
  `event-${fact.kind}`,
  {
    kind: "event",
    sequence: 18n,
    monotonicNs: 123_456_789_012n,
    realtimeNs: 1_700_000_000_123_456_789n,
    process: "p_7k3x9q2m",
    fact,
  },
]);

/** By the name of their file. */
export const samples: ReadonlyMap<string, Envelope<Message>> = new Map(
  [...Object.entries(messages), ...events].map(([name, message]) => [name, { operation, message }]),
);

export const goldenPath = (name: string): string => `${import.meta.dir}/${name}.frame`;
