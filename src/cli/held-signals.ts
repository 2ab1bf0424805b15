// Signals to ctl before there is anybody to obey them: kept, and told once there is. SIGQUIT is not among them: it ends ctl whatever it
// hangs in.

import type { App } from "./app.ts";

const held = ["SIGINT", "SIGTERM", "SIGHUP"];

export class HeldSignals {
  readonly #came: string[] = [];
  readonly #release: () => void;

  constructor(app: Pick<App, "onSignals">) {
    this.#release = app.onSignals(held, (name) => void this.#came.push(name));
  }

  /** Whoever hears of signals by now hears of the earlier ones too, as soon as he has begun. */
  passTo(obey: (name: string) => void): void {
    this.#release();
    queueMicrotask(() => {
      for (const name of this.#came.splice(0)) obey(name);
    });
  }
}
