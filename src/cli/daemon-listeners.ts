// Where a daemon listens: its Unix socket, and a network address with keys or, if somebody insisted, without.

import { rangeHas } from "../base/cidr.ts";
import type { Clock } from "../base/clock.ts";
import { CtlError } from "../base/errors.ts";
import type { RevocationList } from "../daemon/revocation-list.ts";
import { prepareSocketPath } from "../daemon/socket-path.ts";
import type { Key } from "../keys/contract.ts";
import type { Refused } from "../transport/refused.ts";
import { listenTcp, listenUnix } from "../transport/tcp.ts";
import { listenTls } from "../transport/tls-listen.ts";
import type { Listener, Transport } from "../transport/transport.ts";
import type { App } from "./app.ts";
import type { DaemonSettings } from "./daemon-run.ts";

const loopback = "127.0.0.1";
/** IPv4 too, where the machine has not been told otherwise. */
const everywhere = "::";
const everywhereIpv4 = "0.0.0.0";

export interface Listening {
  settings: DaemonSettings;
  key: Key | null;
  revocations: RevocationList;
  clock: Clock;
  /** Of each listener. */
  connectionsMax: number;
  onConnection(transport: Transport): void;
  refused(refused: Refused): void;
}

/** @throws CtlError("listen-failed") */
export async function openListeners(app: App, listening: Listening): Promise<Listener[]> {
  const { settings } = listening;
  const listeners: Listener[] = [];
  try {
    const { network } = settings;
    if (network) listeners.push(await openNetwork(network, listening));
    const port = listeners[0]?.port ?? null;
    const path = prepareSocketPath({ given: settings.socket, env: app.env, port });
    listeners.push(
      await listenUnix({
        path,
        connectionsMax: listening.connectionsMax,
        onConnection: (transport) => listening.onConnection(transport),
      }),
    );
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}

/** With a key, everywhere: the key decides. Without one, only where nobody else is, unless somebody said otherwise. */
async function openNetwork(
  { host, port }: { host: string | null; port: number },
  listening: Listening,
): Promise<Listener> {
  const { settings, key, revocations } = listening;
  const door = {
    port,
    connectionsMax: listening.connectionsMax,
    onConnection: (transport: Transport) => listening.onConnection(transport),
    refused: (refused: Refused) => listening.refused(refused),
    allows: (address: string) =>
      settings.allow.length === 0 || settings.allow.some((range) => rangeHas(range, address)),
  };
  if (!key) return await listenTcp({ ...door, host: host ?? loopback });
  const isRevoked = (fingerprint: string): boolean => revocations.isRevoked(fingerprint);
  const listen = (at: string): Promise<Listener> =>
    listenTls({ ...door, clock: listening.clock, host: at, key, isRevoked });
  if (host !== null) return await listen(host);
  try {
    return await listen(everywhere);
  } catch (error) {
    if (!(error instanceof CtlError) || error.errno === "EADDRINUSE") throw error;
    // A machine without IPv6.
    return await listen(everywhereIpv4);
  }
}
