// The daemon inside this very process, for the node name "local": no socket, no state directory, nothing to set up.

import type { Clock } from "../base/clock.ts";
import { AuditLog } from "../daemon/audit-log.ts";
import { Daemon } from "../daemon/daemon.ts";
import type { Spawner } from "../launcher/contract.ts";
import { account, childNofile, hostName, incarnation, randomBytes } from "../os/machine.ts";
import { memoryPair } from "../transport/memory.ts";
import type { Transport } from "../transport/transport.ts";
import { processesMax, sessionsMax } from "../wire/limits.ts";

export interface EmbeddedOptions {
  clock: Clock;
  software: string;
  spawner: Spawner;
}

/** Starts it; the returned function opens one connection to it. */
export function embeddedDaemon({ clock, software, spawner }: EmbeddedOptions): () => Transport {
  const daemon = new Daemon({
    clock,
    spawner,
    account: account(),
    software,
    host: hostName(),
    node: "local",
    incarnation: incarnation(),
    insecure: false,
    // Nobody else can reach this one, and it leaves nothing behind.
    revocations: { isRevoked: () => false, add: () => false },
    audit: new AuditLog({ directory: null, clock, report: () => {} }),
    nofile: childNofile(null),
    processesMax,
    sessionsMax,
    pid: process.pid,
    random: randomBytes,
    log: () => {},
  });
  return () => {
    const [ours, theirs] = memoryPair();
    daemon.accept(theirs);
    return ours;
  };
}
