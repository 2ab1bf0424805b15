// How the commands that make, show and replace keys end when they cannot: one line, and an exit code that says whether the key is
// missing, unsafe, or something else.

import { CtlError } from "../base/errors.ts";
import type { App } from "./app.ts";
import { errorText } from "./failure-text.ts";

const exitCannot = 1;
const exitUnsafe = 77;
const exitNoKey = 78;

/** Resolves with what `run` gives, or with the exit code of its failure. @throws CtlError("usage"), for main */
export async function withKeyFailures(app: App, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof CtlError) || error.code === "usage") throw error;
    app.console.say(errorText(error));
    return keyExitCode(error);
  }
}

export function keyExitCode({ code }: CtlError): number {
  if (code === "key-unsafe") return exitUnsafe;
  return code === "key-missing" ? exitNoKey : exitCannot;
}
