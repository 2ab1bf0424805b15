// How many connections a daemon may have, seen from its limit of open files: a listener without a descriptor left spins, and a command
// that could not get its pipes would not start. Pure.

/** For commands, logs, launchers and the runtime itself. */
const reserved = 256;
/** Of a session: its socket, and what it makes the daemon open for a moment. */
const perSession = 2;

export interface DescriptorBudget {
  sessions: number;
  /** Of one listener, strangers included. */
  connections: number;
}

/** @param nofile the daemon's own limit */
export function descriptorBudget(nofile: bigint, wanted: DescriptorBudget): DescriptorBudget {
  const free = Number(nofile < 1_000_000n ? nofile : 1_000_000n) - reserved;
  return {
    sessions: Math.max(1, Math.min(wanted.sessions, Math.floor(free / perSession))),
    connections: Math.max(1, Math.min(wanted.connections, free)),
  };
}
