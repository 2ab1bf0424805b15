// What is shown of keys: who they are, where they stand and what they are used for. Never a byte of a key itself; what stood in
// a file is escaped.

import { escapeText } from "../../base/escape.ts";
import { fingerprintOfPem } from "../../keys/check-key.ts";
import type { Key, Role } from "../../keys/contract.ts";
import { roleText, type SurveyedPlace } from "../../keys/find-key.ts";
import { keyVariable } from "../../keys/places.ts";
import type { JsonObject } from "./outcome-json.ts";

export interface ShownKey {
  key: Key;
  /** A path, or what is said instead. */
  from: string;
  /** What is wrong with it; null when it is sound. */
  problem: string | null;
}

export function keyLines({ key, from, problem }: ShownKey): string {
  const { role, name, cluster, fingerprint } = key.identity;
  const rows: [string, string][] = [
    ["role", role],
    ["name", name],
    ["cluster", cluster],
    ["fingerprint", fingerprint],
    ...authoritiesOf(key).map((one): [string, string] => ["authority", one ?? "not readable"]),
    ["issues keys", key.authorityKey === null ? "no" : "yes"],
    ["found", from],
    ["sound", problem === null ? "yes" : "no"],
  ];
  return rows.map(([word, value]) => `${word.padEnd(12)} ${escapeText(value)}\n`).join("");
}

export function keyJson({ key, from, problem }: ShownKey): JsonObject {
  return {
    ...identityJson(key),
    authorities: authoritiesOf(key),
    issues: key.authorityKey !== null,
    found: from,
    sound: problem === null,
    problem,
  };
}

export function identityJson({ identity }: Key): JsonObject {
  const { role, name, cluster, fingerprint } = identity;
  return { role, name, cluster, fingerprint };
}

/** One line for each place, in the order of the look-up. */
export function surveyLines(survey: readonly SurveyedPlace[]): string {
  const rows = survey.map((entry) => [placeName(entry), standingText(entry)] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join("");
}

export function surveyJson(survey: readonly SurveyedPlace[]): JsonObject[] {
  return survey.map(({ place, standing, usedFor }) => ({
    place: place.kind,
    path: place.path,
    standing: standingWord({ place, standing, usedFor }),
    used_for: usedFor,
    ...(standing.kind === "key" ? identityJson(standing.key) : {}),
    ...(standing.kind === "refused" ? { problem: standing.error.message } : {}),
  }));
}

function authoritiesOf(key: Key): (string | null)[] {
  return key.authorities.map(fingerprintOfPem);
}

function placeName({ place }: SurveyedPlace): string {
  switch (place.kind) {
    case "option":
      return `--key ${escapeText(place.path ?? "")}`;
    case "variable":
      return `$${keyVariable} ${escapeText(place.path ?? "")}`;
    case "packed":
      return "packed into ctl";
    case "directory":
      return escapeText(place.path ?? "");
    default:
      return place.kind satisfies never;
  }
}

function standingText(entry: SurveyedPlace): string {
  const { standing, usedFor } = entry;
  const word = standingWord(entry);
  if (standing.kind !== "key") return word;
  const whose = `${roleText(standing.key.identity.role)} key`;
  if (usedFor.length === 0) return `${word}: ${whose}, but another comes first or it does not fit`;
  return `${word}: ${whose}, ${usedFor.map((role) => useText[role]).join(" and ")}`;
}

type StandingWord = "found" | "skipped" | "none" | "missing" | "unsafe" | "unreadable";

/** "skipped" is a key that no command would take. */
function standingWord({ standing, usedFor }: SurveyedPlace): StandingWord {
  if (standing.kind === "none") return "none";
  if (standing.kind === "key") return usedFor.length > 0 ? "found" : "skipped";
  if (standing.error.code === "key-missing") return "missing";
  return standing.error.code === "key-unsafe" ? "unsafe" : "unreadable";
}

const useText: Record<Role, string> = {
  node: "used by ctl daemon",
  observer: "used to look",
  operator: "used to run commands",
};
