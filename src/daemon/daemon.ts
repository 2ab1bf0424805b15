// A node's side of everything: accepts connections, greets, caps them, serves requests, and ends in order. Takes its
// listeners' transports, its spawner and its end as values, so that several daemons can live in one process.

import type { Clock } from "../base/clock.ts";
import { CtlError } from "../base/errors.ts";
import { RateLimit, strangerLinesPerSecond } from "../base/rate-limit.ts";
import { refusalOf } from "../capability/access/roles.ts";
import { type Message, messageCodec, requestKinds } from "../capability/messages.ts";
import type { ProcessEvent } from "../capability/process/contract.ts";
import type { Account } from "../capability/process/environment.ts";
import { ProcessTable } from "../capability/process/table.ts";
import { serve, type Services } from "../capability/services.ts";
import type { Role } from "../keys/contract.ts";
import type { Spawner } from "../launcher/contract.ts";
import { helloOf } from "../session/hello.ts";
import { Session } from "../session/session.ts";
import {
  handshakeMsMax,
  handshakesMax,
  handshakesPerSourceMax,
  strangersMax,
} from "../transport/limits.ts";
import type { Refused } from "../transport/refused.ts";
import type { Transport } from "../transport/transport.ts";
import type { AuditLog, ConnectionTrail } from "./audit-log.ts";
import type { RevocationList } from "./revocation-list.ts";

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
  revocations: RevocationList;
  /** What happens here is written down. */
  audit: AuditLog;
  nofile: { soft: bigint; hard: bigint };
  processesMax: number;
  sessionsMax: number;
  pid: number;
  random(length: number): Uint8Array;
  /** Something worth a line in the log. */
  log(text: string): void;
}

/** What a daemon with keys grants to those who have not shown one. */
const strangerLimits = {
  strangers: strangersMax,
  handshakes: handshakesMax,
  "handshakes-per-source": handshakesPerSourceMax,
  "handshake-timeout-ms": handshakeMsMax,
  "refusals-told-per-second": strangerLinesPerSecond,
};

/** How long controllers may take to hear that the daemon ends. */
const goodbyeMs = 1_000;

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #table: ProcessTable;
  /** Lines about those who showed no key, and about those who showed one: the many must not hide the few. */
  readonly #strangers: RateLimit;
  readonly #keyed: RateLimit;
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
    this.#table = new ProcessTable({ ...options, told: (event) => this.#told(event) });
    const limit = (who: string): RateLimit =>
      new RateLimit({
        clock: options.clock,
        perSecond: strangerLinesPerSecond,
        suppressed: (count) => options.log(`${count} more ${who} were refused`),
      });
    this.#strangers = limit("without a key");
    this.#keyed = limit("with a key");
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
    const role = roleOf(transport, insecure);
    if (!role) return transport.destroy();
    const trail = this.#options.audit.connection(transport);
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
        ownLimits: { sessions: sessionsMax, processes: processesMax, ...strangerLimits },
      }),
      requestKinds,
      refuses: (id, message) => {
        const why = refusalOf(role, message.kind);
        if (why !== null) trail.refused(message, why, id);
        return why;
      },
      opened: () => this.#opened(session, trail),
      request: (operation, request) => {
        trail.allowed(operation.id, request);
        if (request.kind === "start") starts += 1;
        // Whoever starts a second command will start more; a single one should not pay for the next.
        if (starts > 1) this.#options.spawner.keepSpare(true);
        serve(operation, request, this.#services(isLocal, trail));
      },
      ended: (end, error) => {
        trail.ended(end.goodbye?.code ?? end.why);
        this.#ended(session, transport, error);
      },
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
    this.#strangers.close();
    this.#keyed.close();
  }

  /** Somebody was refused before there was anything to talk over. */
  turnedAway({ peer, fault, text, fingerprint }: Refused): void {
    this.#options.audit.sessionRefused({ peer, code: fault, text, fingerprint });
    if (!(fingerprint === null ? this.#strangers : this.#keyed).admits()) return;
    const shown = fingerprint === null ? "" : ` (fingerprint ${fingerprint})`;
    this.#options.log(`${peer}: refused: ${text}${shown}`);
  }

  /** From now on nobody gets in with this key, and whoever is in is dismissed. */
  revoke(fingerprint: string): { known: boolean; sessions: number } | { failure: CtlError } {
    try {
      const known = this.#options.revocations.add(fingerprint, "by an operator");
      const theirs = [...this.#sessions].filter(
        ({ transport }) => transport.identity?.fingerprint === fingerprint,
      );
      // After the answer: it may be the sender's own key.
      queueMicrotask(() => {
        for (const session of theirs) session.goodbye("revoked", "This key was revoked");
      });
      return { known, sessions: theirs.length };
    } catch (error) {
      if (error instanceof CtlError) return { failure: error };
      throw error;
    }
  }

  #opened(session: Session<Message>, trail: ConnectionTrail): void {
    const { sessionsMax } = this.#options;
    const isOwner = session.transport.kind === "unix";
    if (this.#isStopping) return session.goodbye("stopping", "The daemon is about to end");
    // The owner on the machine itself is never locked out.
    if (this.#admitted.size >= sessionsMax && !isOwner) {
      const text =
        `The node is full: ${sessionsMax} sessions are open, which is its limit; end some, or start its daemon ` +
        "with a larger --max-sessions";
      return session.goodbye("session-limit", text);
    }
    if (this.#isCrowdedBy(session)) {
      const text =
        "Half of this node's sessions are observers' already, and the others are for operators";
      return session.goodbye("session-limit", text);
    }
    this.#admitted.add(session);
    trail.opened();
    // Its first command is on its way: the launcher starts while the controller reads our hello. Within one process
    // nothing is on its way.
    if (session.transport.kind !== "memory") this.#options.spawner.expectStart();
  }

  /** Who may only look must not keep those out who have to act. */
  #isCrowdedBy({ transport }: Session<Message>): boolean {
    if (!isObserver(transport)) return false;
    const observers = [...this.#admitted].filter((session) => isObserver(session.transport));
    return observers.length >= Math.ceil(this.#options.sessionsMax / 2);
  }

  #ended(session: Session<Message>, transport: Transport, error: CtlError | null): void {
    this.#sessions.delete(session);
    this.#admitted.delete(session);
    if (this.#sessions.size === 0) this.#options.spawner.keepSpare(false);
    if (error && error.code !== "connection-lost") {
      this.#options.log(`${transport.peer}: ${error.message}`);
    }
  }

  #told({ process, fact }: ProcessEvent): void {
    const isEnd = fact.kind === "exited" || fact.kind === "not-started" || fact.kind === "unknown";
    if (isEnd) this.#options.audit.processEnded({ process, fact });
  }

  #services(isLocal: boolean, trail: ConnectionTrail): Services {
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
      process: {
        table: this.#table,
        incarnation,
        accepted: (operation, process) => trail.accepted(operation, process),
        ordered: (operation, order, process) => trail.allowed(operation, order, process),
        isStopping: () => this.#isStopping,
      },
      access: { revoke: (fingerprint) => this.revoke(fingerprint) },
    };
  }
}

/**
 * Whoever shares our user or our memory may do everything; whoever came over the network, what his key says; without keys
 * everybody everything. Null: nobody can have let that connection in.
 */
function roleOf({ kind, identity }: Transport, insecure: boolean): Role | null {
  if (kind !== "tcp") return "operator";
  if (identity) return identity.role;
  return insecure ? "operator" : null;
}

const isObserver = ({ identity }: Transport): boolean => identity?.role === "observer";
