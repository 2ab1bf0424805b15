// The runtime collects garbage by a timer, which wakes an idle process several times a second, and reads the switch for that
// only when it starts. So a daemon starts itself once more, in the same process, with the switch set.

const quietVariables = {
  /** No timer of the garbage collector; it still runs when memory is allocated. */
  BUN_GC_TIMER_DISABLE: "1",
  /** No thread that wakes up to give memory back. */
  MIMALLOC_PURGE_DELAY: "-1",
};

/** Does not return the first time. */
export function quietDown(): void {
  const env = process.env;
  if (Object.entries(quietVariables).every(([name, value]) => env[name] === value)) return;
  // From its sources the program is the runtime's guest, and what would start again is the runtime.
  if (!Bun.main.startsWith("/$bunfs/")) return;
  const variables = { ...withoutUndefined(env), ...quietVariables };
  process.execve?.(process.execPath, ["ctl", ...process.argv.slice(2)], variables);
}

function withoutUndefined(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
