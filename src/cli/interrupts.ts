// What a signal to ctl means for what runs: Ctrl-C in three steps, the others handed on. Pure; the caller acts.

import { SIGINT } from "../base/signals.ts";

export type InterruptAction =
  /** Send this signal to the process groups. */
  | { kind: "forward"; signal: number }
  /** TERM, grace, KILL to the whole trees. */
  | { kind: "stop" }
  /** Leave now, whatever still runs. */
  | { kind: "leave" };

export class Interrupts {
  #presses = 0;

  /** A signal has arrived. */
  take(signal: number): InterruptAction {
    if (signal !== SIGINT) return { kind: "forward", signal };
    this.#presses += 1;
    if (this.#presses === 1) return { kind: "forward", signal };
    return this.#presses === 2 ? { kind: "stop" } : { kind: "leave" };
  }
}
