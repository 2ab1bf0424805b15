// Is the peer still there? Asks after a silent interval and gives up after three, so a dead peer is known within 15 s.
// Counts its own ticks instead of comparing clocks: a process that was stopped for a minute and continues does not
// declare everybody else dead.

import type { Clock } from "../base/clock.ts";
import { pingEveryMs, silentIntervalsMax } from "../wire/limits.ts";

export interface KeepaliveActions {
  /** Ask the peer for a sign of life. */
  ask(): void;
  /** The peer is taken for dead. Called once. */
  dead(): void;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #actions: KeepaliveActions;
  #silentIntervals = 0;
  #heard = true;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, actions: KeepaliveActions) {
    this.#clock = clock;
    this.#actions = actions;
  }

  start(): void {
    this.#cancel = this.#clock.after(pingEveryMs, () => this.#tick());
  }

  /** Anything at all has arrived from the peer. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #tick(): void {
    this.#silentIntervals = this.#heard ? 0 : this.#silentIntervals + 1;
    this.#heard = false;
    if (this.#silentIntervals >= silentIntervalsMax) {
      this.#cancel = null;
      this.#actions.dead();
      return;
    }
    if (this.#silentIntervals > 0) this.#actions.ask();
    this.start();
  }
}
