// What a process that holds secrets asks of the kernel for itself.

import { libc, must, OsError } from "./libc.ts";

// The same numbers on x86-64 and arm64.
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const EPERM = 1;

/**
 * From now on nobody but root can look into this process: no core file, no ptrace, and /proc/PID/{environ,mem,maps,fd} belong to
 * root, whoever its user is. Keys that were read, and variables that named them, stay with it.
 *
 * It is a matter of this program only: the next exec ends it. So it is asked for after the daemon has started itself once
 * more (cli/quiet-runtime.ts), and what the daemon starts can be debugged and leaves core files as ever. Unlike a limit
 * of core files, nothing of it reaches an experiment. The process itself can no longer open its own /proc/self/environ,
 * unless it is root.
 *
 * @throws OsError when the kernel does not do it, or says so and does not hold to it
 */
export function makeUndumpable(): void {
  setDumpable(0);
  if (isDumpable()) throw new OsError("prctl(PR_SET_DUMPABLE)", EPERM);
}

/** Whether others of the same user may look into this process. Under 2 (fs.suid_dumpable) only root may. */
export function isDumpable(): boolean {
  return must("prctl(PR_GET_DUMPABLE)", libc().prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)) === 1;
}

function setDumpable(value: number): void {
  must("prctl(PR_SET_DUMPABLE)", libc().prctl(PR_SET_DUMPABLE, value, 0, 0, 0));
}
