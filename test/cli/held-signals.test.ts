// Signals before there is anybody to obey them: none is lost, none comes twice, and none comes before its time.

import { expect, test } from "bun:test";

import type { App } from "../../src/cli/app.ts";
import { HeldSignals } from "../../src/cli/held-signals.ts";

/** Somebody who sends signals to whoever listens. */
function sender(): {
  app: Pick<App, "onSignals">;
  send: (name: string) => void;
  listeners: () => number;
} {
  const listeners = new Set<(name: string) => void>();
  return {
    app: {
      onSignals: (_names, callback) => {
        listeners.add(callback);
        return () => void listeners.delete(callback);
      },
    },
    send: (name) => {
      for (const listener of listeners) listener(name);
    },
    listeners: () => listeners.size,
  };
}

test("what came before is told once somebody obeys, after he has begun, in its order", async () => {
  const { app, send, listeners } = sender();
  const signals = new HeldSignals(app);
  send("SIGINT");
  send("SIGTERM");
  const heard: string[] = [];
  signals.passTo((name) => heard.push(name));
  expect({ heard: [...heard], listeners: listeners() }).toEqual({ heard: [], listeners: 0 });
  await Promise.resolve();
  expect(heard).toEqual(["SIGINT", "SIGTERM"]);
  send("SIGINT");
  await Promise.resolve();
  expect(heard).toHaveLength(2);
});
