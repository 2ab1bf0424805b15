// How commands reach nodes: one set of options for all of them, and the daemon inside this process for "local". The way to the
// nodes that a command is about is opened at once; what talks over it is loaded meanwhile.

import type { Message } from "../capability/messages.ts";
import type { NodeAddress } from "../controller/address.ts";
import { type Credentials, reach } from "../controller/reach.ts";
import type { Role } from "../keys/contract.ts";
import { hostName } from "../os/machine.ts";
import type { Session } from "../session/session.ts";
import type { Transport } from "../transport/transport.ts";
import type { App } from "./app.ts";
import { credentialsFor } from "./credentials.ts";

export interface ConnectingOptions {
  connectTimeoutMs: number;
  insecure: boolean;
  /** A file; null: wherever one is found. */
  key: Uint8Array | null;
  /** What is to be done there needs a key of this role. */
  needed: Role;
}

/** Opens a session to a node. @throws CtlError */
export type Connect = (address: NodeAddress) => Promise<Session<Message>>;

/** @param nodes which the command is about */
export function connecting(
  app: App,
  options: ConnectingOptions,
  nodes: readonly NodeAddress[],
): Connect {
  const { clock, software } = app;
  const { insecure, connectTimeoutMs: timeoutMs } = options;
  const credentials = credentialsFor(app, options);
  let embedded: Promise<() => Transport> | null = null;
  const open = (node: NodeAddress): Promise<Transport> => {
    if (node.kind !== "local") return reach(node, credentials, timeoutMs);
    embedded ??= embed(app);
    return embedded.then((connect) => connect());
  };
  const ahead = new Map<string, Promise<Transport>>();
  for (const node of nodes) {
    const way = open(node);
    // Whoever takes it hears of its failure.
    way.catch(() => {});
    ahead.set(node.name, way);
  }
  return async (node) => {
    const way = ahead.get(node.name) ?? open(node);
    // The next time is another attempt.
    ahead.delete(node.name);
    const { openSession } = await import("../controller/connect.ts");
    const key = node.kind === "tcp" ? keyOf(credentials) : null;
    const facts = { clock, software, host: hostName(), insecure, key };
    return await openSession(way, { ...facts, timeoutMs });
  };
}

function keyOf(credentials: () => Credentials): Extract<Credentials, object>["key"] | null {
  const how = credentials();
  return how === "insecure-no-authentication" ? null : how.key;
}

/** Its launcher starts before anything else is loaded. */
async function embed({ clock, software }: App): Promise<() => Transport> {
  const { LauncherSpawner } = await import("../launcher/spawner.ts");
  const spawner = new LauncherSpawner({ clock });
  spawner.expectStart();
  const { embeddedDaemon } = await import("./embedded.ts");
  return embeddedDaemon({ clock, software, spawner });
}
