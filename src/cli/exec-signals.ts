// Signals to ctl while commands run: handed on, or the three steps of Ctrl-C.

import { SIGINT, signalName, signalNumber } from "../base/signals.ts";
import type { App } from "./app.ts";
import type { RunningExec } from "./exec-run.ts";
import type { HeldSignals } from "./held-signals.ts";
import { Interrupts } from "./interrupts.ts";

const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
/** A command that obeys its first Ctrl-C within this time needs no words about it. */
const patienceMs = 1_000;

export interface Obeying {
  execs: readonly RunningExec[];
  graceMs: number;
  /** What came before. */
  signals: HeldSignals;
}

/** Until the returned function is called. */
export function obeySignals(app: App, { execs, graceMs, signals }: Obeying): () => void {
  const interrupts = new Interrupts();
  let cancelHint: (() => void) | null = null;
  const obey = (name: string): void => {
    const signal = signalNumber(name) ?? SIGINT;
    const action = interrupts.take(signal);
    switch (action.kind) {
      case "forward":
        for (const { exec } of execs) exec.signal(action.signal, "group");
        if (signal === SIGINT) {
          cancelHint = app.clock.after(patienceMs, () => app.console.say(hintOf(execs)));
        }
        return;
      case "stop":
        cancelHint?.();
        app.console.say(`^C again: ending ${where(execs)} with TERM, then KILL`);
        for (const { exec } of execs) exec.stop(graceMs);
        return;
      case "leave":
        app.console.hurry(app.clock);
        for (const { exec } of execs) exec.leave(`Left at the user's third ${signalName(SIGINT)}`);
        return;
      default:
        action satisfies never;
    }
  };
  const stopListening = app.onSignals(forwarded, obey);
  signals.passTo(obey);
  return () => {
    cancelHint?.();
    stopListening();
  };
}

function hintOf(execs: readonly RunningExec[]): string {
  return `^C was sent to ${where(execs)}; once more ends the whole tree, a third time leaves`;
}

const where = (execs: readonly RunningExec[]): string => {
  const names = execs.filter(({ exec }) => exec.isRunning).map(({ node }) => node.name);
  return names.join(",") || "no node";
};
