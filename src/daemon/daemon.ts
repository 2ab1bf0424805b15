// A node's side of everything: accepts connections, greets, caps them, serves requests, and ends in order. Takes its
// listeners' transports, its spawner and its end as values, so that several daemons can live in one process.

import type { Clock } from "../base/clock.ts";
import type { CtlError } from "../base/errors.ts";
import { type Message, messageCodec, requestKinds } from "../capability/messages.ts";
import type { Account } from "../capability/process/environment.ts";
import { ProcessTable } from "../capability/process/table.ts";
import { serve, type Services } from "../capability/services.ts";
import type { Spawner } from "../launcher/contract.ts";
import { helloOf } from "../session/hello.ts";
import { Session } from "../session/session.ts";
import type { Transport } from "../transport/transport.ts";

export interface DaemonOptions {
  clock: Clock;
  spawner: Spawner;
  account: Account;
  software: string;
  host: string;
  /** What processes see as CTL_NODE. */
  node: string;
  /** 24 bytes: boot id and 64 random bits. */
  incarnation: Uint8Array;
  /** Whether network connections are accepted without authentication. */
  insecure: boolean;
  nofile: { soft: bigint; hard: bigint };
  processesMax: number;
  sessionsMax: number;
  pid: number;
  random(length: number): Uint8Array;
  /** Something worth a line in the log. */
  log(text: string): void;
}

/** How long controllers may take to hear that the daemon ends. */
const goodbyeMs = 1_000;

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #table: ProcessTable;
  readonly #sessions = new Set<Session<Message>>();
  /** Those that said hello and were let in; the others may not keep anybody out. */
  readonly #admitted = new Set<Session<Message>>();
  readonly #startedMonotonicNs: bigint;
  readonly #shutdownAsked = Promise.withResolvers<void>();
  #isStopping = false;
  /** Where it listens; set by whoever opened the listeners. */
  addresses: string[] = [];

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#table = new ProcessTable(options);
    this.#startedMonotonicNs = options.clock.monotonicNs();
  }

  /** Resolves when somebody with the right to has asked for the daemon's end. */
  get shutdownAsked(): Promise<void> {
    return this.#shutdownAsked.promise;
  }

  /** Takes over a connection; returns at once. */
  accept(transport: Transport): void {
    const { clock, software, host, incarnation, insecure, sessionsMax, processesMax } =
      this.#options;
    const times = { monotonicNs: clock.monotonicNs(), realtimeNs: clock.realtimeNs() };
    const isLocal = transport.kind !== "tcp";
    let starts = 0;
    const session: Session<Message> = new Session<Message>({
      transport,
      clock,
      codec: messageCodec(),
      hello: helloOf({
        software,
        host,
        incarnation,
        ...times,
        insecure: insecure && !isLocal,
        ownLimits: { sessions: sessionsMax, processes: processesMax },
      }),
      requestKinds,
      opened: () => this.#opened(session, transport.kind === "unix"),
      request: (operation, request) => {
        if (request.kind === "start") starts += 1;
        // Whoever starts a second command will start more; a single one should not pay for the next.
        if (starts > 1) this.#options.spawner.keepSpare(true);
        serve(operation, request, this.#services(isLocal));
      },
      ended: (_end, error) => this.#ended(session, transport, error),
    });
    this.#sessions.add(session);
  }

  /**
   * Ends in order: no new sessions, processes that must not outlive it are stopped, controllers hear how they ended.
   * Resolves when all that is done.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#table.stopAll();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.goodbye("stopping", "The daemon was stopped");
    const patience = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(goodbyeMs, patience.resolve);
    await Promise.race([Promise.all(sessions.map((session) => session.closed)), patience.promise]);
    cancel();
    this.#options.spawner.close();
  }

  #opened(session: Session<Message>, isOwner: boolean): void {
    const { sessionsMax } = this.#options;
    if (this.#isStopping) return session.goodbye("stopping", "The daemon is about to end");
    // The owner on the machine itself is never locked out.
    if (this.#admitted.size >= sessionsMax && !isOwner) {
      const text =
        `The node is full: ${sessionsMax} sessions are open, which is its limit; end some, or start its daemon ` +
        "with a larger --max-sessions";
      return session.goodbye("session-limit", text);
    }
    this.#admitted.add(session);
    // Its first command is on its way: the launcher starts while the controller reads our hello. Within one process
    // nothing is on its way.
    if (session.transport.kind !== "memory") this.#options.spawner.expectStart();
  }

  #ended(session: Session<Message>, transport: Transport, error: CtlError | null): void {
    this.#sessions.delete(session);
    this.#admitted.delete(session);
    if (this.#sessions.size === 0) this.#options.spawner.keepSpare(false);
    if (error && error.code !== "connection-lost") {
      this.#options.log(`${transport.peer}: ${error.message}`);
    }
  }

  #services(isLocal: boolean): Services {
    const { clock, incarnation, pid, nofile } = this.#options;
    return {
      node: {
        clock,
        status: () => ({
          pid,
          addresses: this.addresses,
          startedMonotonicNs: this.#startedMonotonicNs,
          sessions: this.#admitted.size,
          processes: this.#table.size,
          childNofile: nofile.soft,
        }),
        shutdown: isLocal ? () => this.#shutdownAsked.resolve() : null,
      },
      process: { table: this.#table, incarnation, isStopping: () => this.#isStopping },
    };
  }
}
