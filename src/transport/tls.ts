// Mutual TLS 1.3 over TCP: what both sides do, and the connecting one; tls-listen.ts has the other. Promises that nobody gets to see a connection before the runtime and our own check (keys/check-peer.ts) have
// both accepted the peer's certificate, and that every refusal says why. The runtime's own numbers: its strings are ignored.

import type { Socket, SocketHandler } from "bun";

import { CtlError } from "../base/errors.ts";
import { PeerCheck } from "../keys/check-peer.ts";
import { type Key, nodeServerName, type Role } from "../keys/contract.ts";
import { setTcpUserTimeout } from "../os/socket-options.ts";
import { connectFailure } from "./connect-failure.ts";
import { connectWithin } from "./connect-within.ts";
import { errnoOf } from "./socket-errors.ts";
import { fdOf, socketHandler, SocketTransport } from "./socket-transport.ts";
import { type ConnectTcpOptions, hostAndPort, unacknowledgedMsMax } from "./tcp.ts";
import { handshakeFailure, peerRefused } from "./tls-errors.ts";
import { verdictOn } from "./tls-verdict.ts";
import type { Transport } from "./transport.ts";

/** TLS 1.3 on the wire. Given as a number: the runtime takes a string for no limit at all, or throws. */
export const tls13 = 0x0304;

export interface TlsOptions {
  key: Key;
  isRevoked(fingerprint: string): boolean;
}

export interface ConnectTlsOptions extends ConnectTcpOptions, TlsOptions {}

/** Resolves when both sides have proved who they are, as far as this side can know it. @throws CtlError */
export function connectTls(options: ConnectTlsOptions): Promise<Transport> {
  const where = hostAndPort(options.host, options.port);
  const check = peerCheck(options, ["node"]);
  return connectWithin(options, where, (reached) => {
    const opened = Promise.withResolvers<Transport>();
    const { host: hostname, port, key } = options;
    const fail = (socket: Socket<SocketTransport>, error: CtlError): void => {
      opened.reject(error);
      socket.data.destroy();
    };
    const socket: SocketHandler<SocketTransport> = {
      ...tlsHandler((opening) => {
        setTcpUserTimeout(fdOf(opening), unacknowledgedMsMax);
        opening.data = new SocketTransport(opening, {
          peer: `tcp ${where}`,
          kind: "tcp",
          // Of a reset in its middle the runtime says nothing but that. Once the handshake is done this changes nothing.
          ended: () => opened.reject(handshakeFailure(where, "ECONNRESET", key)),
        });
        reached(opening.data);
      }),
      handshake: (shaken, isDone, error) => {
        const outcome = judged(() => verdictOn(shaken, check, { isDone, error }));
        if (outcome instanceof CtlError) return fail(shaken, outcome);
        if ("failure" in outcome)
          return fail(shaken, handshakeFailure(where, outcome.failure, key));
        if (!outcome.identity) return fail(shaken, peerRefused(where, outcome, key));
        shaken.data.identity = outcome.identity;
        opened.resolve(shaken.data);
      },
    };
    const tls = {
      cert: key.certificate,
      key: key.privateKey,
      ca: [...key.authorities],
      serverName: nodeServerName,
      // Explicitly: else the environment could switch it off.
      rejectUnauthorized: true,
      minVersion: tls13,
    };
    Bun.connect<SocketTransport>({ hostname, port, tls, socket }).catch(async (error) =>
      opened.reject(await connectFailure({ ...options, where, error })),
    );
    return opened.promise;
  });
}

/** A list of revoked keys that cannot be read is the caller's to tell, and no bug of a callback. */
function judged<Verdict>(judge: () => Verdict): Verdict | CtlError {
  try {
    return judge();
  } catch (error) {
    if (error instanceof CtlError) return error;
    throw error;
  }
}

export function peerCheck(options: TlsOptions, accepts: readonly Role[]): PeerCheck {
  const { authorities, identity } = options.key;
  const isRevoked = (fingerprint: string): boolean => options.isRevoked(fingerprint);
  return new PeerCheck({ authorities, cluster: identity.cluster, accepts, isRevoked });
}

export function tlsHandler(
  opened: (socket: Socket<SocketTransport>) => void,
): SocketHandler<SocketTransport> {
  return {
    ...socketHandler(opened),
    // An alert of the peer comes here, and so would our own bugs, which must reach the process as uncaught.
    error: (socket, error) => {
      if (errnoOf(error) !== "EPROTO") throw error;
      socket.data.faulted(error);
    },
  };
}
