// The last line about several nodes: how many are well, and the others grouped by what became of them.

import { errnoName } from "../../base/errnos.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { escapeText } from "../../base/escape.ts";
import { signalName } from "../../base/signals.ts";
import type { Outcome } from "../../capability/process/outcome.ts";
import { exitNotExecutable, exitNotFound } from "../exit-code.ts";
import { isComplete, type NodeEnd } from "../node-end.ts";

/** More nodes of one fate are counted, not named. */
const namedMax = 8;

/** "61/64 ok · node7 exit 3 · node12,node13 connection refused"; null when it would say nothing new. */
export function summaryText(ends: readonly NodeEnd[], isVerbose: boolean): string | null {
  const failed = ends.filter(({ exitCode }) => exitCode !== 0);
  if (!isVerbose && (ends.length < 2 || failed.length === 0)) return null;
  const groups = new Map<string, string[]>();
  for (const end of failed) {
    const fate = fateOf(end);
    const nodes = groups.get(fate);
    if (nodes) nodes.push(escapeText(end.node));
    else groups.set(fate, [escapeText(end.node)]);
  }
  const parts = [...groups].map(([fate, nodes]) => `${namesOf(nodes)} ${fate}`);
  return [`${ends.length - failed.length}/${ends.length} ok`, ...parts].join(" · ");
}

function namesOf(nodes: readonly string[]): string {
  const named = nodes.slice(0, namedMax).join(",");
  return nodes.length > namedMax ? `${named} and ${nodes.length - namedMax} more` : named;
}

function fateOf(end: NodeEnd): string {
  const { outcome, exitCode } = end;
  const isLost = outcome.kind !== "unknown" && !isComplete(end);
  return isLost
    ? `${outcomeWords(outcome, exitCode)}, output lost`
    : outcomeWords(outcome, exitCode);
}

function outcomeWords(outcome: Outcome, exitCode: number): string {
  switch (outcome.kind) {
    case "exited":
      return outcome.cause === "timeout" ? "time limit" : `exit ${outcome.code}`;
    case "signaled": {
      if (outcome.cause === "timeout") return "time limit";
      const cause =
        outcome.cause === "app" || outcome.cause === "user" ? "" : ` (${outcome.cause})`;
      return `${signalName(outcome.signal)}${cause}`;
    }
    case "not-started":
      return notStartedWords(outcome, exitCode);
    case "unknown":
      return "unknown";
    default:
      return outcome satisfies never;
  }
}

const failureWords: Readonly<Record<ErrorCode, string>> = {
  usage: "refused",
  "bad-address": "bad address",
  "name-not-resolved": "name not resolved",
  "connect-refused": "connection refused",
  "connect-timeout": "no answer",
  "connect-failed": "not reachable",
  "connection-lost": "connection lost",
  "listen-failed": "cannot listen",
  "not-ctl": "not ctl",
  version: "other version",
  refused: "refused",
  "protocol-violated": "protocol violated",
  "io-failed": "input or output failed",
  "key-missing": "no key",
  "key-unreadable": "unreadable key",
  "key-unsafe": "unsafe key",
  "self-test-failed": "self-test failed",
  interrupted: "interrupted",
};

function notStartedWords(
  { failure, phase, errno }: Extract<Outcome, { kind: "not-started" }>,
  exitCode: number,
): string {
  if (failure) return failureWords[failure.code];
  if (exitCode === exitNotFound) return "not found";
  if (exitCode === exitNotExecutable) return "not executable";
  return `${phase} ${errnoName(errno)}`;
}
