// What every command is given, and what it gives back: nothing here is global, so that a test can run a command in its own
// process.

import type { Clock } from "../base/clock.ts";
import type { Console } from "./console.ts";

export interface App {
  console: Console;
  clock: Clock;
  /** The caller's environment. */
  env: Readonly<Record<string, string | undefined>>;
  /** Version of this program. */
  software: string;
  /** Calls back for each of these signals until the returned function is called. */
  onSignals(signals: readonly string[], callback: (signal: string) => void): () => void;
}

/** Runs to its end and resolves with the exit code. `words` are what follows the command's name, byte for byte. */
export type Command = (app: App, words: readonly Uint8Array[]) => Promise<number>;
