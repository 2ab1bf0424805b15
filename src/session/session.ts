// One connection's conversation: greets, routes messages to operations, keeps the connection honest, ends exactly once.
// Knows neither sockets nor what the messages mean. The same class serves both ends; only a controller opens operations.

import type { Clock } from "../base/clock.ts";
import { CtlError } from "../base/errors.ts";
import type { Transport } from "../transport/transport.ts";
import type { MessageCodec } from "../wire/codec.ts";
import { FrameReader } from "../wire/frames.ts";
import {
  frameBytesMax,
  helloBytesMax,
  helloTimeoutMs,
  operationsMax,
  pingsPerSecondMax,
  unsentBytesMax,
} from "../wire/limits.ts";
import type { GoodbyeCode, Hello, SessionMessage } from "./contract.ts";
import { commonProtocol } from "./hello.ts";
import { Keepalive } from "./keepalive.ts";
import { Operation, type SessionEnd } from "./operation.ts";

export interface SessionOptions<Message extends { kind: string }> {
  transport: Transport;
  codec: MessageCodec<Message | SessionMessage>;
  clock: Clock;
  /** What this side says of itself. */
  hello: Hello;
  /** Message kinds that open an operation, for the side that serves; empty for a controller. */
  requestKinds: ReadonlySet<string>;
  /** Why the peer may not say this; null when it may. Everything may be said unless given. */
  refuses?(operation: number, message: Message | SessionMessage): string | null;
  /** A request has arrived; the operation's handler must be set before this returns. */
  request(operation: Operation<Message | SessionMessage>, message: Message): void;
  /** The peer has said hello and speaks our protocol. */
  opened(peer: Hello): void;
  /** Once, last. `error` says what a controller should tell its user when the greeting failed. */
  ended(end: SessionEnd, error: CtlError | null): void;
  /** How long the greeting may take; `helloTimeoutMs` of the limits unless given. */
  helloTimeoutMs?: number;
}

type Phase = "greeting" | "open" | "ended";

export class Session<Message extends { kind: string }> {
  readonly #options: SessionOptions<Message>;
  readonly #transport: Transport;
  readonly #frames: FrameReader;
  readonly #keepalive: Keepalive;
  readonly #operations = new Map<number, Operation<Message | SessionMessage>>();
  #phase: Phase = "greeting";
  #peer: Hello | null = null;
  #lastOperation = 0;
  #paused = false;
  #pings = 0;
  #pingsSinceNs = 0n;
  /** Why it has ended; null while it has not. */
  #endedBy: SessionEnd | null = null;
  #cancelHelloDeadline: (() => void) | null;
  readonly #transportClosed = Promise.withResolvers<void>();

  constructor(options: SessionOptions<Message>) {
    this.#options = options;
    this.#transport = options.transport;
    this.#frames = new FrameReader(helloBytesMax);
    this.#keepalive = new Keepalive(options.clock, {
      ask: () => this.#send(0, { kind: "ping", token: 0n }),
      dead: () => this.#silent(),
    });
    const deadlineMs = options.helloTimeoutMs ?? helloTimeoutMs;
    this.#cancelHelloDeadline = options.clock.after(deadlineMs, () => {
      this.#fail(silent(this.#transport.peer), "protocol-violated");
    });
    this.#transport.attach({
      data: (bytes) => this.#receive(bytes),
      drained: () => this.#resumeReading(),
      closed: (error) => this.#closed(error),
    });
    this.#send(0, options.hello);
  }

  get peer(): Hello | null {
    return this.#peer;
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** Resolves when the peer has closed too, and so has heard everything that was said. */
  get closed(): Promise<void> {
    return this.#transportClosed.promise;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /**
   * A new operation of ours; its handler must be set before control returns to the event loop. On a session that has ended
   * meanwhile it ends at once, for the same reason.
   */
  open(): Operation<Message | SessionMessage> {
    this.#lastOperation += 1;
    const operation = this.#adopt(this.#lastOperation);
    const end = this.#endedBy;
    if (end) queueMicrotask(() => operation.sessionEnded(end));
    return operation;
  }

  /** Says why this side leaves, sends what is queued and ends the connection. */
  goodbye(code: GoodbyeCode, text: string): void {
    if (this.#phase === "ended") return;
    this.#send(0, { kind: "goodbye", code, text });
    this.#end({ goodbye: null, why: text }, null);
    this.#transport.close();
  }

  /** Ends the connection without a word; what is queued is lost. */
  destroy(why: string): void {
    if (this.#phase === "ended") return;
    this.#end({ goodbye: null, why }, null);
    this.#transport.destroy();
    this.#transportClosed.resolve();
  }

  #adopt(id: number): Operation<Message | SessionMessage> {
    const operation = new Operation<Message | SessionMessage>(id, {
      send: (operationId, message) => this.#send(operationId, message),
      ended: (operationId) => this.#operations.delete(operationId),
    });
    this.#operations.set(id, operation);
    return operation;
  }

  #send(operation: number, message: Message | SessionMessage): void {
    if (this.#phase === "ended") return;
    const isTaken = this.#transport.send(this.#options.codec.encode(operation, message));
    // A peer that asks for more than it reads is not read any further until it has caught up.
    if (!isTaken && !this.#paused && this.#transport.queuedBytes > unsentBytesMax) {
      this.#paused = true;
      this.#transport.pause();
    }
  }

  #resumeReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.resume();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#phase === "ended") return;
    this.#keepalive.heard();
    try {
      this.#frames.push(bytes, (frame) => this.#frame(frame));
    } catch (error) {
      if (!(error instanceof CtlError)) throw error;
      this.#violated(error);
    }
  }

  #frame(frame: Uint8Array): void {
    if (this.#ended()) return;
    const envelope = this.#options.codec.decode(frame);
    if (this.#phase === "greeting") return this.#greet(envelope?.message ?? null);
    if (!envelope) return;
    if (envelope.operation === 0) this.#sessionMessage(envelope.message);
    else this.#operationMessage(envelope.operation, envelope.message);
  }

  /** A method, so that the compiler forgets what it knew: a frame before this one may have ended the session. */
  #ended(): boolean {
    return this.#phase === "ended";
  }

  #greet(message: Message | SessionMessage | null): void {
    if (message && isKind(message, "goodbye")) return this.#sessionMessage(message);
    if (!message || !isKind(message, "hello")) {
      throw new CtlError("protocol-violated", "The first message was not a hello");
    }
    try {
      commonProtocol(this.#options.hello, message);
    } catch (error) {
      if (!(error instanceof CtlError)) throw error;
      return this.#fail(error, "version");
    }
    this.#cancelHelloDeadline?.();
    this.#cancelHelloDeadline = null;
    this.#frames.frameBytesMax = frameBytesMax;
    this.#peer = message;
    this.#phase = "open";
    this.#keepalive.start();
    this.#options.opened(message);
  }

  #sessionMessage(message: Message | SessionMessage): void {
    if (isKind(message, "ping")) {
      this.#countPing();
      this.#send(0, { kind: "pong", token: message.token });
    }
    if (!isKind(message, "goodbye")) return;
    const goodbye = { code: message.code, text: message.text };
    // A goodbye instead of a greeting is an answer: the caller must be able to tell it from silence.
    const error = this.#phase === "greeting" || message.code !== "done" ? refusedBy(message) : null;
    this.#end({ goodbye, why: message.text }, error);
    this.#transport.close();
  }

  /** Each is cheap to ask and has to be answered. */
  #countPing(): void {
    const nowNs = this.#options.clock.monotonicNs();
    if (nowNs - this.#pingsSinceNs >= 1_000_000_000n) {
      this.#pingsSinceNs = nowNs;
      this.#pings = 0;
    }
    this.#pings += 1;
    if (this.#pings <= pingsPerSecondMax) return;
    throw new CtlError("protocol-violated", `More than ${pingsPerSecondMax} pings in a second`);
  }

  #operationMessage(id: number, message: Message | SessionMessage): void {
    const why = this.#options.refuses?.(id, message) ?? null;
    if (why !== null) return this.#refuse(id, message, why);
    const operation = this.#operations.get(id);
    if (operation) return operation.deliver(message);
    // Not a request: the tail of an operation that has ended on this side.
    if (!this.#options.requestKinds.has(message.kind)) return;
    if (id <= this.#lastOperation) {
      throw new CtlError("protocol-violated", `Operation ${id} was opened twice`);
    }
    this.#lastOperation = id;
    if (this.#operations.size >= operationsMax) {
      const text = `This session has ${operationsMax} operations already`;
      this.#send(id, { kind: "refusal", code: "operation-limit", text });
      return;
    }
    // The kind was in the table of requests, so it is one of theirs and not of the session.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    this.#options.request(this.#adopt(id), message as Message);
  }

  /** Whoever asks for what he may not gets an answer; whoever says it in the middle of something else is no client of ours. */
  #refuse(id: number, message: Message | SessionMessage, text: string): void {
    if (!this.#options.requestKinds.has(message.kind) || this.#operations.has(id)) {
      throw new CtlError("protocol-violated", `Refused: ${text}`);
    }
    this.#lastOperation = Math.max(this.#lastOperation, id);
    this.#send(id, { kind: "refusal", code: "not-allowed", text });
  }

  #silent(): void {
    // While we do not read we hear nothing; that a peer takes nothing more is the transport's to notice.
    if (this.#paused) this.#keepalive.start();
    else this.#fail(new CtlError("connection-lost", "No sign of life for 15 s"), "dead");
  }

  #violated(error: CtlError): void {
    const isGreeting = this.#phase === "greeting";
    const shown = isGreeting
      ? new CtlError("not-ctl", `${this.#transport.peer} does not speak ctl's protocol`, {
          cause: error,
          hint: "check the port: something else listens there",
        })
      : error;
    this.#fail(shown, "protocol-violated");
  }

  #fail(error: CtlError, code: GoodbyeCode): void {
    if (this.#phase === "ended") return;
    this.#send(0, { kind: "goodbye", code, text: error.message.slice(0, 1000) });
    this.#end({ goodbye: null, why: error.message }, error);
    // A dead peer takes nothing any more; for the others the goodbye is worth the wait.
    if (code === "dead") {
      this.#transport.destroy();
      this.#transportClosed.resolve();
    } else this.#transport.close();
  }

  #closed(error: CtlError | null): void {
    this.#transportClosed.resolve();
    const why = error?.message ?? "The connection was closed";
    this.#end({ goodbye: null, why }, error ?? closedBy(this.#transport.peer, this.#phase));
  }

  #end(end: SessionEnd, error: CtlError | null): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#endedBy = end;
    this.#cancelHelloDeadline?.();
    this.#keepalive.stop();
    const operations = [...this.#operations.values()];
    this.#operations.clear();
    for (const operation of operations) operation.sessionEnded(end);
    this.#options.ended(end, error);
  }
}

function isKind<Kind extends SessionMessage["kind"]>(
  message: { kind: string },
  kind: Kind,
): message is Extract<SessionMessage, { kind: Kind }> {
  return message.kind === kind;
}

function refusedBy(goodbye: { code: string; text: string }): CtlError {
  return new CtlError(goodbye.code === "version" ? "version" : "refused", goodbye.text);
}

function silent(peer: string): CtlError {
  return new CtlError("connect-timeout", `Connected to ${peer}, but no hello came in time`, {
    errno: "ETIMEDOUT",
    hint: "check that a daemon of ctl listens there and is not stopped",
  });
}

function closedBy(peer: string, phase: Phase): CtlError {
  if (phase !== "greeting") return new CtlError("connection-lost", `${peer} closed the connection`);
  return new CtlError("connection-lost", `${peer} closed the connection instead of a greeting`, {
    hint: "check the port: something else may listen there, or the daemon has too many connections",
  });
}
