// The controller's side of one exec: starts it, hands its output on, gives credit for what was written out, and comes back
// after a lost connection without losing, doubling or repeating anything. Settles exactly once. Knows nothing of
// terminals; whoever uses it says where output goes and how a session is opened.

import type { ByteSource } from "../../base/byte-stream.ts";
import type { Clock } from "../../base/clock.ts";
import { CtlError } from "../../base/errors.ts";
import { SIGHUP, SIGINT, signalName, SIGQUIT, SIGTERM } from "../../base/signals.ts";
import type { SignalScope } from "../../launcher/contract.ts";
import type { Hello } from "../../session/contract.ts";
import { ReceiveWindow } from "../../session/credit.ts";
import type { Operation, SessionEnd } from "../../session/operation.ts";
import type { Session } from "../../session/session.ts";
import type { Message } from "../messages.ts";
import type { OutputStream, ProcessEvent, Start } from "./contract.ts";
import { ExecProgress, type ExecResult } from "./exec-progress.ts";
import { InputSender } from "./input-sender.ts";
import { OutputReceiver } from "./output-receiver.ts";

/** What the caller is told while it goes on. */
export type ExecNews =
  | { kind: "connected"; peer: Hello }
  | { kind: "accepted"; process: string }
  | { kind: "event"; event: ProcessEvent }
  | { kind: "gap"; stream: OutputStream; offset: number; length: number }
  /** The connection was lost; for `forMs` it is tried again. */
  | { kind: "lost"; why: string; forMs: number }
  | { kind: "resumed" };

export interface ExecHost {
  clock: Clock;
  /** Opens a session to the node. @throws CtlError */
  connect(): Promise<Session<Message>>;
  /**
   * Writes output. `done` is called once it is out, with null, or with the errno name of why it never will be; then
   * nothing more comes for that stream.
   */
  write(stream: OutputStream, piece: OutputPiece, done: (errno: string | null) => void): void;
  news(news: ExecNews): void;
  /** A number in [0, 1) for the back-off. */
  random(): number;
}

export interface OutputPiece {
  offset: number;
  bytes: Uint8Array;
}

/** Everything of a start but what the call itself fills in. */
export type ExecRequest = Omit<Start, "kind" | "incarnation" | "stdin">;

/** How long an exec that outlives its controller is looked for after a lost connection. */
const keepResumeMs = 60_000;
/** Goodbyes that mean it: coming back at once would be no use. */
const dismissals: ReadonlySet<string> = new Set([
  "stopping",
  "session-limit",
  "version",
  "revoked",
]);
const terminatingSignals: ReadonlySet<number> = new Set([SIGHUP, SIGINT, SIGQUIT, SIGTERM]);
const backoffFirstMs = 100;
const backoffMaxMs = 1_000;

export class ExecCall {
  readonly #host: ExecHost;
  readonly #request: ExecRequest;
  readonly #progress: ExecProgress;
  readonly #outputs: Record<OutputStream, OutputReceiver>;
  readonly #input: InputSender | null;
  readonly #settled = Promise.withResolvers<ExecResult>();
  #operation: Operation<Message> | null = null;
  #incarnation: Uint8Array | null = null;
  #isAccepted = false;
  /** Accepted on the present connection: only now do requests keep their order. */
  #isFollowing = false;
  #isSettled = false;
  #resumeDeadlineNs: bigint | null = null;
  #backoffMs = backoffFirstMs;
  #cancelRetry: (() => void) | null = null;
  /** Requests that may have been lost with a connection: sent again until their answer arrives. */
  readonly #signals: { serial: number; signal: number; scope: SignalScope }[] = [];
  #lastSerial = 0;
  #stopGraceMs: number | null = null;

  constructor(host: ExecHost, request: ExecRequest, stdin: ByteSource | null) {
    this.#host = host;
    this.#request = request;
    this.#progress = new ExecProgress(request.tree);
    this.#outputs = { stdout: this.#receiver("stdout"), stderr: this.#receiver("stderr") };
    this.#input = stdin && new InputSender(stdin, (message) => this.#operation?.send(message));
  }

  /** Starts the exec; resolves once, with how it ended. Never rejects for what can happen to a process or a network. */
  run(): Promise<ExecResult> {
    void this.#connect();
    return this.#settled.promise;
  }

  /** One that ends programs ends the attempt, too, while nothing can have been started yet. */
  signal(signal: number, scope: SignalScope): void {
    if (this.#incarnation === null && terminatingSignals.has(signal)) {
      const text = `Interrupted by ${signalName(signal)} while connecting; nothing was started`;
      return this.#settle({ kind: "failed", error: new CtlError("interrupted", text) });
    }
    this.#lastSerial += 1;
    const request = { serial: this.#lastSerial, signal, scope };
    this.#signals.push(request);
    if (this.#isFollowing) this.#operation?.send({ kind: "signal", ...request });
  }

  /** TERM to the whole tree, KILL after the grace. */
  stop(graceMs: number): void {
    this.#stopGraceMs = graceMs;
    if (this.#isFollowing) this.#operation?.send({ kind: "stop", graceMs });
  }

  /** Leaves now, whatever still runs; the result says that the outcome is not known. */
  leave(why: string): void {
    this.#settle({ kind: "unknown", why });
  }

  async #connect(): Promise<void> {
    try {
      const session = await this.#host.connect();
      if (this.#isSettled) session.goodbye("done", "Left");
      else this.#begin(session);
    } catch (error) {
      if (!(error instanceof CtlError)) throw error;
      this.#connectFailed(error);
    }
  }

  #connectFailed(error: CtlError): void {
    if (this.#isSettled) return;
    // What cannot be put into a message will not fit a minute later either.
    const isHopeless = this.#incarnation === null || error.code === "usage";
    if (isHopeless) this.#settle({ kind: "failed", error });
    else this.#retryLater(error.message);
  }

  #begin(session: Session<Message>): void {
    const peer = session.peer;
    if (!peer) return this.#retryLater("The session ended at once");
    const isFirst = this.#incarnation === null;
    this.#incarnation ??= peer.incarnation;
    if (isFirst) this.#host.news({ kind: "connected", peer });
    const operation = session.open();
    this.#operation = operation;
    operation.handle({
      message: (message) => this.#message(message),
      sessionEnded: (end) => this.#lost(end),
    });
    operation.send(this.#isAccepted ? this.#attach() : this.#start(this.#incarnation));
  }

  #start(incarnation: Uint8Array): Message {
    return { kind: "start", ...this.#request, incarnation, stdin: this.#input !== null };
  }

  #attach(): Message {
    return {
      kind: "attach",
      key: this.#request.key,
      stdoutOffset: this.#outputs.stdout.received,
      stderrOffset: this.#outputs.stderr.received,
      eventsSeen: this.#progress.eventsSeen,
    };
  }

  #message(message: Message): void {
    const { kind } = message;
    if (kind === "accepted") return this.#accepted(message.process, message.stdinOffset);
    if (kind === "event") return this.#event(message);
    if (kind === "refusal") {
      this.#operation?.end();
      return this.#refused(message.code, message.text);
    }
    if (kind === "output" || kind === "output-gap") {
      if (message.stream !== "stdin") this.#outputs[message.stream].receive(message);
      return this.#settleWhenComplete();
    }
    // Everything else is of a kind that no daemon of this protocol sends here, or about stdin.
    if (kind === "credit" && message.stream === "stdin") this.#input?.credit(message.offset);
    if (kind === "close-stream" && message.stream === "stdin") this.#input?.readerGone();
  }

  #accepted(process: string, stdinOffset: number): void {
    const isResumed = this.#resumeDeadlineNs !== null;
    this.#resumeDeadlineNs = null;
    this.#isFollowing = true;
    this.#backoffMs = backoffFirstMs;
    if (!this.#isAccepted) {
      this.#isAccepted = true;
      this.#progress.process = process;
      this.#host.news({ kind: "accepted", process });
    }
    if (isResumed) this.#host.news({ kind: "resumed" });
    for (const request of this.#signals) this.#operation?.send({ kind: "signal", ...request });
    if (this.#stopGraceMs !== null) {
      this.#operation?.send({ kind: "stop", graceMs: this.#stopGraceMs });
    }
    for (const output of Object.values(this.#outputs)) output.reconnected();
    this.#input?.follow(stdinOffset);
    // What was received before the connection was lost may have been written out meanwhile.
    this.#settleWhenComplete();
  }

  #event(event: ProcessEvent): void {
    if (event.sequence <= this.#progress.eventsSeen) return;
    this.#progress.take(event);
    const { fact } = event;
    if (fact.kind === "signaled") {
      const index = this.#signals.findIndex((request) => request.serial === fact.serial);
      if (index >= 0) this.#signals.splice(index, 1);
    }
    this.#host.news({ kind: "event", event });
    this.#settleWhenComplete();
  }

  #refused(code: string, text: string): void {
    // Before anything was accepted a refusal means that nothing was started, unless an earlier attempt may have got through.
    const wasSentBefore = this.#resumeDeadlineNs !== null;
    if (this.#isAccepted || wasSentBefore || code === "replaced") {
      return this.#settle({ kind: "unknown", why: text });
    }
    this.#settle({ kind: "failed", error: new CtlError("refused", text) });
  }

  #lost(end: SessionEnd): void {
    this.#operation = null;
    this.#isFollowing = false;
    if (this.#isSettled) return;
    this.#input?.unfollow();
    if (end.goodbye && dismissals.has(end.goodbye.code)) return this.#dismissed(end);
    const forMs = this.#resumeMs();
    if (this.#resumeDeadlineNs === null) {
      this.#resumeDeadlineNs = this.#host.clock.monotonicNs() + BigInt(forMs) * 1_000_000n;
      this.#host.news({ kind: "lost", why: end.why, forMs });
    }
    this.#retryLater(end.why);
  }

  /** The daemon took leave on purpose. */
  #dismissed(end: SessionEnd): void {
    const wasTried = this.#isAccepted || this.#resumeDeadlineNs !== null;
    // A node that is full for the moment may have room again before the lease is over.
    if (wasTried && end.goodbye?.code === "session-limit") return this.#retryLater(end.why);
    if (wasTried) return this.#settle({ kind: "unknown", why: end.why });
    this.#settle({ kind: "failed", error: new CtlError("refused", end.why) });
  }

  #resumeMs(): number {
    return this.#request.onDisconnect === "keep" ? keepResumeMs : this.#request.leaseMs;
  }

  /** Back-off with jitter, so that a thousand controllers do not come back in the same millisecond. */
  #retryLater(why: string): void {
    if (this.#isSettled) return;
    const { clock } = this.#host;
    if (this.#resumeDeadlineNs !== null && clock.monotonicNs() >= this.#resumeDeadlineNs) {
      return this.#settle({ kind: "unknown", why: `The connection was lost: ${why}` });
    }
    const delayMs = this.#backoffMs * (0.5 + this.#host.random() / 2);
    this.#backoffMs = Math.min(this.#backoffMs * 2, backoffMaxMs);
    this.#cancelRetry = clock.after(delayMs, () => void this.#connect());
  }

  #receiver(stream: OutputStream): OutputReceiver {
    return new OutputReceiver(stream, new ReceiveWindow(), {
      send: (message) => this.#operation?.send(message),
      write: (piece, done) => this.#host.write(stream, piece, done),
      gap: (offset, length) => this.#host.news({ kind: "gap", stream, offset, length }),
      changed: () => this.#settleWhenComplete(),
    });
  }

  #settleWhenComplete(): void {
    if (this.#isSettled) return;
    const end = this.#progress.complete(this.#outputs);
    if (end) this.#settle(end);
  }

  #settle(end: ExecResult["end"]): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#cancelRetry?.();
    this.#operation?.send({ kind: "release" });
    this.#operation?.end();
    this.#input?.close();
    this.#settled.resolve(this.#progress.result(end, this.#outputs));
  }
}
