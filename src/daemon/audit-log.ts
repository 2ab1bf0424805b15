// The audit log: what was asked of this daemon, by whom, and what came of it. One JSON object on each line, with both clocks. Intent
// is written before the effect, the outcome after it. It never fails towards its caller; see os/append-file.ts for what is lost.

import type { Clock } from "../base/clock.ts";
import { escapeText } from "../base/escape.ts";
import { toJson } from "../base/json-text.ts";
import { RateLimit, strangerLinesPerSecond } from "../base/rate-limit.ts";
import { neededRole } from "../capability/access/roles.ts";
import type { Message } from "../capability/messages.ts";
import { AppendFile } from "../os/append-file.ts";
import type { Transport } from "../transport/transport.ts";
import { type EndFact, type Members, outcomeMembers, requestMembers } from "./audit-records.ts";

/** In the first line of each file. Fields are added; what they mean is never changed without another number. */
export const auditSchema = "ctl.audit/1";

export interface AuditLogOptions {
  /** See state-directory.ts. Null: nothing is recorded. */
  directory: string | null;
  clock: Clock;
  /** Those of os/append-file.ts, unless a test says otherwise. */
  bytesMax?: number;
  filesKept?: number;
  /** A sentence for the daemon's own log about records that could not be written. */
  report(text: string): void;
}

export interface DaemonStarted {
  addresses: readonly string[];
  /** Version of this program. */
  software: string;
  pid: number;
  /** Whose rights commands have. */
  user: string;
  /** 24 bytes: boot id and 64 random bits. */
  incarnation: Uint8Array;
  /** Network connections are accepted without authentication. */
  insecure: boolean;
  /** Of the daemon's key; null when it has none. */
  fingerprint: string | null;
}

export interface SessionRefused {
  peer: string;
  /** A word that is never renamed: a fault of the peer's key, or the code of an error or a goodbye. */
  code: string;
  text: string;
  fingerprint: string | null;
}

export interface ProcessEnded {
  process: string;
  fact: EndFact;
}

/** What the log wants to know of a connection. */
export type Peer = Pick<Transport, "peer" | "kind" | "identity">;

const bootIdBytes = 16;

export class AuditLog {
  readonly #clock: Clock;
  readonly #file: AppendFile | null;
  /** About those who showed no key, those who showed one, and what is asked or refused any number of times: none may hide another. */
  readonly #strangers: RateLimit;
  readonly #keyed: RateLimit;
  readonly #questions: RateLimit;
  #connections = 0;

  constructor(options: AuditLogOptions) {
    const { directory, clock } = options;
    this.#clock = clock;
    this.#file = directory === null ? null : this.#fileIn(directory, options);
    const limit = (ev: string): RateLimit =>
      new RateLimit({
        clock,
        perSecond: strangerLinesPerSecond,
        suppressed: (count) => this.record(ev, { count }),
      });
    this.#strangers = limit("session.refused_suppressed");
    this.#keyed = limit("session.refused_with_key_suppressed");
    this.#questions = limit("request.suppressed");
  }

  /** False: nothing is recorded, and nobody need prepare what would be. */
  get isKept(): boolean {
    return this.#file !== null;
  }

  daemonStarted(started: DaemonStarted): void {
    const { addresses, software, pid, user, incarnation, insecure, fingerprint } = started;
    this.record("daemon.started", {
      ctl: software,
      pid,
      user: escapeText(user),
      addresses: addresses.map(escapeText),
      insecure,
      fingerprint,
      boot: hex(incarnation.subarray(0, bootIdBytes)),
      incarnation: hex(incarnation),
    });
  }

  daemonStopped({ pid, addresses }: Pick<DaemonStarted, "pid" | "addresses">): void {
    this.record("daemon.stopped", { pid, addresses: addresses.map(escapeText) });
  }

  /** Somebody was not let in. Strangers can do this as often as they like, so there is a limit to it. */
  sessionRefused({ peer, code, text, fingerprint }: SessionRefused): void {
    const limit = fingerprint === null ? this.#strangers : this.#keyed;
    if (!this.isKept || !limit.admits()) return;
    const words = { peer: escapeText(peer), code, text: escapeText(text) };
    this.record("session.refused", { ...words, fingerprint });
  }

  /** The trail of a connection that came through the door; its number names it in all its records. */
  connection(peer: Peer): ConnectionTrail {
    this.#connections += 1;
    return new ConnectionTrail(this, this.#connections, peer);
  }

  processEnded({ process: proc, fact }: ProcessEnded): void {
    if (this.isKept) this.record("proc.ended", { proc, ...outcomeMembers(fact) });
  }

  /** One line, at once. Of the daemon's own parts only trails use it. */
  record(ev: string, members: Members): void {
    this.#file?.append(this.#line(ev, members));
  }

  /** Of what changes nothing, so many are recorded each second and the others counted. */
  admitsQuestion(): boolean {
    return this.isKept && this.#questions.admits();
  }

  monotonicNs(): bigint {
    return this.#clock.monotonicNs();
  }

  /** Tells what was suppressed or lost. Harmless when repeated. */
  close(): void {
    for (const limit of [this.#strangers, this.#keyed, this.#questions]) limit.close();
    this.#file?.close();
  }

  #fileIn(directory: string, options: AuditLogOptions): AppendFile {
    const { clock, bytesMax, filesKept } = options;
    return new AppendFile({
      path: auditLogPath(directory),
      clock,
      bytesMax,
      filesKept,
      heading: () => this.#line("audit.file", { schema: auditSchema }),
      report: (text) => options.report(text),
    });
  }

  #line(ev: string, members: Members): string {
    return toJson({ ev, m: this.#clock.monotonicNs(), r: this.#clock.realtimeNs(), ...members });
  }
}

/** The records of one connection. Whoever ends it without having said hello was refused. */
export class ConnectionTrail {
  readonly #log: AuditLog;
  readonly #peer: Peer;
  readonly session: number;
  #openedNs: bigint | null = null;

  constructor(log: AuditLog, session: number, peer: Peer) {
    this.#log = log;
    this.session = session;
    this.#peer = peer;
  }

  /** It was let in and may ask. */
  opened(): void {
    this.#openedNs = this.#log.monotonicNs();
    const { peer, kind, identity } = this.#peer;
    this.#record("session.opened", {
      peer: escapeText(peer),
      role: identity?.role,
      name: identity?.name,
      fingerprint: identity?.fingerprint ?? withoutKey[kind],
    });
  }

  /** Before the request is carried out. @param process its id, when the request names one */
  allowed(operation: number, message: Message, process?: string): void {
    const isQuestion = neededRole[message.kind] === "observer";
    if (isQuestion ? !this.#log.admitsQuestion() : !this.#log.isKept) return;
    const common = { op: operation, kind: message.kind, proc: process };
    this.#record("request.allowed", { ...common, ...requestMembers(message) });
  }

  /** It is not carried out. @param why a code or a sentence */
  refused(message: Message, why: string, operation?: number): void {
    if (!this.#log.admitsQuestion()) return;
    this.#record("request.refused", { op: operation, kind: message.kind, why: escapeText(why) });
  }

  /** A start has its process from now on: the id under which its outcome will be recorded. */
  accepted(operation: number, process: string): void {
    this.#record("request.accepted", { op: operation, proc: process });
  }

  /** @param why a code or a sentence */
  ended(why: string): void {
    if (this.#openedNs === null) {
      const { peer, identity } = this.#peer;
      const fingerprint = identity?.fingerprint ?? null;
      this.#log.sessionRefused({ peer, code: "not-opened", text: why, fingerprint });
      return;
    }
    const wall = this.#log.monotonicNs() - this.#openedNs;
    this.#record("session.ended", { why: escapeText(why), wall });
  }

  #record(ev: string, members: Members): void {
    this.#log.record(ev, { session: this.session, ...members });
  }
}

export const auditLogPath = (directory: string): string => `${directory}/audit.log`;

/** Instead of a fingerprint: how a peer got in without a key. */
const withoutKey = { tcp: "insecure", unix: "unix", memory: "memory" } as const;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
