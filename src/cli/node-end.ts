// How one node's part of an exec ended: what the last lines, the status file and the exit code are made from.

import type { ExecResult } from "../capability/process/exec-progress.ts";
import type { Outcome } from "../capability/process/outcome.ts";
import { isDelivered } from "./exit-code.ts";

export interface NodeEnd {
  /** As the user typed it. */
  node: string;
  result: ExecResult;
  outcome: Outcome;
  exitCode: number;
}

/** Its end is known and every byte of its output arrived, or whoever read it did not want more. */
export function isComplete({ outcome, result }: NodeEnd): boolean {
  if (outcome.kind === "unknown") return false;
  return isDelivered([result.streams.stdout, result.streams.stderr]);
}
