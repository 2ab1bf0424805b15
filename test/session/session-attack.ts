// Throws messages at the sessions of a real daemon by the thousand, from behind a valid hello: as an operator and as an observer, whole
// ones in every wrong order and spoiled ones. Whatever they say: no exception, no long thought, no growth, a session that goes on or
// ends with a goodbye, a daemon that serves the next one, and an observer who has changed nothing.

import { neededRole } from "../../src/capability/access/roles.ts";
import { type Message, messageCodec, requestKinds } from "../../src/capability/messages.ts";
import { AuditLog } from "../../src/daemon/audit-log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import type { Identity } from "../../src/keys/contract.ts";
import { libc } from "../../src/os/libc.ts";
import { helloOf } from "../../src/session/hello.ts";
import type { Transport, TransportHandler } from "../../src/transport/transport.ts";
import { unsentBytesMax } from "../../src/wire/limits.ts";
import { samples } from "../golden/samples.ts";
import { FakeSpawner } from "../support/fake-spawner.ts";
import { identityOf } from "../support/known-transport.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";
import { frameMap } from "../wire/frame-map.ts";
import { type Sample, spoil } from "../wire/mutant.ts";
import { randomMessage } from "../wire/random-message.ts";
import { Seeded } from "../wire/seeded.ts";

const incarnation = new Uint8Array(24).fill(9);
const processesMax = 16;
const prefixBytes = 4;
const sampleBytesMax = 4_096;
/** Messages in one go, before timers and promises get their turn. */
const burst = 64;
/** Then another daemon takes over. */
const worldMessages = 16_384;
const hangMs = 50;
const CLOCK_THREAD_CPUTIME_ID = 3;
/** Of sent frames: more is a daemon that does not heed a peer who reads nothing. */
const backlogBytesMax = unsentBytesMax + 2 * 1024 * 1024;

const identities: readonly Identity[] = [identityOf("operator", "a"), identityOf("observer", "c")];

export interface SessionAttackReport {
  seed: number;
  count: number;
  sessions: number;
  starts: number;
  goodbyes: Record<string, number>;
  /** Messages after which the session went on. */
  survived: number;
  /** Of one message, as the processor counts: what else the machine does shows nowhere. */
  slowestMs: number;
  /** Messages that took too long. */
  hangs: number;
  /** Of the process, from a fifth of the way to the end. */
  growthBytes: number;
}

interface Aim extends Sample {
  kind: Message["kind"];
  /** Where the operation's number stands in the frame. */
  operationAt: number;
}

/** A connection without a network: what is said arrives during the call, so that whoever breaks can be named. */
class Wire implements Transport {
  readonly peer = "tcp 192.0.2.7:4711";
  readonly kind = "tcp";
  readonly identity: Identity;
  queuedBytes = 0;
  isPaused = false;
  /** It reads nothing. */
  isDeaf = false;
  end: "close" | "destroy" | null = null;
  last: Uint8Array = new Uint8Array();
  #handler: TransportHandler | null = null;

  constructor(identity: Identity) {
    this.identity = identity;
  }

  attach(handler: TransportHandler): void {
    this.#handler = handler;
  }

  send(bytes: Uint8Array): boolean {
    if (this.end !== null) throw new Error("Something was sent after the end");
    this.last = bytes;
    if (this.isDeaf) this.queuedBytes += bytes.length;
    if (this.queuedBytes > backlogBytesMax) throw new Error("A peer that reads nothing fills us");
    return this.queuedBytes === 0;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(): void {
    this.end ??= "close";
  }

  destroy(): void {
    this.end ??= "destroy";
  }

  say(bytes: Uint8Array): void {
    this.#handler?.data(bytes);
  }

  catchUp(): void {
    if (this.queuedBytes === 0) return;
    this.queuedBytes = 0;
    this.#handler?.drained();
  }

  hangUp(): void {
    this.#handler?.closed(null);
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly spawner: FakeSpawner;
  readonly daemon: Daemon;
  revocations = 0;

  constructor(random: Seeded, auditDirectory: string | null) {
    const { clock } = this;
    const output = { stdout: new Uint8Array(5_000).fill(65), stderr: new Uint8Array(10) };
    const habits = { code: 1, readsStdin: false, treeStaysMs: 5, isEndless: false };
    const chance = (): number => random.uint32() / 2 ** 32;
    this.spawner = new FakeSpawner({ clock, random: chance }, { ...output, ...habits });
    this.daemon = new Daemon({
      clock,
      spawner: this.spawner,
      software: "0.0.0",
      host: "node",
      node: "node",
      insecure: false,
      pid: 1,
      account: { user: "nobody", home: "/", shell: "/bin/sh" },
      incarnation,
      nofile: { soft: 1024n, hard: 4096n },
      sessionsMax: 8,
      processesMax,
      random: (length) => random.bytes(length),
      revocations: { isRevoked: () => false, add: () => (this.revocations += 1) < 0 },
      audit: new AuditLog({ directory: auditDirectory, clock, report: complain }),
      log: () => {},
    });
  }
}

function complain(text: string): void {
  throw new Error(text);
}

export interface SessionAttackOptions {
  count: number;
  seed: number;
  /** Null: no audit log is kept. */
  auditDirectory: string | null;
}

/** @throws Error with the seed and the message when one of the promises is broken */
export async function attackSessions(options: SessionAttackOptions): Promise<SessionAttackReport> {
  const attack = new Attack(options);
  while (attack.report.count < options.count) await attack.burst();
  return attack.finish();
}

class Attack {
  readonly report: SessionAttackReport;
  readonly #random: Seeded;
  readonly #auditDirectory: string | null;
  #world: World;
  readonly #aims: readonly Aim[];
  readonly #ours: readonly Aim[];
  readonly #codec = messageCodec();
  readonly #hello: Uint8Array;
  readonly #room = new Uint8Array(prefixBytes + sampleBytesMax);
  readonly #settleAt: number;
  readonly #time = new BigInt64Array(2);
  #wires: Wire[] = [];
  #operation = 0;
  #beforeBytes = 0;

  constructor({ seed, count, auditDirectory }: SessionAttackOptions) {
    const counts = { count: 0, sessions: 0, starts: 0, survived: 0, hangs: 0 };
    this.report = { seed, ...counts, goodbyes: {}, slowestMs: 0, growthBytes: 0 };
    this.#random = new Seeded(seed);
    this.#auditDirectory = auditDirectory;
    this.#world = new World(this.#random, auditDirectory);
    this.#aims = aimsOf(this.#random, this.#codec);
    this.#ours = this.#aims.filter(
      ({ kind }) => neededRole[kind] !== "nobody" && !isGreeting(kind),
    );
    this.#settleAt = Math.floor(count / 5);
    const facts = { software: "0.0.0", host: "here", insecure: false, ownLimits: null };
    const times = { monotonicNs: 0n, realtimeNs: 0n };
    this.#hello = this.#codec.encode(
      0,
      helloOf({ ...facts, ...times, incarnation: new Uint8Array() }),
    );
  }

  async burst(): Promise<void> {
    for (let time = 0; time < burst; time += 1) this.#one();
    await settle();
    const { clock, spawner } = this.#world;
    clock.advance(this.#random.chance(0.01) ? 5_000 : this.#random.pick([0, 1, 20, 100]));
    await settle();
    for (const wire of this.#wires) wire.catchUp();
    this.#reap();
    this.report.starts += spawner.children.length;
    spawner.children.length = 0;
    const { length } = this.#wires;
    if (length > 0 && this.#random.chance(0.2)) this.#leave(this.#random.below(length));
    if (this.report.count % worldMessages < burst) this.#renewWorld();
    if (this.report.count >= this.#settleAt && this.#beforeBytes === 0) {
      this.#beforeBytes = settledBytes();
    }
  }

  finish(): SessionAttackReport {
    this.#proveAlive();
    this.report.growthBytes = settledBytes() - this.#beforeBytes;
    return this.report;
  }

  /** Processes with leases of many days would fill it up. */
  #renewWorld(): void {
    this.#proveAlive();
    this.#world = new World(this.#random, this.#auditDirectory);
  }

  /** @throws Error when the daemon does not serve the next one, or still counts those who have left */
  #proveAlive(): void {
    while (this.#wires.length > 0) this.#leave(0);
    const [identity] = identities;
    if (!identity) throw new Error("There is an operator");
    const wire = this.#dial(identity);
    wire.say(this.#codec.encode(1, { kind: "status" }));
    const answer = this.#codec.decode(wire.last.subarray(prefixBytes))?.message;
    const isAlone = answer?.kind === "status-reply" && answer.sessions === 1;
    if (!isAlone) throw this.#broken("The daemon answers no more", JSON.stringify(answer?.kind));
    this.#leave(0);
  }

  #one(): void {
    const random = this.#random;
    const wire = this.#wires[random.below(3)] ?? this.#dial(random.pick(identities));
    if (wire.isPaused) {
      wire.catchUp();
      if (wire.isPaused) throw this.#broken("It stays paused", "");
    }
    wire.isDeaf = random.chance(0.01) ? !wire.isDeaf : wire.isDeaf;
    // What only daemons say ends a session at once, and most of what there is to break lies behind.
    const aim = random.pick(random.chance(0.9) ? this.#ours : this.#aims);
    const bytes = this.#message(aim);
    const { spawner } = this.#world;
    const before = spawner.children.length + this.#world.revocations;
    const began = this.#workedMs();
    try {
      const cut = random.chance(0.1) ? random.below(bytes.length) : bytes.length;
      // Frames are kept by whoever gets them: the memory is not ours any more.
      wire.say(bytes.slice(0, cut));
      if (cut < bytes.length && wire.end === null) wire.say(bytes.slice(cut));
    } catch (error) {
      throw this.#broken(aim.kind, Buffer.from(bytes).toString("hex"), error);
    }
    const tookMs = this.#workedMs() - began;
    this.report.slowestMs = Math.max(this.report.slowestMs, tookMs);
    if (tookMs > hangMs) this.report.hangs += 1;
    this.report.count += 1;
    const isChanged = spawner.children.length + this.#world.revocations !== before;
    if (isChanged && wire.identity.role === "observer") {
      throw this.#broken("An observer has done something", aim.kind);
    }
    if (wire.end === null) this.report.survived += 1;
    else this.#reap();
  }

  /** What this thread has worked since it began. */
  #workedMs(): number {
    libc().clock_gettime(CLOCK_THREAD_CPUTIME_ID, this.#time);
    return Number(this.#time[0]) * 1_000 + Number(this.#time[1]) / 1_000_000;
  }

  #dial(identity: Identity): Wire {
    const wire = new Wire(identity);
    this.#world.daemon.accept(wire);
    wire.say(this.#hello);
    this.report.sessions += 1;
    if (wire.end !== null) throw this.#broken("A valid hello was refused", this.#goodbyeOf(wire));
    this.#wires.push(wire);
    return wire;
  }

  /** A frame in the shared room, mostly of an operation that makes sense. */
  #message(aim: Aim): Uint8Array {
    const random = this.#random;
    const frame = this.#room.subarray(prefixBytes, prefixBytes + aim.frame.length);
    frame.set(aim.frame);
    const view = new DataView(this.#room.buffer);
    const { operationAt } = aim;
    if (operationAt >= 0) {
      view.setUint32(prefixBytes + operationAt, this.#operationFor(aim.kind), true);
    }
    const length = random.chance(0.2) ? spoil(frame, aim, random) : frame.length;
    const told = random.chance(0.005) ? random.pick([0, length + 1, 2 ** 32 - 1]) : length;
    view.setUint32(0, told, true);
    return this.#room.subarray(0, prefixBytes + length);
  }

  #operationFor(kind: Message["kind"]): number {
    const random = this.#random;
    const isSession = ["hello", "goodbye", "ping", "pong"].includes(kind);
    if (isSession && random.chance(0.8)) return 0;
    if (random.chance(0.02)) return random.uint32();
    if (!requestKinds.has(kind) || random.chance(0.02)) {
      return Math.max(0, this.#operation - random.below(12));
    }
    // Begins anew before it could run out for a session that saw a large one.
    this.#operation = (this.#operation + 1) % 1_000_000;
    return this.#operation;
  }

  #reap(): void {
    for (const wire of this.#wires.filter(({ end }) => end !== null)) {
      const code = this.#goodbyeOf(wire);
      this.report.goodbyes[code] = (this.report.goodbyes[code] ?? 0) + 1;
      this.#wires.splice(this.#wires.indexOf(wire), 1);
      if (wire.end === "close") wire.hangUp();
    }
  }

  /** What the daemon said last; "answer" when it left because we did. */
  #goodbyeOf(wire: Wire): string {
    const message = this.#codec.decode(wire.last.subarray(prefixBytes))?.message;
    return message?.kind === "goodbye" ? message.code : `${wire.end ?? "open"} without a word`;
  }

  #leave(index: number): void {
    const wire = this.#wires[index];
    if (!wire) return;
    this.#wires.splice(index, 1);
    if (this.#random.chance(0.5)) wire.hangUp();
    else wire.say(this.#codec.encode(0, { kind: "goodbye", code: "done", text: "" }));
  }

  #broken(what: string, detail: string, cause?: unknown): Error {
    const { seed, count } = this.report;
    const reason = cause instanceof Error ? cause.message : "";
    return new Error(`Seed ${seed}, message ${count}: ${what} ${reason}\n${detail}`, {
      cause,
    });
  }
}

const isGreeting = (kind: Message["kind"]): boolean => kind === "hello" || kind === "goodbye";

function settledBytes(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

/** Every kind of message, some of them many times; starts and attaches know this daemon and few keys. */
function aimsOf(random: Seeded, codec: ReturnType<typeof messageCodec>): Aim[] {
  const messages = [...samples.values()].map(({ message }) => message);
  for (let index = 0; index < 1_000; index += 1) {
    const message = randomMessage(random);
    // What starts processes and finds them again is what the rest needs to have something to do.
    const isWanted = message.kind === "start" || message.kind === "attach" || index < 200;
    if (isWanted) messages.push(message);
  }
  const ours = messages.map((message) => fitting(message, random));
  return ours.flatMap((message): Aim[] => {
    const [one, other] = [0x0101_0101, 0x0202_0202].map((id) => codec.encode(id, message));
    if (!one || !other || one.length - prefixBytes > sampleBytesMax) return [];
    const frame = one.subarray(prefixBytes);
    const operationAt = frame.findIndex((byte, index) => byte !== other[prefixBytes + index]);
    return [
      { name: message.kind, kind: message.kind, frame, places: frameMap(frame), operationAt },
    ];
  });
}

function fitting(message: Message, random: Seeded): Message {
  const key = new Uint8Array(16).fill(random.below(32));
  if (message.kind === "start")
    return { ...message, key, incarnation, leaseMs: random.below(9_000) };
  if (message.kind === "attach") {
    return { ...message, key, stdoutOffset: random.below(3), stderrOffset: 0, eventsSeen: 0n };
  }
  const { fingerprint } = random.pick(identities);
  return message.kind === "revoke" && random.chance(0.5) ? { ...message, fingerprint } : message;
}
