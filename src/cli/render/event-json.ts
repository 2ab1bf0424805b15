// What happened to a process, as the events of the schema ctl.events/1. Pure: one fact in, its events out.

import { signalName } from "../../base/signals.ts";
import type { Fact, ProcessEvent, Survivor } from "../../capability/process/contract.ts";
import { outcomeOf } from "../../capability/process/outcome.ts";
import { bytesJson, errnoJson, type JsonObject, outcomeJson, usageJson } from "./outcome-json.ts";

/**
 * One event, or two where one report says two things.
 * @param startedNs CLOCK_MONOTONIC of the start, for the wall time; null when it is not known
 */
export function eventsOf(
  node: string,
  event: ProcessEvent,
  startedNs: bigint | null,
): JsonObject[] {
  const { sequence: seq, monotonicNs: m, realtimeNs: r, process: proc } = event;
  const wall = startedNs === null ? undefined : m - startedNs;
  const common = { seq, node, m, r, proc };
  return factJson(event.fact, wall).map(([ev, facts]) => Object.assign({ ev }, common, facts));
}

type Event = readonly [ev: string, facts: JsonObject];

function factJson(fact: Fact, wall: bigint | undefined): Event[] {
  switch (fact.kind) {
    case "started":
      // The launcher reports the start when the command itself runs: both are known at once.
      return [
        ["proc.started", { pid: fact.pid }],
        ["proc.exec", { ok: true }],
      ];
    case "not-started":
      return [notStarted(fact)];
    case "exited":
      return [exited(fact, wall)];
    case "stream-ended":
      return [["stream.end", { stream: fact.stream, len: fact.length }]];
    case "tree-empty":
      return [["proc.tree_empty", {}]];
    case "stopping":
      return [["proc.stopping", { cause: fact.cause, grace: BigInt(fact.graceMs) * 1_000_000n }]];
    case "killing":
      return [["proc.killing", {}]];
    case "stuck":
      return [["proc.stuck", { n: fact.left, pid: fact.pid }]];
    case "signaled": {
      const { signal, hits: n, errno } = fact;
      return [["signal.sent", { signal: signalName(signal), n, ...errnoJson(errno) }]];
    }
    case "unknown": {
      const { why, fromNs, toNs } = fact;
      return [["proc.unknown", { outcome: "unknown", why, from_ns: fromNs, to_ns: toNs }]];
    }
    default:
      return fact satisfies never;
  }
}

function notStarted(fact: Extract<Fact, { kind: "not-started" }>): Event {
  const { phase, errno, path, interpreter } = fact;
  const outcome = "not-started";
  const where = { ...errnoJson(errno), ...bytesJson("path", path), interpreter };
  return ["proc.not_started", { outcome, phase, ...where }];
}

function exited(fact: Extract<Fact, { kind: "exited" }>, wall: bigint | undefined): Event {
  const facts = {
    ...outcomeJson(outcomeOf(fact.status, fact.cause)),
    wall,
    ...usageJson(fact.usage),
    bytes: { stdout: fact.stdoutLength, stderr: fact.stderrLength },
    survivors: fact.survivors.map(survivorJson),
  };
  return ["proc.exited", facts];
}

const survivorJson = ({ pid, command }: Survivor): JsonObject =>
  Object.assign({ pid }, bytesJson("command", command));
