// What the audit log says of a request and of an end: values in, members of one JSON object out. Pure.

import { errnoName } from "../base/errnos.ts";
import { escapeText } from "../base/escape.ts";
import type { JsonValue } from "../base/json-text.ts";
import { signalName } from "../base/signals.ts";
import type { Message } from "../capability/messages.ts";
import type { Fact, Start } from "../capability/process/contract.ts";
import { outcomeOf } from "../capability/process/outcome.ts";
import { environmentNames, redactArgv, showBytes } from "./redaction.ts";

export type Members = Readonly<Record<string, JsonValue>>;

/** The facts with which a process's story ends. */
export type EndFact = Extract<Fact, { kind: "exited" | "not-started" | "unknown" }>;

/** What is worth knowing of a request beside its kind; keys of operations are secrets of their owners. */
export function requestMembers(message: Message): Members {
  if (message.kind === "start") return startMembers(message);
  if (message.kind === "signal") {
    return { signal: signalName(message.signal), scope: message.scope };
  }
  if (message.kind === "stop") return { grace: nsOf(message.graceMs) };
  if (message.kind === "revoke") return { fingerprint: message.fingerprint };
  return {};
}

function startMembers(start: Start): Members {
  const argv = redactArgv(start.argv);
  const env = environmentNames(start.env);
  return {
    argv: argv.words,
    argc: argv.count,
    cwd: showBytes(start.directory),
    env: env.words,
    envc: env.count,
    stdin: start.stdin,
    timeout: nsOf(start.timeoutMs),
    on_disconnect: start.onDisconnect,
    tree: start.tree,
  };
}

const nsOf = (ms: number): bigint => BigInt(ms) * 1_000_000n;

/** The keys are those of the events of `ctl exec --json`. */
export function outcomeMembers(fact: EndFact): Members {
  switch (fact.kind) {
    case "exited": {
      const outcome = outcomeOf(fact.status, fact.cause);
      if (outcome.kind === "exited") {
        return { outcome: outcome.kind, code: outcome.code, cause: outcome.cause };
      }
      if (outcome.kind !== "signaled") return {};
      const { kind, signal, core, cause } = outcome;
      return { outcome: kind, signal: signalName(signal), core, cause };
    }
    case "not-started": {
      const { kind, phase, errno, path, interpreter } = fact;
      const why = errno === 0 ? {} : { errno, errname: errnoName(errno) };
      return { outcome: kind, phase, ...why, path: showBytes(path), interpreter };
    }
    case "unknown":
      return {
        outcome: fact.kind,
        why: escapeText(fact.why),
        from_ns: fact.fromNs,
        to_ns: fact.toNs,
      };
    default:
      return fact satisfies never;
  }
}
