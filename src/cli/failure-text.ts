// What went wrong, for people: always one line that names node, phase, errno and path, and says what to do about it. Everything
// that came from a node is escaped. The lines are without "ctl: ", which the console puts before them.

import { printDuration } from "../base/duration.ts";
import { errnoName, errnoNumber, errnoPhrase } from "../base/errnos.ts";
import type { CtlError } from "../base/errors.ts";
import { cleanText, escapeText, quote } from "../base/escape.ts";
import { signalName } from "../base/signals.ts";
import type { OutputStream, Survivor } from "../capability/process/contract.ts";
import type { Outcome, SessionFailure } from "../capability/process/outcome.ts";
import type { Delivery } from "./exit-code.ts";
import { explainNotStarted } from "./not-started-text.ts";

/** What was asked for, as far as the lines name it. */
export interface AskedFor {
  argv: readonly Uint8Array[];
  timeoutMs: number;
}

/** How it ended on this node. */
export function outcomeText(node: string, outcome: Outcome, asked: AskedFor): string {
  return `${escapeText(node)}: ${plainOutcomeText(outcome, asked)}`;
}

function plainOutcomeText(outcome: Outcome, asked: AskedFor): string {
  switch (outcome.kind) {
    case "exited":
      return `exit ${outcome.code}${byCause(outcome, asked)}`;
    case "signaled": {
      const core = outcome.core ? ", core dumped" : "";
      return `killed by ${signalName(outcome.signal)}${core}${byCause(outcome, asked)}`;
    }
    case "not-started":
      return outcome.failure ? sessionText(outcome.failure) : notStartedText(outcome, asked);
    case "unknown":
      return unknownText(outcome);
    default:
      return outcome satisfies never;
  }
}

/** A node that could not be talked to, or that refused. */
export function failureText(node: string, failure: SessionFailure): string {
  return `${escapeText(node)}: ${sessionText(failure)}`;
}

/** For whoever talks to a node without running anything there. */
export function sessionFailureOf({ code, message, hint, errno }: CtlError): SessionFailure {
  return { code, text: message, hint, errname: errno };
}

/** An error that belongs to no node. */
export function errorText(error: CtlError): string {
  return withHint(cleanText(error.message), error.hint);
}

/** Output that did not arrive where it should; null when all did. */
export function deliveryText(
  node: string,
  stream: OutputStream,
  delivery: Delivery,
): string | null {
  const { errno, gapBytes } = delivery;
  if (errno === "EPIPE") return null;
  if (errno !== null) {
    const phrase = errnoPhrase(errnoNumber(errno) ?? 0);
    return `${escapeText(node)}: ${stream}: ${errno}: cannot write it: ${phrase}; the rest is lost`;
  }
  if (gapBytes === 0) return null;
  return `${escapeText(node)}: ${stream}: ${gapBytes} bytes are lost; the exit code is 255 for that`;
}

/** Our stdin could not be read to its end. */
export function inputText(errno: string): string {
  const phrase = errnoPhrase(errnoNumber(errno) ?? 0);
  return `stdin: ${errno}: cannot read it: ${phrase}; the command got an end there, and the exit code is 255 for that`;
}

const namedSurvivorsMax = 4;

/** Who goes on after the command has ended. */
export function survivorsText(node: string, survivors: readonly Survivor[]): string {
  const count = survivors.length;
  const named = survivors
    .slice(0, namedSurvivorsMax)
    .map(({ pid, command }) => `${escapeText(command)} (pid ${pid})`);
  if (count > namedSurvivorsMax) named.push("…");
  const who = count === 1 ? "1 of its processes goes on" : `${count} of its processes go on`;
  const hint = "--tree kill ends them with the command, --tree wait waits for them";
  return `${escapeText(node)}: ended, but ${who}: ${named.join(", ")}; ${hint}`;
}

function sessionText({ text, hint, errname }: SessionFailure): string {
  const what = lowerFirst(cleanText(text));
  return withHint(errname === null ? `session: ${what}` : `session: ${errname}: ${what}`, hint);
}

function notStartedText(
  outcome: Extract<Outcome, { kind: "not-started" }>,
  asked: AskedFor,
): string {
  const { phase, errno, path, interpreter } = outcome;
  const command = asked.argv[0] ?? new Uint8Array();
  const { what, hint } = explainNotStarted({ phase, errno, interpreter, command });
  // A command may well be empty, by a variable that was not set.
  const named = path.length === 0 && phase !== "exec" ? "" : ` ${quote(path)}`;
  return withHint(`${phase}: ${errnoName(errno)}${named}: ${what}`, hint);
}

const unknownReasons: ReadonlyMap<string, string> = new Map([
  ["launcher-killed", "its launcher was killed on the node"],
  ["launcher-killed-after-exit", "its launcher was killed on the node before its tree was empty"],
]);

function unknownText({ why, fromNs, toNs }: Extract<Outcome, { kind: "unknown" }>): string {
  const reason = unknownReasons.get(why) ?? lowerFirst(cleanText(why));
  const when =
    fromNs === null || toNs === null
      ? ""
      : `, between ${timeOfDay(fromNs)} and ${timeOfDay(toNs)} (UTC, node's clock)`;
  return `how it ended is unknown: ${reason}${when}; look on the node for what still runs`;
}

function byCause({ cause }: Outcome, { timeoutMs }: AskedFor): string {
  switch (cause) {
    case "app":
      return "";
    case "user":
      return ", as you asked";
    case "timeout":
      return `, because the time limit of ${printDuration(timeoutMs)} was over; its whole tree is gone`;
    case "lease":
      return ", because the connection stayed lost for too long";
    case "daemon":
      return ", because the daemon was stopped";
    case "oom":
      return ", because the node ran out of memory";
    case "limit":
      return ", because a limit was reached";
    case "fault":
      return ", because somebody on the node ended it";
    case "fail-fast":
    case "scenario":
      return `, cause ${cause}`;
    default:
      return cause satisfies never;
  }
}

const withHint = (text: string, hint: string | null): string =>
  hint === null ? text : `${text}; ${cleanText(hint)}`;

/** Sentences begin with a capital letter; after a colon they do not, unless the word is a name. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z ]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** "14:03:07.120". Whatever a node says fits: 64 bits of nanoseconds last until the year 2554. */
function timeOfDay(realtimeNs: bigint): string {
  return new Date(Number(realtimeNs / 1_000_000n)).toISOString().slice(11, 23);
}
