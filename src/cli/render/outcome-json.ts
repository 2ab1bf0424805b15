// Outcomes and bytes as JSON: the same keys in events and in the status file.

import { errnoName, errnoNumber } from "../../base/errnos.ts";
import type { JsonValue } from "../../base/json-text.ts";
import { signalName } from "../../base/signals.ts";
import { decodeUtf8 } from "../../base/utf8.ts";
import type { Outcome } from "../../capability/process/outcome.ts";
import type { ResourceUse } from "../../launcher/contract.ts";

export type JsonObject = Readonly<Record<string, JsonValue>>;

export function outcomeJson(outcome: Outcome): JsonObject {
  const { kind, cause } = outcome;
  switch (kind) {
    case "exited":
      return { outcome: kind, code: outcome.code, cause };
    case "signaled":
      return { outcome: kind, signal: signalName(outcome.signal), core: outcome.core, cause };
    case "not-started":
      return { outcome: kind, ...notStartedJson(outcome), cause };
    case "unknown":
      return {
        outcome: kind,
        why: outcome.why,
        from_ns: outcome.fromNs ?? undefined,
        to_ns: outcome.toNs ?? undefined,
        cause,
      };
    default:
      return kind satisfies never;
  }
}

/** `error` is the code of an error of ctl's own; the others are the kernel's answer. */
function notStartedJson(outcome: Extract<Outcome, { kind: "not-started" }>): JsonObject {
  const { phase, errno, path, interpreter, failure } = outcome;
  if (!failure) {
    return { phase, ...errnoJson(errno), ...bytesJson("path", path), interpreter };
  }
  const { code: error, text, hint, errname } = failure;
  return {
    phase,
    error,
    errno: errname === null ? undefined : (errnoNumber(errname) ?? undefined),
    errname: errname ?? undefined,
    text,
    hint: hint ?? undefined,
  };
}

/** Nothing for 0, which is no error. */
export function errnoJson(errno: number): JsonObject {
  return errno === 0 ? {} : { errno, errname: errnoName(errno) };
}

/** `key` with the text, or `key_b64` when the bytes are not UTF-8. */
export function bytesJson(key: string, bytes: Uint8Array): JsonObject {
  const text = decodeUtf8(bytes);
  return text === null ? { [`${key}_b64`]: base64(bytes) } : { [key]: text };
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/** Bytes and nanoseconds. Its maxRSS is true: the launcher between us and the command is tiny. */
export function usageJson(usage: ResourceUse): JsonObject {
  return {
    cpu_user: usage.userUs * 1_000,
    cpu_sys: usage.systemUs * 1_000,
    mem_peak: usage.maxRssKib * 1_024,
    mem_peak_src: "rusage",
    minor_faults: usage.minorFaults,
    major_faults: usage.majorFaults,
    voluntary_switches: usage.voluntarySwitches,
    involuntary_switches: usage.involuntarySwitches,
  };
}
