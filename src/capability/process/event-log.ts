// What has happened to one process, in the order in which it may be told: keeps every event for a controller that comes
// back, and holds later facts while an earlier one is not complete.

import type { Fact, ProcessEvent } from "./contract.ts";

/** When it happened, by both clocks of the node. */
export interface Moment {
  monotonicNs: bigint;
  realtimeNs: bigint;
}

export interface EventLogOptions {
  process: string;
  /** Takes the next sequence number of this daemon. */
  nextSequence(): bigint;
  /** A new event, for whoever follows. */
  publish(event: ProcessEvent): void;
}

export class EventLog {
  readonly #options: EventLogOptions;
  readonly #events: ProcessEvent[] = [];
  /** Facts behind one that is not complete; null while none is awaited. */
  #held: { fact: Fact; moment: Moment }[] | null = null;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** Whether something that has happened cannot be told yet. */
  get isHolding(): boolean {
    return this.#held !== null;
  }

  tell(fact: Fact, moment: Moment): void {
    if (this.#held) this.#held.push({ fact, moment });
    else this.#publish(fact, moment);
  }

  /** From now on everything waits for `complete`. */
  hold(): void {
    this.#held = [];
  }

  /** The awaited fact, and then everything that waited for it. */
  complete(fact: Fact, moment: Moment): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#publish(fact, moment);
    for (const later of held) this.#publish(later.fact, later.moment);
  }

  /** Every event after a sequence number. */
  after(sequence: bigint): ProcessEvent[] {
    return this.#events.filter((event) => event.sequence > sequence);
  }

  #publish(fact: Fact, { monotonicNs, realtimeNs }: Moment): void {
    const { process } = this.#options;
    const sequence = this.#options.nextSequence();
    const event: ProcessEvent = {
      kind: "event",
      sequence,
      monotonicNs,
      realtimeNs,
      process,
      fact,
    };
    this.#events.push(event);
    this.#options.publish(event);
  }
}
