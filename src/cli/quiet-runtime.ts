// The runtime collects garbage by a timer, which wakes an idle process several times a second, and starts threads when it
// sees fit. It reads the switches for that only when it starts. So a daemon starts itself once more, in the same process,
// with the switches set.

const quietVariables = {
  /** No timer of the garbage collector; it still runs when memory is allocated. */
  BUN_GC_TIMER_DISABLE: "1",
  /** No thread that wakes up to give memory back. */
  MIMALLOC_PURGE_DELAY: "-1",
  // The runtime aborts when it cannot start a thread, so a daemon whose user has reached the limit of processes would die of
  // the next compilation instead of saying EAGAIN. These two keep compiler and collector on the threads that are there.
  BUN_JSC_useConcurrentJIT: "0",
  BUN_JSC_numberOfGCMarkers: "1",
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
