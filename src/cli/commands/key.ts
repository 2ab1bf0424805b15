// `ctl key`: issues keys, and shows which ones there are.

import { CtlError } from "../../base/errors.ts";
import { escapeText } from "../../base/escape.ts";
import { toJson } from "../../base/json-text.ts";
import { checkKey } from "../../keys/check-key.ts";
import type { Key, Role } from "../../keys/contract.ts";
import { findKey, placeText, roleText, surveyKeys } from "../../keys/find-key.ts";
import { issueKey } from "../../keys/issue.ts";
import { printKey } from "../../keys/key-file.ts";
import { createTextFile } from "../../keys/new-file.ts";
import { loadKey } from "../../keys/read-key-file.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { errorText } from "../failure-text.ts";
import { fileName } from "../file-name.ts";
import { helpOf } from "../help/command-help.ts";
import { keyExitCode, withKeyFailures } from "../key-failure.ts";
import {
  identityJson,
  keyJson,
  keyLines,
  type ShownKey,
  surveyJson,
  surveyLines,
} from "../render/key.ts";
import { keyAction, keySyntax } from "../syntax/key.ts";

export async function key(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(keySyntax, words);
  if (parsed.kind === "help") {
    app.console.print(helpOf(keySyntax, parsed.isFull));
    return 0;
  }
  const { options, operands } = parsed;
  const action = keyAction(options, operands);
  const explicit = fileName(keySyntax.options.key, options.key);
  const how = { explicit, isJson: options.json };
  if (action.kind === "issue") {
    const output = fileName(keySyntax.options.output, options.output) ?? `${action.role}.key`;
    return await withKeyFailures(app, () => issue(app, { ...action, ...how, output }));
  }
  const { file } = action;
  return await withKeyFailures(app, async () =>
    file === null ? survey(app, how) : showFile(app, { ...how, file }),
  );
}

interface How {
  /** What --key said. */
  explicit: string | null;
  isJson: boolean;
}

interface Issue extends How {
  role: Role;
  name: string;
  output: string;
}

async function issue(app: App, { role, name, output, explicit, isJson }: Issue): Promise<number> {
  const issuer = findKey({ needed: "operator", explicit, env: app.env });
  checkKey(issuer.key, issuer.from);
  const issued = await issueKey(issuer.key, { role, name });
  createTextFile(output, printKey(issued));
  const { cluster, fingerprint } = issued.identity;
  const text =
    `${escapeText(output)}: ${roleText(role)} key, name ${name}, of cluster ${cluster}\n` +
    `fingerprint ${fingerprint}\n`;
  app.console.print(isJson ? `${toJson({ path: output, ...identityJson(issued) })}\n` : text);
  return 0;
}

function showFile(app: App, { file, isJson }: How & { file: string }): number {
  const found = loadKey(file);
  const { shown, problem } = judged(found.key, file, found.from);
  app.console.print(isJson ? `${toJson(keyJson(shown))}\n` : keyLines(shown));
  if (problem) app.console.say(errorText(problem));
  return problem ? keyExitCode(problem) : 0;
}

/** The whole look-up, then every key that is used for something. */
function survey(app: App, { explicit, isJson }: How): number {
  const places = surveyKeys({ explicit, env: app.env });
  const problems = places.flatMap(({ standing }) =>
    standing.kind === "refused" && standing.error.errno !== "EACCES" ? [standing.error] : [],
  );
  const shown: ShownKey[] = [];
  for (const { place, standing, usedFor } of places) {
    if (standing.kind !== "key" || usedFor.length === 0) continue;
    const from = place.kind === "packed" ? placeText(place) : (place.path ?? "");
    const one = judged(standing.key, from, placeText(place));
    shown.push(one.shown);
    if (one.problem) problems.push(one.problem);
  }
  if (isJson) {
    app.console.print(`${toJson({ places: surveyJson(places), keys: shown.map(keyJson) })}\n`);
  } else {
    app.console.print([surveyLines(places), ...shown.map(keyLines)].join("\n"));
  }
  if (shown.length === 0 && problems.length === 0) {
    problems.push(
      new CtlError("key-missing", "There is no key", { hint: "make one with: ctl init" }),
    );
  }
  for (const problem of problems) app.console.say(errorText(problem));
  return Math.max(0, ...problems.map(keyExitCode));
}

/** @param quoted how messages call its place */
function judged(
  found: Key,
  from: string,
  quoted: string,
): { shown: ShownKey; problem: CtlError | null } {
  try {
    checkKey(found, quoted);
    return { shown: { key: found, from, problem: null }, problem: null };
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    return { shown: { key: found, from, problem: error.message }, problem: error };
  }
}
