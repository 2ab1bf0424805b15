// Ends of nodes for tests, with everything that a test does not care about filled in.

import type { ExecResult } from "../../src/capability/process/exec-progress.ts";
import { type Outcome, outcomeOf } from "../../src/capability/process/outcome.ts";
import { exitCodeOf } from "../../src/cli/exit-code.ts";
import type { NodeEnd } from "../../src/cli/node-end.ts";

export const usage = {
  userUs: 1_500,
  systemUs: 250,
  maxRssKib: 2_048,
  minorFaults: 7,
  majorFaults: 0,
  voluntarySwitches: 3,
  involuntarySwitches: 1,
};

export const allWell = outcomeOf(0, "app");

const wellResult: ExecResult = {
  process: "p_7k3x9q2m",
  end: { kind: "exited", status: 0, cause: "app" },
  pid: 4_121,
  usage,
  startedNs: 1_700_000_000_000_000_001n,
  endedNs: 1_700_000_001_000_000_003n,
  survivors: [],
  streams: {
    stdout: { written: 24, gapBytes: 0, errno: null },
    stderr: { written: 0, gapBytes: 0, errno: null },
  },
};

export function endOf(
  node: string,
  outcome: Outcome = allWell,
  changes: Partial<ExecResult> = {},
): NodeEnd {
  const result = { ...wellResult, ...changes };
  const { stdout, stderr } = result.streams;
  return { node, result, outcome, exitCode: exitCodeOf(outcome, [stdout, stderr]) };
}

/** A start that the session could not even ask for. */
export function refusedBy(code: "connect-refused" | "refused", text: string): Outcome {
  return {
    kind: "not-started",
    phase: "session",
    errno: 0,
    path: new Uint8Array(),
    interpreter: false,
    failure: {
      code,
      text,
      hint: null,
      errname: code === "connect-refused" ? "ECONNREFUSED" : null,
    },
    cause: "daemon",
  };
}

export function notFound(path: Uint8Array): Outcome {
  return {
    kind: "not-started",
    phase: "exec",
    errno: 2,
    path,
    interpreter: false,
    failure: null,
    cause: "user",
  };
}

export const unknownEnd: Outcome = {
  kind: "unknown",
  why: "The connection was lost",
  fromNs: null,
  toNs: null,
  cause: "fault",
};
