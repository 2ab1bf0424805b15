// Where a key may stand, in the order in which they are looked at. Pure but for the home directory of a user whose environment
// does not name one.

import { account } from "../os/machine.ts";
import { type Role, roles } from "./contract.ts";
import { ownExecutable } from "./packed.ts";

export interface KeyPlace {
  kind: "option" | "variable" | "packed" | "directory";
  /** Of the file; of the executable when packed, or null when there is none. */
  path: string | null;
  /** The role that a file of a directory is named for. */
  role: Role | null;
}

export interface PlacesOptions {
  /** What --key said. */
  explicit: string | null;
  env: Readonly<Record<string, string | undefined>>;
  /** Instead of the user's and the machine's, for tests. */
  directories?: readonly string[];
  /** Instead of the one that runs, for tests. */
  executable?: string | null;
}

/** The most able first, because that is what its owner put there to be used. */
const fileRoles: readonly Role[] = [...roles].toReversed();

export const keyVariable = "CTL_KEY";

export function keyPlaces(options: PlacesOptions): KeyPlace[] {
  const { explicit, env } = options;
  const places: KeyPlace[] = [];
  if (explicit !== null) places.push({ kind: "option", path: explicit, role: null });
  const variable = env[keyVariable] ?? "";
  if (variable !== "") places.push({ kind: "variable", path: variable, role: null });
  const executable = options.executable === undefined ? ownExecutable() : options.executable;
  places.push({ kind: "packed", path: executable, role: null });
  for (const directory of options.directories ?? [configDirectory(env), machineDirectory]) {
    for (const role of fileRoles) {
      places.push({ kind: "directory", path: `${directory}/${role}.key`, role });
    }
  }
  return places;
}

/** Where the user's own keys are. */
export function configDirectory(env: PlacesOptions["env"]): string {
  const given = env["XDG_CONFIG_HOME"] ?? "";
  if (given.startsWith("/")) return `${withoutSlash(given)}/ctl`;
  const home = env["HOME"] ?? "";
  return `${withoutSlash(home.startsWith("/") ? home : account().home)}/.config/ctl`;
}

/** Where those of the machine are. */
export const machineDirectory = "/etc/ctl";

function withoutSlash(path: string): string {
  let length = path.length;
  while (path.endsWith("/", length)) length -= 1;
  return path.slice(0, length);
}
