// A step of a start that the machine refused, on its way to becoming a report.

import { OsError } from "../os/libc.ts";
import type { LaunchPhase } from "./contract.ts";

export class StartRefused extends Error {
  override name = "StartRefused";
  readonly phase: LaunchPhase;
  readonly errno: number;

  constructor(phase: LaunchPhase, cause: OsError) {
    super(`Refused in phase "${phase}"`, { cause });
    this.phase = phase;
    this.errno = cause.errno;
  }
}

/** @throws StartRefused in place of an OsError */
export function refusedIn<Value>(phase: LaunchPhase, step: () => Value): Value {
  try {
    return step();
  } catch (error) {
    if (error instanceof OsError) throw new StartRefused(phase, error);
    throw error;
  }
}
