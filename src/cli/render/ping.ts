// What `ctl ping` shows of one node: a line for people, more of them with -v, or one JSON object.

import { escapeText } from "../../base/escape.ts";
import { toJson } from "../../base/json-text.ts";
import type { ProbeSample } from "../../capability/node/call.ts";
import type { StatusReply } from "../../capability/node/contract.ts";
import type { SessionFailure } from "../../capability/process/outcome.ts";
import type { Identity } from "../../keys/contract.ts";
import type { Hello } from "../../session/contract.ts";

export type PingAnswer = { node: string } & (
  | { failure: SessionFailure; hello: null; best: null; status: null; identity: null }
  | {
      failure: null;
      hello: Hello;
      best: ProbeSample;
      status: StatusReply;
      /** As its key says; null where none was asked for. */
      identity: Identity | null;
    }
);

type Answered = Extract<PingAnswer, { failure: null }>;

export interface PingLinesOptions {
  isVerbose: boolean;
  nameWidth: number;
}

/** "node3  0.214 ms  ctl 0.1.0  clock +1.234 ms ± 0.107 ms" */
export function pingLines(answer: Answered, { isVerbose, nameWidth }: PingLinesOptions): string {
  const { hello, best } = answer;
  const first = [
    answer.node.padEnd(nameWidth),
    `${milliseconds(best.roundTripNs)} ms`,
    `ctl ${escapeText(hello.software)}`,
    `clock ${best.offsetNs < 0n ? "" : "+"}${milliseconds(best.offsetNs)} ms ± ${milliseconds(best.errorNs)} ms`,
  ];
  if (hello.insecure) first.push("NO AUTHENTICATION");
  const lines = [first.join("  ")];
  if (isVerbose) lines.push(...details(answer).map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}

function details({ hello, status, identity }: Answered): string[] {
  const listening = status.addresses.length > 0 ? status.addresses : ["nowhere"];
  return [
    `host ${escapeText(hello.host)}, pid ${status.pid}`,
    `listening on ${listening.map(escapeText).join(", ")}`,
    identity
      ? `key "${identity.name}" of ${identity.cluster}, fingerprint ${identity.fingerprint}`
      : "no key was asked for",
    `incarnation ${Buffer.from(hello.incarnation).toString("hex")}`,
    `protocol ${hello.protocolMin} to ${hello.protocolMax}`,
    `sessions ${status.sessions}, processes ${status.processes}`,
    `open files of a command: ${status.childNofile} unless it asks for more`,
    `limits: ${hello.limits.map(({ name, value }) => `${escapeText(name)} ${value}`).join(", ")}`,
  ];
}

export function pingJson(answer: PingAnswer): string {
  if (answer.failure) {
    const { code, text, hint, errname } = answer.failure;
    return toJson({ ev: "error", node: answer.node, code, errname, text, hint });
  }
  const { hello, best, status, identity } = answer;
  return toJson({
    ev: "node.answered",
    node: answer.node,
    rtt: best.roundTripNs,
    offset: best.offsetNs,
    err: best.errorNs,
    version: hello.software,
    protocol_min: hello.protocolMin,
    protocol_max: hello.protocolMax,
    host: hello.host,
    incarnation: Buffer.from(hello.incarnation).toString("hex"),
    insecure: hello.insecure,
    key: identity && {
      name: identity.name,
      role: identity.role,
      fingerprint: identity.fingerprint,
    },
    pid: status.pid,
    addresses: status.addresses,
    sessions: status.sessions,
    processes: status.processes,
    child_nofile: status.childNofile,
    limits: Object.fromEntries(hello.limits.map(({ name, value }) => [name, value])),
  });
}

/** Three decimals: microseconds. */
function milliseconds(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const us = (ns < 0n ? -ns : ns) / 1_000n;
  return `${sign}${us / 1_000n}.${(us % 1_000n).toString().padStart(3, "0")}`;
}
