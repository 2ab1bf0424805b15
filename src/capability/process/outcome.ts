// How a process ended, as everybody is told: four outcomes, each with who or what caused it. Knows no exit codes.

import type { ErrorCode } from "../../base/errors.ts";
import type { Cause, Phase } from "./contract.ts";
import type { ExecEnd } from "./exec-progress.ts";

/** Why nothing was started although nothing failed on the node: the session said so, or there was none. */
export interface SessionFailure {
  code: ErrorCode;
  /** One sentence for people, and what to do about it. */
  text: string;
  hint: string | null;
  /** "ECONNREFUSED" and the like. */
  errname: string | null;
}

export type Outcome = { cause: Cause } & (
  | { kind: "exited"; code: number }
  | { kind: "signaled"; signal: number; core: boolean }
  | {
      kind: "not-started";
      phase: Phase;
      /** 0 when no system call said no. */
      errno: number;
      path: Uint8Array;
      /** The file is there; what its "#!" line or ELF header names (`path`) is not. */
      interpreter: boolean;
      /** With phase "session" only. */
      failure: SessionFailure | null;
    }
  /** Nobody can know how it ended, only between which two moments of CLOCK_REALTIME, if that. */
  | { kind: "unknown"; why: string; fromNs: bigint | null; toNs: bigint | null }
);

/** From a raw wait status of Linux. */
export function outcomeOf(status: number, cause: Cause): Outcome {
  const signal = status & 0x7f;
  if (signal === 0) return { kind: "exited", code: (status >> 8) & 0xff, cause };
  return { kind: "signaled", signal, core: (status & 0x80) !== 0, cause };
}

/** From what a controller knows at the end of an exec. */
export function outcomeOfExec(end: ExecEnd): Outcome {
  switch (end.kind) {
    case "exited":
      return outcomeOf(end.status, end.cause);
    case "not-started": {
      const { phase, errno, path, interpreter } = end.fact;
      const cause = causeOfNotStarted(phase, errno);
      return { kind: "not-started", phase, errno, path, interpreter, failure: null, cause };
    }
    case "failed": {
      const { code, message: text, hint, errno: errname } = end.error;
      return {
        kind: "not-started",
        phase: "session",
        errno: 0,
        path: new Uint8Array(),
        interpreter: false,
        failure: { code, text, hint, errname },
        cause: code === "interrupted" ? "user" : "daemon",
      };
    }
    case "unknown":
      return { kind: "unknown", why: end.why, fromNs: null, toNs: null, cause: "fault" };
    default:
      return end satisfies never;
  }
}

const limitErrnos: ReadonlySet<number> = new Set([
  11 /* EAGAIN */, 12 /* ENOMEM */, 23 /* ENFILE */, 24 /* EMFILE */,
]);
const askedPhases: ReadonlySet<Phase> = new Set<Phase>(["request", "chdir", "exec"]);

/** A limit was reached, or something was asked for that is not there, or the node could not do it. */
function causeOfNotStarted(phase: Phase, errno: number): Cause {
  if (limitErrnos.has(errno)) return "limit";
  return askedPhases.has(phase) ? "user" : "daemon";
}
