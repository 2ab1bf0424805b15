// One process on its node: carries out what its life decides, keeps its streams and its unacknowledged events, and lets
// a controller follow, lose and resume it. Owns the child's pipes and timers; knows nothing of sockets.

import type { Clock } from "../../base/clock.ts";
import { CtlError } from "../../base/errors.ts";
import type { LaunchedChild, LauncherReport, ResourceUse } from "../../launcher/contract.ts";
import type {
  Cause,
  Fact,
  OutputStream,
  ProcessEvent,
  ProcessMessage,
  Start,
  Survivor,
} from "./contract.ts";
import { EventLog, type Moment } from "./event-log.ts";
import { InputFeed } from "./input-feed.ts";
import {
  bornLife,
  type Life,
  type LifeEffect,
  type LifeFact,
  type LifeInput,
  type LifeTimer,
  stepLife,
} from "./lifecycle.ts";
import { OutputPump } from "./output-pump.ts";

/** How many left processes an `exited` event names. */
const survivorsNamedMax = 64;

export interface RecordOptions {
  id: string;
  start: Start;
  clock: Clock;
  /** Starts the child; its reports go to `report`. */
  launch(report: (report: LauncherReport) => void): LaunchedChild;
  /** Takes the next sequence number of this daemon. */
  nextSequence(): bigint;
  /** Every event, whoever follows. */
  told(event: ProcessEvent): void;
  /** It is over, or may have become settled. */
  changed(): void;
  /** The record is over and acknowledged, or nobody came back for it. */
  forget(): void;
}

/** Whoever follows: gets messages, may be told that somebody else does now. */
export interface ProcessFollower {
  send(message: ProcessMessage): void;
  replaced(): void;
}

export class ProcessRecord {
  readonly id: string;
  readonly #options: RecordOptions;
  readonly #child: LaunchedChild;
  readonly #pumps: Record<OutputStream, OutputPump>;
  readonly #feed: InputFeed | null;
  readonly #timers = new Map<LifeTimer, () => void>();
  readonly #log: EventLog;
  #life: Life;
  #follower: ProcessFollower | null = null;
  #usage: ResourceUse | null = null;
  /** Serials of signal requests whose answer is due, in the order in which they were sent on. */
  readonly #signalSerials: number[] = [];
  #reportedAt: Moment | null = null;
  #isForgotten = false;

  constructor(options: RecordOptions, follower: ProcessFollower) {
    this.#options = options;
    this.id = options.id;
    const { start, clock } = options;
    this.#life = bornLife(start, clock.realtimeNs());
    this.#follower = follower;
    this.#log = new EventLog({
      process: options.id,
      nextSequence: () => options.nextSequence(),
      publish: (event) => {
        options.told(event);
        this.#follower?.send(event);
      },
    });
    this.#child = options.launch((report) => this.#report(report));
    this.#feed = this.#child.stdin ? new InputFeed(this.#child.stdin) : null;
    this.#pumps = { stdout: this.#pump("stdout"), stderr: this.#pump("stderr") };
    this.#step({ kind: "accepted" });
    this.#sendFrom({ stdout: 0, stderr: 0, eventsSeen: 0n });
  }

  get isOver(): boolean {
    return this.#life.at === "over";
  }

  /** Over, and whoever follows has been told everything. */
  get isSettled(): boolean {
    return this.isOver && (!this.#log.isHolding || this.#follower === null);
  }

  /** Whether somebody still depends on this daemon for it. */
  get isFollowed(): boolean {
    return this.#life.follower !== "released";
  }

  get onDisconnect(): "kill" | "keep" {
    return this.#life.policy.onDisconnect;
  }

  /** A new connection takes over from where the last one broke off. */
  resume(
    follower: ProcessFollower,
    from: { stdout: number; stderr: number; eventsSeen: bigint },
  ): void {
    const previous = this.#follower;
    this.#follower = follower;
    previous?.replaced();
    this.#step({ kind: "attached" });
    this.#sendFrom(from);
  }

  /** The follower's connection is gone without a goodbye. Harmless when somebody else follows already. */
  lost(follower: ProcessFollower): void {
    if (this.#follower !== follower) return;
    this.#unfollow();
    this.#step({ kind: "follower-lost" });
  }

  /** The follower took leave: it wants no more of this. */
  leave(follower: ProcessFollower): void {
    if (this.#follower !== follower) return;
    this.#unfollow();
    this.#step({ kind: "released" });
  }

  /** What a follower says, other than its first request. @throws CtlError("protocol-violated") */
  take(message: ProcessMessage): void {
    switch (message.kind) {
      case "input":
        if (!this.#feed)
          throw new CtlError("protocol-violated", "Input for a process without stdin");
        return this.#feed.input(message);
      case "credit":
        return this.#output(message.stream).credit(message.offset);
      case "close-stream":
        return this.#output(message.stream).close();
      case "signal":
        return this.#step({ ...message, kind: "signal" });
      case "stop":
        return this.#step({ kind: "stop", cause: "user", graceMs: message.graceMs });
      case "release":
        this.#unfollow();
        return this.#step({ kind: "released" });
      case "start":
      case "attach":
      case "accepted":
      case "event":
      case "output":
      case "output-gap":
        throw new CtlError("protocol-violated", `"${message.kind}" inside a process's operation`);
      default:
        message satisfies never;
        throw new CtlError("protocol-violated", "Not about a process");
    }
  }

  /** The daemon ends: what must not outlive it is stopped. */
  daemonStops(): void {
    if (this.onDisconnect === "keep" || !this.isFollowed) return;
    this.#step({ kind: "stop", cause: "daemon", graceMs: this.#life.policy.graceMs });
  }

  #pump(stream: OutputStream): OutputPump {
    return new OutputPump({
      stream,
      source: this.#child[stream],
      ended: (length) => this.#tell({ kind: "stream-ended", stream, length }),
    });
  }

  #output(stream: string): OutputPump {
    if (stream === "stdout" || stream === "stderr") return this.#pumps[stream];
    throw new CtlError("protocol-violated", `"${stream}" is not an output stream`);
  }

  #sendFrom(from: { stdout: number; stderr: number; eventsSeen: bigint }): void {
    const follower = this.#follower;
    if (!follower) return;
    follower.send({ kind: "accepted", process: this.id, stdinOffset: this.#feed?.received ?? 0 });
    const send = (message: ProcessMessage): void => follower.send(message);
    for (const event of this.#log.after(from.eventsSeen)) send(event);
    this.#feed?.follow(send);
    this.#pumps.stdout.follow(from.stdout, send);
    this.#pumps.stderr.follow(from.stderr, send);
  }

  #unfollow(): void {
    this.#follower = null;
    this.#feed?.unfollow();
    this.#pumps.stdout.unfollow();
    this.#pumps.stderr.unfollow();
  }

  #report(report: LauncherReport): void {
    if (this.#isForgotten) return;
    if (report.kind === "exited") this.#usage = report.usage;
    this.#reportedAt = report;
    this.#step({ kind: "report", report });
    this.#reportedAt = null;
  }

  #step(input: LifeInput): void {
    if (input.kind === "signal" && input.serial > this.#life.serial && !this.isOver) {
      this.#signalSerials.push(input.serial);
    }
    const { life, effects } = stepLife(this.#life, input);
    this.#life = life;
    for (const effect of effects) this.#carryOut(effect);
    if (this.isOver && !this.#isForgotten) this.#options.changed();
  }

  #carryOut(effect: LifeEffect): void {
    switch (effect.kind) {
      case "tell":
        return this.#lifeFact(effect.fact);
      case "signal":
        return this.#child.signal(effect.scope, effect.signal);
      case "stop":
        return this.#child.stop(effect.graceMs);
      case "policy":
        return this.#child.setPolicy(effect.policy, effect.graceMs);
      case "arm": {
        this.#timers.get(effect.timer)?.();
        const { timer, ms } = effect;
        const fire = (): void => this.#step({ kind: "timer", timer });
        this.#timers.set(timer, this.#options.clock.after(ms, fire));
        return;
      }
      case "disarm":
        this.#timers.get(effect.timer)?.();
        this.#timers.delete(effect.timer);
        return;
      case "discard-output":
        this.#pumps.stdout.discard();
        this.#pumps.stderr.discard();
        return;
      case "close-output":
        return this.#closePipes();
      case "forget":
        return this.#forget();
      default:
        effect satisfies never;
    }
  }

  #closePipes(): void {
    this.#pumps.stdout.close();
    this.#pumps.stderr.close();
    this.#feed?.close();
    this.#child.releaseOutput();
  }

  #forget(): void {
    this.#isForgotten = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#closePipes();
    this.#options.forget();
  }

  #lifeFact(fact: LifeFact): void {
    if (fact.kind === "exited") return this.#exited(fact);
    if (fact.kind !== "signaled") return this.#tell(fact);
    this.#tell({ ...fact, serial: this.#signalSerials.shift() ?? 0 });
  }

  /** The fact waits until everything written before it was read, so that it can say how much that was. */
  #exited(fact: { status: number; cause: Cause; treeLeft: boolean }): void {
    const moment = this.#moment();
    const { status, cause, treeLeft } = fact;
    const survivors = treeLeft ? this.#survivors() : [];
    const usage = this.#usage;
    if (!usage) throw new CtlError("io-failed", "An exited report without its resource use");
    this.#log.hold();
    const { stdout, stderr } = this.#pumps;
    stdout.afterWritten((stdoutLength) => {
      stderr.afterWritten((stderrLength) => {
        if (this.#isForgotten) return;
        const lengths = { stdoutLength, stderrLength };
        this.#log.complete(
          { kind: "exited", status, cause, usage, treeLeft, survivors, ...lengths },
          moment,
        );
        if (this.isSettled) this.#options.changed();
      });
    });
  }

  #survivors(): Survivor[] {
    const alive = this.#child.survivors(survivorsNamedMax);
    return alive.map(({ pid, command }) => ({ pid, command: Buffer.from(command) }));
  }

  #tell(fact: Fact): void {
    this.#log.tell(fact, this.#moment());
  }

  /** That of the launcher's report, or now. */
  #moment(): Moment {
    if (this.#reportedAt) return this.#reportedAt;
    const { clock } = this.#options;
    return { monotonicNs: clock.monotonicNs(), realtimeNs: clock.realtimeNs() };
  }
}
