// Programs as a user without rights, where this test has some: a uid that nobody else has. A test without rights runs them as
// itself, to the same effect.

import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { type Ended, type Running, start } from "./running.ts";
import type { Sandbox } from "./sandbox.ts";

export interface OtherUser {
  readonly uid: number;
  /** A directory of its own, with a node's key of the sandbox's cluster where daemons look. */
  readonly home: string;
  /** ctl, where this user can read it. */
  readonly executable: string;
  start(command: readonly string[]): Running;
  run(command: readonly string[]): Promise<Ended>;
}

const isRoot = process.getuid?.() === 0;
/** Above those of people and services, below the dynamic ones of systemd. */
const uidFirst = 50_000;
const uidCount = 10_000;

export async function otherUser(box: Sandbox): Promise<OtherUser> {
  const uid = isRoot ? uidFirst + (process.pid % uidCount) : (process.getuid?.() ?? 0);
  const home = join(box.directory, "other");
  const executable = join(box.directory, "ctl-of-all");
  const keys = join(home, ".config", "ctl");
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(keys, { recursive: true });
  copyFileSync(join(box.keys, "node.key"), join(keys, "node.key"));
  copyFileSync(box.executable, executable);
  chmodSync(executable, 0o755);
  chmodSync(box.directory, 0o711);
  const change = ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"];
  const as = isRoot ? change : [];
  const env = { PATH: process.env["PATH"], HOME: home };
  const begin = (command: readonly string[]): Running =>
    start([...as, ...command], { env, cwd: "/", timeoutMs: 60_000 });
  if (isRoot) await start(["chown", "--recursive", `${uid}:${uid}`, home], { env }).ended;
  return { uid, home, executable, start: begin, run: async (words) => await begin(words).ended };
}
