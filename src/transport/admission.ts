// Which stranger at a listener may begin its handshake, which waits, and which must go. A stranger is a connection that has
// not shown who it is. Decides only: no socket, no clock, no timer; the caller says what happened and when, and carries
// out the verdicts. Promises that a flood from one source cannot keep another out, and that waiting has an end.

import { assert } from "../base/assert.ts";
import { networkOf, parseAddress } from "../base/cidr.ts";
import {
  handshakeMsMax,
  handshakesMax,
  handshakeSparedMs,
  handshakesPerSourceMax,
  handshakesPerTrustedMax,
  handshakeTrustedMsMax,
  penalisedSourcesMax,
  penaltyDecayMs,
  penaltyMsMax,
  penaltyMsMin,
  strangersMax,
  trustedMs,
  trustedSourcesMax,
} from "./limits.ts";

export type Verdict<Id> =
  /** Its handshake begins now. Said once of each stranger that is not closed before. */
  | { kind: "go"; id: Id }
  /** Too many strangers, or too many handshakes for somebody else to begin: it is closed. */
  | { kind: "evict"; id: Id }
  /** Not authenticated in time: it is closed. */
  | { kind: "expire"; id: Id };

interface Stranger<Id> {
  id: Id;
  source: string;
  /** Null while it waits for its handshake to begin. */
  startedMs: number | null;
  /** When it must have shown who it is; good once it has begun. */
  untilMs: number;
}

interface Penalty {
  failedMs: number;
  /** No handshake begins before. */
  untilMs: number;
  /** The wait is the shortest one, doubled once less than this. */
  level: number;
}

interface Trust {
  /** Open sessions. */
  sessions: number;
  /** When the last one began or ended. */
  seenMs: number;
}

/** Of the machine itself: 127.0.0.0/8, each address a source of its own, and ::1. */
const loopbackPrefix = "self:";
const levelMax = Math.ceil(Math.log2(penaltyMsMax / penaltyMsMin)) + 1;

/**
 * After each call the caller carries out what was returned, in this order, and sets one timer for `nextDueMs()`, or none when
 * that is null. A stranger that was evicted or has expired is forgotten: what the caller still says of it is ignored. Times
 * are milliseconds of one monotonic clock.
 */
export class Admission<Id> {
  /** In the order of their arrival. */
  readonly #strangers = new Map<Id, Stranger<Id>>();
  /** Handshakes that have begun, of each source and together. */
  readonly #running = new Map<string, number>();
  #runningCount = 0;
  readonly #sessions = new Map<Id, string>();
  /** The one that failed least recently is the first. */
  readonly #penalties = new Map<string, Penalty>();
  /** The one that was seen least recently is the first. */
  readonly #trusts = new Map<string, Trust>();

  /** Strangers now; `waiting` are those whose handshake has not begun. */
  get counts(): { strangers: number; waiting: number; penalised: number; trusted: number } {
    const waiting = this.#all().filter(({ startedMs }) => startedMs === null).length;
    const [penalised, trusted] = [this.#penalties.size, this.#trusts.size];
    return { strangers: this.#strangers.size, waiting, penalised, trusted };
  }

  /** A connection was accepted; nothing may be read from it until its verdict is "go". */
  opened(id: Id, address: string, nowMs: number): Verdict<Id>[] {
    assert(!this.#strangers.has(id) && !this.#sessions.has(id), "A connection opens once");
    const source = sourceOf(address);
    const crowded = this.#strangers.size < strangersMax ? [] : [this.#evict(source, nowMs)];
    const roomMade = this.#makeRoom(source, nowMs);
    const stranger: Stranger<Id> = { id, source, startedMs: null, untilMs: 0 };
    this.#strangers.set(id, stranger);
    if (roomMade.length === 0) return [...crowded, ...this.#release(nowMs)];
    // The room is his, however many wait longer.
    this.#begin(stranger, nowMs);
    return [...crowded, ...roomMade, { kind: "go", id }];
  }

  /** Handshake and hello are done: it is a session until `closed`, and its source is trusted. */
  authenticated(id: Id, nowMs: number): Verdict<Id>[] {
    const stranger = this.#strangers.get(id);
    if (!stranger) return [];
    assert(stranger.startedMs !== null, "Nobody is authenticated without a handshake");
    const { source } = stranger;
    this.#remove(stranger);
    this.#penalties.delete(source);
    this.#sessions.set(id, source);
    this.#see(source, { change: 1, nowMs });
    return this.#release(nowMs);
  }

  /** Its handshake or hello was wrong; the caller closes it. The next of its source wait. */
  failed(id: Id, nowMs: number): Verdict<Id>[] {
    const stranger = this.#strangers.get(id);
    if (!stranger) return [];
    this.#remove(stranger);
    this.#penalise(stranger, nowMs);
    return this.#release(nowMs);
  }

  /** It has gone by itself, as a stranger or as a session. No blame: a cut connection looks the same. */
  closed(id: Id, nowMs: number): Verdict<Id>[] {
    const source = this.#sessions.get(id);
    if (source !== undefined) {
      this.#sessions.delete(id);
      this.#see(source, { change: -1, nowMs });
      return [];
    }
    const stranger = this.#strangers.get(id);
    if (!stranger) return [];
    this.#remove(stranger);
    return this.#release(nowMs);
  }

  /** Time has passed. */
  due(nowMs: number): Verdict<Id>[] {
    const late = this.#all().filter(
      ({ startedMs, untilMs }) => startedMs !== null && untilMs <= nowMs,
    );
    for (const stranger of late) {
      this.#remove(stranger);
      this.#penalise(stranger, nowMs);
    }
    const expired = late.map(({ id }): Verdict<Id> => ({ kind: "expire", id }));
    return [...expired, ...this.#release(nowMs)];
  }

  /** When `due` has something to say; null while no stranger is there. */
  nextDueMs(): number | null {
    let next = Number.POSITIVE_INFINITY;
    const isFull = this.#runningCount === handshakesMax;
    for (const { source, startedMs, untilMs } of this.#strangers.values()) {
      if (startedMs !== null) next = Math.min(next, untilMs);
      // One that waits for a place is woken by whoever leaves it, at the latest when that one expires.
      else if (!isFull && this.#runningOf(source) < handshakesPerSourceMax) {
        next = Math.min(next, this.#penalties.get(source)?.untilMs ?? next);
      }
    }
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  #all(): Stranger<Id>[] {
    return [...this.#strangers.values()];
  }

  #runningOf(source: string): number {
    return this.#running.get(source) ?? 0;
  }

  #begin(stranger: Stranger<Id>, nowMs: number): void {
    const { source } = stranger;
    stranger.startedMs = nowMs;
    stranger.untilMs =
      nowMs + (this.#isTrusted(source, nowMs) ? handshakeTrustedMsMax : handshakeMsMax);
    this.#running.set(source, this.#runningOf(source) + 1);
    this.#runningCount += 1;
  }

  /** It is a stranger no more, whatever it has become. */
  #remove({ id, source, startedMs }: Stranger<Id>): void {
    if (!this.#strangers.delete(id) || startedMs === null) return;
    this.#runningCount -= 1;
    const left = this.#runningOf(source) - 1;
    if (left > 0) this.#running.set(source, left);
    else this.#running.delete(source);
  }

  /** In the order of arrival, so that those of one source take their turns. */
  #release(nowMs: number): Verdict<Id>[] {
    const verdicts: Verdict<Id>[] = [];
    for (const stranger of this.#strangers.values()) {
      if (this.#runningCount === handshakesMax) break;
      if (stranger.startedMs !== null || !this.#mayBegin(stranger.source, nowMs)) continue;
      this.#begin(stranger, nowMs);
      verdicts.push({ kind: "go", id: stranger.id });
    }
    return verdicts;
  }

  #mayBegin(source: string, nowMs: number): boolean {
    const count = this.#runningOf(source);
    if (this.#isTrusted(source, nowMs)) return count < handshakesPerTrustedMax;
    return count < handshakesPerSourceMax && (this.#penalties.get(source)?.untilMs ?? 0) <= nowMs;
  }

  #isTrusted(source: string, nowMs: number): boolean {
    return source.startsWith(loopbackPrefix) || this.#isKnown(source, nowMs);
  }

  #isKnown(source: string, nowMs: number): boolean {
    const trust = this.#trusts.get(source);
    return trust !== undefined && (trust.sessions > 0 || nowMs - trust.seenMs < trustedMs);
  }

  /**
   * A newcomer from a source with few handshakes takes the place of one of a source with many; one of the many waits. Unless he
   * was here before, he takes no place from one that has just begun: a thousand who come at once would only chase each other.
   */
  #makeRoom(newcomer: string, nowMs: number): Verdict<Id>[] {
    if (this.#runningCount < handshakesMax || !this.#mayBegin(newcomer, nowMs)) return [];
    const begun = this.#all().filter(({ startedMs }) => startedMs !== null);
    const victim = this.#worst(begun, newcomer, nowMs);
    if (victim.source === newcomer) return [];
    const isFresh = nowMs - (victim.startedMs ?? 0) < handshakeSparedMs;
    if (isFresh && !this.#isKnown(newcomer, nowMs)) return [];
    this.#remove(victim);
    return [{ kind: "evict", id: victim.id }];
  }

  #evict(newcomer: string, nowMs: number): Verdict<Id> {
    const victim = this.#worst(this.#all(), newcomer, nowMs);
    this.#remove(victim);
    return { kind: "evict", id: victim.id };
  }

  /**
   * The oldest of the source with the most, the newcomer counted: honest handshakes take milliseconds, so who is there
   * longest is least likely to be one, and who brings many pays for it alone. Between sources with as many, trusted ones
   * are spared, but no trust saves a source that has more than the others.
   */
  #worst(among: readonly Stranger<Id>[], newcomer: string, nowMs: number): Stranger<Id> {
    const counts = new Map([[newcomer, 1]]);
    for (const { source } of among) counts.set(source, (counts.get(source) ?? 0) + 1);
    const rank = ({ source }: Stranger<Id>): number =>
      2 * (counts.get(source) ?? 0) + (this.#isTrusted(source, nowMs) ? 0 : 1);
    return among.reduce((worst, stranger) => (rank(stranger) > rank(worst) ? stranger : worst));
  }

  /** Handshakes that ran side by side count as one failure: many who share an address begin together. */
  #penalise({ source, startedMs }: Stranger<Id>, nowMs: number): void {
    if (startedMs === null || this.#isTrusted(source, nowMs)) return;
    const before = this.#penalties.get(source);
    const level = before ? levelLeft(before, nowMs) : 0;
    const isSameRound = before !== undefined && startedMs <= before.failedMs;
    const next = isSameRound ? Math.max(level, 1) : Math.min(level + 1, levelMax);
    const untilMs = nowMs + Math.min(penaltyMsMin * 2 ** (next - 1), penaltyMsMax);
    this.#penalties.delete(source);
    this.#penalties.set(source, { failedMs: nowMs, untilMs, level: next });
    if (this.#penalties.size > penalisedSourcesMax) deleteFirst(this.#penalties);
  }

  #see(source: string, { change, nowMs }: { change: 1 | -1; nowMs: number }): void {
    const sessions = (this.#trusts.get(source)?.sessions ?? 0) + change;
    this.#trusts.delete(source);
    this.#trusts.set(source, { sessions: Math.max(0, sessions), seenMs: nowMs });
    if (this.#trusts.size <= trustedSourcesMax) return;
    // With open sessions only when there is no other; their number has a limit of its own, far below.
    const idle = [...this.#trusts].find(([, trust]) => trust.sessions === 0);
    if (idle) this.#trusts.delete(idle[0]);
    else deleteFirst(this.#trusts);
  }
}

/**
 * Whom a connection is counted with: its IPv4 address; of IPv6 the first 64 bits, for a machine may have all the
 * others. What is no address is one source together.
 */
export function sourceOf(address: string): string {
  const parsed = parseAddress(address);
  if (!parsed) return "unknown";
  const { family, value } = parsed;
  if (family === 6) {
    return value === 1n ? `${loopbackPrefix}v6` : `6:${networkOf(parsed, 64).toString(16)}`;
  }
  return `${value >> 24n === 127n ? loopbackPrefix : "4:"}${value.toString(16)}`;
}

/** One doubling less for each whole interval since the wait was over. */
function levelLeft({ level, untilMs }: Penalty, nowMs: number): number {
  const intervals = Math.floor(Math.max(0, nowMs - untilMs) / penaltyDecayMs);
  return Math.max(0, level - intervals);
}

function deleteFirst<Key>(map: Map<Key, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
