// Where this machine's daemon listens for its own user, when nobody says otherwise. The daemon and those who look for it
// follow the same rule. Other users' directories are passed over or refused, never used.

import { CtlError } from "../base/errors.ts";
import { nodePath } from "../os/builtin.ts";
import { distrustOf, type InspectDirectory, inspectDirectory } from "../os/private-directory.ts";

/** The port whose daemon needs no number in its socket's name. */
const usualPort = 9000;

export interface UsualPathOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Where the daemon listens for the network too, if it does. */
  port: number | null;
  /** Of this process, unless a test says otherwise. */
  uid?: number;
  inspect?: InspectDirectory;
}

/** `$XDG_RUNTIME_DIR/ctl/daemon.sock`, else the same in /run/user/UID, else in /tmp/ctl-UID. @throws CtlError */
export function usualSocketPath(options: UsualPathOptions): string {
  const { port } = options;
  const name = port === null || port === usualPort ? "daemon.sock" : `daemon-${port}.sock`;
  return `${usualDirectory(options)}/${name}`;
}

/** What the user named, or else the usual path. @throws CtlError */
export function prepareSocketPath(options: UsualPathOptions & { given: string | null }): string {
  return options.given === null ? usualSocketPath(options) : nodePath().resolve(options.given);
}

function usualDirectory(options: UsualPathOptions): string {
  const uid = options.uid ?? process.getuid?.() ?? 0;
  const inspect = options.inspect ?? inspectDirectory;
  // A directory that sudo or su left in the environment belongs to somebody else, and would be locked to one of both.
  const isOurs = (path: string): boolean => {
    const facts = inspect(path);
    return facts !== null && distrustOf(facts, uid) === null;
  };
  const given = options.env["XDG_RUNTIME_DIR"] ?? "";
  const candidates = [given, `/run/user/${uid}`];
  const runtime = candidates.find((path) => path.startsWith("/") && isOurs(path));
  if (runtime !== undefined) return `${runtime.replace(/\/+$/, "")}/ctl`;
  return sharedDirectory(uid, inspect);
}

/** Everybody may make names in /tmp, so this one may have been made by a stranger who waits there. */
function sharedDirectory(uid: number, inspect: InspectDirectory): string {
  const path = `/tmp/ctl-${uid}`;
  const facts = inspect(path);
  const distrust = facts ? distrustOf(facts, uid) : null;
  if (distrust === null) return path;
  throw new CtlError("io-failed", `The daemon's socket cannot be in "${path}": it ${distrust}`, {
    hint: "set XDG_RUNTIME_DIR to a directory that only you can write",
  });
}
