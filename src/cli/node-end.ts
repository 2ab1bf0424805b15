// How one node's part of an exec ended: what the last lines, the status file and the exit code are made from.

import { SIGINT, SIGPIPE } from "../base/signals.ts";
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

/** Whether a line is worth it even without -v: what the command's own exit code does not say already. */
export function needsSaying(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case "not-started":
    case "unknown":
      return true;
    case "exited":
      return outcome.cause !== "app" && outcome.cause !== "user";
    case "signaled":
      // As a shell does it: a pipe's reader that went away and the user's own Ctrl-C are no news.
      if (outcome.signal === SIGPIPE || outcome.signal === SIGINT) return false;
      return outcome.cause !== "user";
    default:
      return outcome satisfies never;
  }
}

/** Nothing but the exit code is to be told of it. */
export function isWordless({ outcome, result }: NodeEnd): boolean {
  const { stdout, stderr } = result.streams;
  return isDelivered([stdout, stderr]) && result.survivors.length === 0 && !needsSaying(outcome);
}
