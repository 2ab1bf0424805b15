// How commands reach nodes: one set of options for all of them, and the daemon inside this process for "local".

import type { Message } from "../capability/messages.ts";
import type { NodeAddress } from "../controller/address.ts";
import { openSession } from "../controller/connect.ts";
import { hostName } from "../os/machine.ts";
import type { Session } from "../session/session.ts";
import type { Transport } from "../transport/transport.ts";
import type { App } from "./app.ts";

export interface ConnectingOptions {
  connectTimeoutMs: number;
  insecure: boolean;
}

/** Opens a session to a node. @throws CtlError */
export type Connect = (address: NodeAddress) => Promise<Session<Message>>;

export function connecting(app: App, options: ConnectingOptions): Connect {
  const { clock, software } = app;
  let embedded: Promise<() => Transport> | null = null;
  return (address) =>
    openSession(address, {
      clock,
      software,
      host: hostName(),
      insecure: options.insecure,
      timeoutMs: options.connectTimeoutMs,
      embedded: async () => {
        // Loaded only for those who talk to this machine itself.
        embedded ??= import("./embedded.ts").then((module) =>
          module.embeddedDaemon(clock, software),
        );
        return (await embedded)();
      },
    });
}
