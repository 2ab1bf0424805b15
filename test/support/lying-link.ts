// A connection that lies: slices, delays, stalls, loses its tail in a reset that one side may hear of late or never. All by
// the seed and the virtual clock.

import { CtlError } from "../../src/base/errors.ts";
import type { Transport, TransportHandler } from "../../src/transport/transport.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface LinkFaults {
  /** Chance that a delivery is followed by the end of the connection. */
  resetChance: number;
  /** Chance that a delivery takes up to `stallMs`. */
  stallChance: number;
  stallMs: number;
  /** Chance that, at a reset, one side hears nothing at all. */
  halfOpenChance: number;
}

const highWaterBytes = 262_144;

export function lyingPair(
  clock: VirtualClock,
  random: Random,
  faults: LinkFaults,
): [Transport, Transport] {
  const link = new Link(clock, random, faults);
  return link.ends;
}

class Link {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #faults: LinkFaults;
  readonly ends: [End, End];
  #isCut = false;

  constructor(clock: VirtualClock, random: Random, faults: LinkFaults) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
    this.ends = [new End(this), new End(this)];
    this.ends[0].other = this.ends[1];
    this.ends[1].other = this.ends[0];
  }

  /** Something travels to `end`; nothing overtakes anything else on the same way. */
  carry(end: End): void {
    if (end.isUnderWay || this.#isCut) return;
    end.isUnderWay = true;
    const { stallChance, stallMs } = this.#faults;
    const delayMs = this.#random.chance(stallChance)
      ? this.#random.next() * stallMs
      : this.#random.next() * 3;
    this.#clock.after(delayMs, () => {
      end.isUnderWay = false;
      if (this.#isCut) return;
      end.arrive(this.#random);
      if (this.#random.chance(this.#faults.resetChance)) this.cut();
    });
  }

  /** The connection is gone; what travelled is lost. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const deaf = this.#random.chance(this.#faults.halfOpenChance)
      ? this.ends[this.#random.below(2)]
      : null;
    for (const end of this.ends) {
      if (end === deaf) end.silence();
      else this.#clock.after(this.#random.next() * 20, () => end.reset());
    }
  }
}

class End implements Transport {
  readonly peer = "lying link";
  readonly kind = "tcp";
  readonly identity = null;
  readonly #link: Link;
  other!: End;
  isUnderWay = false;
  #handler: TransportHandler | null = null;
  #incoming: Uint8Array[] = [];
  #owesDrained = false;
  #isPaused = false;
  #hasFinished = false;
  #isOver = false;
  #isSilent = false;

  constructor(link: Link) {
    this.#link = link;
  }

  get queuedBytes(): number {
    const waiting = this.other.#incoming.reduce((sum, bytes) => sum + bytes.length, 0);
    return Math.max(0, waiting - highWaterBytes);
  }

  attach(handler: TransportHandler): void {
    this.#handler = handler;
    this.#link.carry(this);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#hasFinished) return false;
    // A silent end's bytes go nowhere, and it does not know.
    if (!this.#isSilent) this.other.#incoming.push(bytes.slice());
    this.#link.carry(this.other);
    if (this.queuedBytes === 0) return true;
    this.#owesDrained = true;
    return false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#link.carry(this);
  }

  close(): void {
    if (this.#hasFinished || this.#isOver) return;
    this.#hasFinished = true;
    this.#link.carry(this.other);
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#link.cut();
  }

  silence(): void {
    this.#isSilent = true;
  }

  reset(): void {
    this.#finish(new CtlError("connection-lost", "The connection was reset"));
  }

  /** One slice of what waits, or the end behind it. */
  arrive(random: Random): void {
    if (this.#isOver || this.#isPaused) return;
    const bytes = this.#incoming.shift();
    if (!bytes) {
      if (this.other.#hasFinished) this.#finish(null);
      return;
    }
    const length = random.chance(0.5) ? bytes.length : 1 + random.below(bytes.length);
    if (length < bytes.length) this.#incoming.unshift(bytes.subarray(length));
    this.#link.carry(this);
    if (this.other.#owesDrained && this.#incoming.length === 0) {
      this.other.#owesDrained = false;
      if (!this.other.#isOver) this.other.#handler?.drained();
    }
    if (!this.#hasFinished) this.#handler?.data(bytes.subarray(0, length));
  }

  #finish(error: CtlError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler?.closed(error);
    if (error === null) this.other.#finish(null);
  }
}
