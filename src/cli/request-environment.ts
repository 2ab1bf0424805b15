// The variables that a request gives to its command: --export first, then --env-file, then -e, so that the more particular
// wins. Bytes all the way.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { parseEnvFile } from "./env-file.ts";
import type { ExportChoice } from "./syntax/exec.ts";

export interface EnvironmentWishes {
  exported: ExportChoice;
  envFiles: readonly Uint8Array[];
  env: readonly Uint8Array[];
}

export interface EnvironmentSources {
  /** NAME=VALUE each, of whoever called ctl. */
  caller(): readonly Uint8Array[];
  /** @throws CtlError("usage") when it cannot be read */
  readFile(path: Uint8Array): Uint8Array;
}

/** @throws CtlError("usage") */
export function requestedEnvironment(
  wishes: EnvironmentWishes,
  sources: EnvironmentSources,
): Uint8Array[] {
  const callers = new Map<string, Uint8Array>();
  const isCallerAsked =
    wishes.exported.kind !== "none" ||
    wishes.envFiles.length > 0 ||
    wishes.env.some((entry) => !hasValue(entry));
  if (isCallerAsked) {
    for (const entry of sources.caller()) callers.set(nameOf(entry), entry);
  }
  const lookUp = (name: Uint8Array): Uint8Array | null => {
    const entry = callers.get(nameOf(name));
    return entry ? entry.subarray(entry.indexOf(equals) + 1) : null;
  };
  return [
    ...exported(wishes.exported, callers),
    ...wishes.envFiles.flatMap((path) => parseEnvFile(sources.readFile(path), path, lookUp)),
    ...wishes.env.map((entry) => assigned(entry, callers)),
  ];
}

/**
 * What ctl itself tells each process: a ctl that was started by ctl must not pass its own on. And what is between this controller and
 * its keys, which is no business of a node.
 */
const ownNames: ReadonlySet<string> = new Set([
  "CTL_NODE",
  "CTL_ID",
  "CTL_KEY",
  "CTL_INSECURE_NO_AUTHENTICATION",
]);

function exported(choice: ExportChoice, callers: ReadonlyMap<string, Uint8Array>): Uint8Array[] {
  switch (choice.kind) {
    case "none":
      return [];
    case "all":
      return [...callers].flatMap(([name, entry]) => (ownNames.has(name) ? [] : [entry]));
    case "names":
      return choice.names.map((name) => ofCaller(name, "--export", callers));
    default:
      return choice satisfies never;
  }
}

function assigned(entry: Uint8Array, callers: ReadonlyMap<string, Uint8Array>): Uint8Array {
  if (entry.length === 0 || entry[0] === equals) {
    throw new CtlError("usage", `-e ${quote(entry)} names no variable`, {
      hint: "write -e NAME=VALUE",
    });
  }
  return hasValue(entry) ? entry : ofCaller(entry, "-e", callers);
}

function ofCaller(
  name: Uint8Array,
  option: string,
  callers: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  const entry = callers.get(nameOf(name));
  if (entry) return entry;
  throw new CtlError("usage", `${option} ${quote(name)}: this variable is not set here`, {
    hint: "set it, or write -e NAME=VALUE",
  });
}

const equals = 0x3d;
const hasValue = (entry: Uint8Array): boolean => entry.includes(equals);

/** Latin-1 keeps every byte apart. */
function nameOf(entry: Uint8Array): string {
  const at = entry.indexOf(equals);
  return Buffer.from(at < 0 ? entry : entry.subarray(0, at)).toString("latin1");
}
