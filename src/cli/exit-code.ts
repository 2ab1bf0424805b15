// From how processes ended to the one number that ctl exits with. Pure; the table of docs and `ctl help exit-codes`.

import type { ErrorCode } from "../base/errors.ts";
import type { Outcome } from "../capability/process/outcome.ts";

export const exitTimeLimit = 124;
export const exitRefused = 125;
export const exitNotExecutable = 126;
export const exitNotFound = 127;
export const exitUnknown = 255;

/** What became of one output stream on its way to whoever started the command. */
export interface Delivery {
  /** Bytes that were thrown away on the way. */
  gapBytes: number;
  /** Why writing it out stopped; "EPIPE" when the reader had gone. */
  errno: string | null;
}

/**
 * A shell would look in vain for these, so they count as "not found". A missing interpreter is ENOENT too, but
 * there the file itself was found.
 */
const notFoundErrnos: ReadonlySet<number> = new Set([
  2 /* ENOENT */, 20 /* ENOTDIR */, 36 /* ENAMETOOLONG */,
]);

/** Somebody answered, or nobody was asked yet, so that nothing being started is known; the others are silence, where nothing is. */
const answeredCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "usage",
  "bad-address",
  "key-missing",
  "key-unreadable",
  "key-unsafe",
  "refused",
  "version",
  "not-ctl",
  "protocol-violated",
  "interrupted",
]);

/** One node's part. `deliveries` are its output streams. */
export function exitCodeOf(outcome: Outcome, deliveries: readonly Delivery[]): number {
  return isDelivered(deliveries) ? codeOfOutcome(outcome) : exitUnknown;
}

/** Several nodes: the largest, which is the worst. */
export function worstExitCode(codes: readonly number[]): number {
  return Math.max(0, ...codes);
}

/** Every byte arrived, or whoever read them did not want more. */
export function isDelivered(deliveries: readonly Delivery[]): boolean {
  return deliveries.every(
    ({ gapBytes, errno }) => errno === "EPIPE" || (errno === null && gapBytes === 0),
  );
}

function codeOfOutcome(outcome: Outcome): number {
  switch (outcome.kind) {
    case "exited":
      return outcome.cause === "timeout" ? exitTimeLimit : outcome.code;
    case "signaled":
      return outcome.cause === "timeout" ? exitTimeLimit : 128 + outcome.signal;
    case "not-started":
      return codeOfNotStarted(outcome);
    case "unknown":
      return exitUnknown;
    default:
      return outcome satisfies never;
  }
}

function codeOfNotStarted(outcome: Extract<Outcome, { kind: "not-started" }>): number {
  const { failure, phase, errno, interpreter } = outcome;
  if (failure) return answeredCodes.has(failure.code) ? exitRefused : exitUnknown;
  if (phase !== "exec") return exitRefused;
  return notFoundErrnos.has(errno) && !interpreter ? exitNotFound : exitNotExecutable;
}
