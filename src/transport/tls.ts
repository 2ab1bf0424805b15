// Mutual TLS 1.3 over TCP. Promises that nobody gets to see a connection before the runtime and our own check (keys/check-peer.ts) have
// both accepted the peer's certificate, and that every refusal says why. The runtime's own numbers: its strings are ignored.

import type { Socket, SocketHandler } from "bun";

import { CtlError } from "../base/errors.ts";
import { PeerCheck, type PeerVerdict } from "../keys/check-peer.ts";
import { type Key, nodeServerName, type Role } from "../keys/contract.ts";
import { setTcpUserTimeout } from "../os/socket-options.ts";
import { connectFailure } from "./connect-failure.ts";
import { connectWithin } from "./connect-within.ts";
import type { Refused } from "./refused.ts";
import { errnoOf } from "./socket-errors.ts";
import { connectionsMax, fdOf, socketHandler, SocketTransport } from "./socket-transport.ts";
import { type ConnectTcpOptions, hostAndPort, listenTcpError, unacknowledgedMsMax } from "./tcp.ts";
import { handshakeFailure, peerRefused } from "./tls-errors.ts";
import type { Listener, Transport } from "./transport.ts";

/** TLS 1.3 on the wire. Given as a number: the runtime takes a string for no limit at all, or throws. */
const tls13 = 0x0304;

/** A stranger's handshake must be over by then. */
export const handshakeTimeoutMs = 10_000;

interface TlsOptions {
  key: Key;
  isRevoked(fingerprint: string): boolean;
}

export interface ConnectTlsOptions extends ConnectTcpOptions, TlsOptions {}

export interface ListenTlsOptions extends TlsOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  connectionsMax?: number;
  /** Whether this address may connect at all. */
  allows(address: string): boolean;
  onConnection(transport: Transport): void;
  refused(refused: Refused): void;
}

/** Resolves when both sides have proved who they are, as far as this side can know it. @throws CtlError */
export function connectTls(options: ConnectTlsOptions): Promise<Transport> {
  const where = hostAndPort(options.host, options.port);
  const check = peerCheck(options, ["node"]);
  return connectWithin(options, where, () => {
    const opened = Promise.withResolvers<Transport>();
    const { host: hostname, port, key } = options;
    const fail = (socket: Socket<SocketTransport>, error: CtlError): void => {
      opened.reject(error);
      socket.data.destroy();
    };
    const socket: SocketHandler<SocketTransport> = {
      ...tlsHandler((opening) => {
        setTcpUserTimeout(fdOf(opening), unacknowledgedMsMax);
        opening.data = new SocketTransport(opening, { peer: `tcp ${where}`, kind: "tcp" });
      }),
      handshake: (shaken, isDone, error) => {
        const verdict = verdictOn(shaken, check, { isDone, error });
        if ("failure" in verdict)
          return fail(shaken, handshakeFailure(where, verdict.failure, key));
        if (!verdict.identity) return fail(shaken, peerRefused(where, verdict, key));
        shaken.data.identity = verdict.identity;
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

/** @throws CtlError */
export async function listenTls(options: ListenTlsOptions): Promise<Listener> {
  const { host: hostname, port, key } = options;
  const gate = new Gate(options);
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

/** Who has been let in, and who still has to show what he is. */
class Gate {
  readonly #options: ListenTlsOptions;
  readonly #check: PeerCheck;
  readonly #deadlines = new Map<SocketTransport, ReturnType<typeof setTimeout>>();
  #open = 0;

  constructor(options: ListenTlsOptions) {
    this.#options = options;
    this.#check = peerCheck(options, ["operator", "observer"]);
  }

  opened(socket: Socket<SocketTransport>): void {
    const { remoteAddress, remotePort } = socket;
    const transport: SocketTransport = new SocketTransport(socket, {
      peer: `tcp ${hostAndPort(remoteAddress, remotePort)}`,
      kind: "tcp",
      ended: () => this.#ended(transport),
    });
    socket.data = transport;
    this.#open += 1;
    if (!this.#options.allows(remoteAddress)) {
      return this.#refuse(transport, { fault: "address", text: "its address is not allowed" });
    }
    if (this.#open > (this.#options.connectionsMax ?? connectionsMax)) {
      return this.#refuse(transport, { fault: "connections", text: "there are too many" });
    }
    setTcpUserTimeout(fdOf(socket), unacknowledgedMsMax);
    const late = { fault: "timeout", text: "its handshake took too long" } as const;
    const deadline = setTimeout(() => this.#refuse(transport, late), handshakeTimeoutMs);
    this.#deadlines.set(transport, deadline);
  }

  shaken(socket: Socket<SocketTransport>, outcome: Handshake): void {
    const transport = socket.data;
    if (!this.#deadlines.has(transport)) return;
    const verdict = verdictOn(socket, this.#check, outcome);
    if ("failure" in verdict) {
      return this.#refuse(transport, { fault: "handshake", text: verdict.failure });
    }
    if (!verdict.identity) return this.#refuse(transport, verdict);
    this.#forgive(transport);
    transport.identity = verdict.identity;
    this.#options.onConnection(transport);
  }

  #refuse(
    transport: SocketTransport,
    {
      fault,
      text,
      fingerprint = null,
    }: Omit<Refused, "peer" | "fingerprint"> & { fingerprint?: string | null },
  ): void {
    this.#forgive(transport);
    transport.destroy();
    this.#options.refused({ peer: transport.peer, fault, text, fingerprint });
  }

  /** It owes nothing any more. */
  #forgive(transport: SocketTransport): void {
    clearTimeout(this.#deadlines.get(transport));
    this.#deadlines.delete(transport);
  }

  #ended(transport: SocketTransport): void {
    this.#open -= 1;
    this.#forgive(transport);
  }
}

interface Handshake {
  isDone: boolean;
  error: Error | null;
}

/** The runtime's verdict first, then ours. A handshake that is done need not be one that was authorized. */
function verdictOn(
  socket: Socket<SocketTransport>,
  check: PeerCheck,
  { isDone, error }: Handshake,
): PeerVerdict | { failure: string } {
  if (error)
    return {
      failure: errnoOf(error) === "EPROTO" ? reasonOf(error) : (errnoOf(error) ?? error.message),
    };
  if (!isDone || !socket.authorized) return { failure: "not authorized" };
  return check.check(socket.getPeerX509Certificate());
}

/** "error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA" ends in what matters. */
function reasonOf(error: Error): string {
  return error.message.slice(error.message.lastIndexOf(":") + 1);
}

function peerCheck({ key, isRevoked }: TlsOptions, accepts: readonly Role[]): PeerCheck {
  const { authorities, identity } = key;
  return new PeerCheck({ authorities, cluster: identity.cluster, accepts, isRevoked });
}

function tlsHandler(
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
