// One exec on one node, from the address to the result: owns its sessions, one after the other, and takes leave at the end.

import type { ByteSource } from "../base/byte-stream.ts";
import type { Clock } from "../base/clock.ts";
import type { Message } from "../capability/messages.ts";
import {
  ExecCall,
  type ExecNews,
  type ExecRequest,
  type OutputPiece,
} from "../capability/process/call.ts";
import type { OutputStream } from "../capability/process/contract.ts";
import type { ExecResult } from "../capability/process/exec-progress.ts";
import type { SignalScope } from "../launcher/contract.ts";
import type { Session } from "../session/session.ts";

export interface NodeExecOptions {
  clock: Clock;
  request: ExecRequest;
  stdin: ByteSource | null;
  /** @throws CtlError */
  connect(): Promise<Session<Message>>;
  write(stream: OutputStream, piece: OutputPiece, done: (errno: string | null) => void): void;
  news(news: ExecNews): void;
  /** A number in [0, 1). */
  random(): number;
}

/** How long a daemon may take to hear our leave. */
const leaveMs = 1_000;

export class NodeExec {
  readonly #call: ExecCall;
  readonly #clock: Clock;
  #session: Session<Message> | null = null;
  #isRunning = false;

  constructor(options: NodeExecOptions) {
    const { request, stdin } = options;
    const connect = async (): Promise<Session<Message>> => {
      this.#session = await options.connect();
      return this.#session;
    };
    this.#clock = options.clock;
    this.#call = new ExecCall({ ...options, connect }, request, stdin);
  }

  /** Between `run` and the end. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  async run(): Promise<ExecResult> {
    this.#isRunning = true;
    const result = await this.#call.run();
    this.#isRunning = false;
    const session = this.#session;
    session?.goodbye("done", "");
    // A tree that is to be left depends on the daemon having heard that; otherwise nobody needs to wait.
    if (session && (result.survivors.length > 0 || result.end.kind === "unknown")) {
      const patience = Promise.withResolvers<void>();
      const cancel = this.#clock.after(leaveMs, patience.resolve);
      await Promise.race([session.closed, patience.promise]);
      cancel();
    }
    return result;
  }

  signal(signal: number, scope: SignalScope): void {
    this.#call.signal(signal, scope);
  }

  stop(graceMs: number): void {
    this.#call.stop(graceMs);
  }

  leave(why: string): void {
    this.#call.leave(why);
  }
}
