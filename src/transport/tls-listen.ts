// The listening side of mutual TLS, kept apart because a controller has no use for it.

import type { SocketHandler } from "bun";

import type { Clock } from "../base/clock.ts";
import { Gate } from "./gate.ts";
import type { Refused } from "./refused.ts";
import type { SocketTransport } from "./socket-transport.ts";
import { hostAndPort, listenTcpError } from "./tcp.ts";
import { peerCheck, tls13, tlsHandler, type TlsOptions } from "./tls.ts";
import type { Listener, Transport } from "./transport.ts";

export interface ListenTlsOptions extends TlsOptions {
  clock: Clock;
  host: string;
  /** 0 takes any free one. */
  port: number;
  connectionsMax?: number;
  /** Whether this address may connect at all. */
  allows(address: string): boolean;
  onConnection(transport: Transport): void;
  refused(refused: Refused): void;
}

/** @throws CtlError */
export async function listenTls(options: ListenTlsOptions): Promise<Listener> {
  const { host: hostname, port, key } = options;
  const gate = new Gate({ ...options, check: peerCheck(options, ["operator", "observer"]) });
  const tls = {
    cert: key.certificate,
    key: key.privateKey,
    ca: [...key.authorities],
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: tls13,
  };
  const socket: SocketHandler<SocketTransport> = {
    ...tlsHandler((opening) => gate.opened(opening)),
    handshake: (shaken, isDone, error) => gate.shaken(shaken, { isDone, error }),
  };
  try {
    const listener = Bun.listen<SocketTransport>({ hostname, port, tls, socket });
    return {
      address: hostAndPort(hostname, listener.port),
      port: listener.port,
      close: () => listener.stop(),
    };
  } catch (error) {
    throw listenTcpError(options, error);
  }
}
