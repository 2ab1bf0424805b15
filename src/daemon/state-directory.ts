// Where a daemon keeps what must outlive it: its audit log, its list of revoked keys. It can run without, so a directory that cannot
// be had is a value that says why, never an end.

import { errnoName } from "../base/errnos.ts";
import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { nodeFs, nodePath } from "../os/builtin.ts";
import { osErrorOf } from "../os/libc.ts";
import { account } from "../os/machine.ts";
import { distrustOf, type InspectDirectory, inspectDirectory } from "../os/private-directory.ts";

export interface StateDirectoryOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** What the user named; null: the usual place. */
  given: string | null;
  /** Of this process, unless a test says otherwise. */
  uid?: number;
  home?: string;
  inspect?: InspectDirectory;
}

/** A directory that is there and ours alone; or why there is none. */
export type StateDirectory = { path: string; refusal: null } | { path: null; refusal: CtlError };

/** What was given, made absolute; else /var/lib/ctl for root, and for others `$XDG_STATE_HOME/ctl` or ~/.local/state/ctl. */
export function stateDirectoryPath(options: StateDirectoryOptions): string {
  if (options.given !== null) return nodePath().resolve(options.given);
  const uid = uidOf(options);
  if (uid === 0) return "/var/lib/ctl";
  const named = options.env["XDG_STATE_HOME"] ?? "";
  if (named.startsWith("/") && !isForeign(named, uid, options)) {
    return nodePath().join(named, "ctl");
  }
  return nodePath().join(options.home ?? account().home, ".local/state/ctl");
}

/** Makes it, with mode 0700 like every parent that is missing, or says why it cannot be used. Never throws for that. */
export function prepareStateDirectory(options: StateDirectoryOptions): StateDirectory {
  const path = stateDirectoryPath(options);
  try {
    nodeFs().mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { errno } = osErrorOf(error);
    // Something that is no directory has the name: told below, in words.
    if (errnoName(errno) !== "EEXIST") return unmade(path, errnoName(errno));
  }
  const facts = (options.inspect ?? inspectDirectory)(path);
  const distrust = facts ? distrustOf(facts, uidOf(options)) : "vanished";
  return distrust === null ? { path, refusal: null } : refused(path, distrust);
}

const uidOf = ({ uid }: StateDirectoryOptions): number => uid ?? process.geteuid?.() ?? 0;

/** What sudo or su left in the environment belongs to somebody else. */
function isForeign(path: string, uid: number, { inspect }: StateDirectoryOptions): boolean {
  const facts = (inspect ?? inspectDirectory)(path);
  return facts !== null && distrustOf(facts, uid) !== null;
}

const hint = "name a directory that only you can write with --state-dir";

function unmade(path: string, errno: string): StateDirectory {
  const text = `The state directory ${quote(path)} could not be made: ${errno}`;
  return { path: null, refusal: new CtlError("io-failed", text, { hint, errno }) };
}

function refused(path: string, distrust: string): StateDirectory {
  const text = `The state directory ${quote(path)} cannot be used: it ${distrust}`;
  return { path: null, refusal: new CtlError("io-failed", text, { hint }) };
}
