// Sockets of the machine as transports, TCP and Unix: connecting within a time limit, and accepting connections. A Unix
// socket answers only its owner and root. Every failure is a CtlError that names the address.

import type { Socket } from "bun";

import { CtlError } from "../base/errors.ts";
import { setTcpUserTimeout } from "../os/socket-options.ts";
import { peerUid } from "../os/unix-peer.ts";
import { connectFailure } from "./connect-failure.ts";
import { connectWithin, type WaitOptions } from "./connect-within.ts";
import type { Refused } from "./refused.ts";
import { SocketClaim } from "./socket-claim.ts";
import {
  connectError,
  errnoOf,
  isResolverErrno,
  listenError,
  nameNotResolved,
} from "./socket-errors.ts";
import {
  connectionsMax,
  fdOf,
  remoteOf,
  socketHandler,
  SocketTransport,
} from "./socket-transport.ts";
import type { Listener, Transport } from "./transport.ts";

/** What we sent and nobody acknowledged for so long means a dead peer: the same as silence on an idle connection. */
export const unacknowledgedMsMax = 15_000;

const rootUid = 0;
export interface ConnectTcpOptions extends WaitOptions {
  /** A name or an address; IPv6 without brackets. */
  host: string;
  port: number;
}

export interface ConnectUnixOptions extends WaitOptions {
  path: string;
}

export interface ListenTcpOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  connectionsMax?: number;
  /** Whether this address may connect at all; every one unless given. */
  allows?(address: string): boolean;
  onConnection(transport: Transport): void;
  /** Hears of who was not let in. */
  refused?(refused: Refused): void;
}

/** All addresses of a name are tried at the same time, and the first that answers is taken. @throws CtlError */
export function connectTcp(options: ConnectTcpOptions): Promise<Transport> {
  const where = hostAndPort(options.host, options.port);
  return connectWithin(options, where, () => {
    const opened = Promise.withResolvers<Transport>();
    const open = (socket: Socket<SocketTransport>): void => {
      setTcpUserTimeout(fdOf(socket), unacknowledgedMsMax);
      socket.data = new SocketTransport(socket, { peer: `tcp ${where}`, kind: "tcp" });
      opened.resolve(socket.data);
    };
    const { host: hostname, port } = options;
    Bun.connect<SocketTransport>({ hostname, port, socket: socketHandler(open) }).catch(
      async (error) => opened.reject(await connectFailure({ ...options, where, error })),
    );
    return opened.promise;
  });
}

/** @throws CtlError */
export function connectUnix(options: ConnectUnixOptions): Promise<Transport> {
  const { path } = options;
  return connectWithin(options, `unix:${path}`, () => {
    const opened = Promise.withResolvers<Transport>();
    const open = (socket: Socket<SocketTransport>): void => {
      socket.data = new SocketTransport(socket, { peer: `unix ${path}`, kind: "unix" });
      opened.resolve(socket.data);
    };
    Bun.connect<SocketTransport>({ unix: path, socket: socketHandler(open) }).catch((error) =>
      opened.reject(connectError(`unix:${path}`, error)),
    );
    return opened.promise;
  });
}

export interface ListenUnixOptions {
  path: string;
  connectionsMax?: number;
  /** Who is at the other end of a descriptor; a test may lie. */
  peerUid?: (fd: number) => number | null;
  onConnection(transport: Transport): void;
}

/** @throws CtlError */
export async function listenTcp(options: ListenTcpOptions): Promise<Listener> {
  const { host: hostname, port } = options;
  let open = 0;
  const accept = (socket: Socket<SocketTransport>): void => {
    const { address, from } = remoteOf(socket);
    const transport = new SocketTransport(socket, {
      peer: `tcp ${from}`,
      kind: "tcp",
      ended: () => (open -= 1),
    });
    socket.data = transport;
    open += 1;
    if (options.allows?.(address) === false) {
      transport.destroy();
      const text = "its address is not allowed";
      return options.refused?.({ peer: transport.peer, fault: "address", text, fingerprint: null });
    }
    if (open > (options.connectionsMax ?? connectionsMax)) return transport.destroy();
    setTcpUserTimeout(fdOf(socket), unacknowledgedMsMax);
    options.onConnection(transport);
  };
  try {
    const listener = Bun.listen<SocketTransport>({ hostname, port, socket: socketHandler(accept) });
    return {
      address: hostAndPort(hostname, listener.port),
      port: listener.port,
      close: () => listener.stop(),
    };
  } catch (error) {
    throw listenTcpError(options, error);
  }
}

/** @throws CtlError */
export async function listenUnix(options: ListenUnixOptions): Promise<Listener> {
  const { path } = options;
  const uid = process.getuid?.() ?? rootUid;
  let claim: SocketClaim | null = null;
  try {
    claim = SocketClaim.on(path, uid);
    const listener = withOwnerOnlyMask(() =>
      Bun.listen<SocketTransport>({ unix: path, socket: socketHandler(accepting(options, uid)) }),
    );
    const close = (): void => {
      listener.stop();
      claim?.release();
    };
    return { address: `unix:${path}`, port: null, close };
  } catch (error) {
    claim?.release();
    throw error instanceof CtlError ? error : listenError(`unix:${path}`, error);
  }
}

/** "127.0.0.1:9000", "[::1]:9000". A listener for both families shows the one in the words of the other. */
export function hostAndPort(host: string, port: number): string {
  const mapped = /^::ffff:(?<ipv4>[0-9.]+)$/.exec(host)?.groups?.["ipv4"];
  if (mapped !== undefined) return `${mapped}:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function listenTcpError(options: { host: string; port: number }, error: unknown): CtlError {
  const errno = errnoOf(error);
  // For a name that does not resolve the runtime gives no code at all.
  if (errno === null || isResolverErrno(errno)) return nameNotResolved(options.host, error);
  return listenError(hostAndPort(options.host, options.port), error);
}

function accepting(
  options: ListenUnixOptions,
  uid: number,
): (socket: Socket<SocketTransport>) => void {
  const limit = options.connectionsMax ?? connectionsMax;
  const askPeer = options.peerUid ?? peerUid;
  let open = 0;
  return (socket) => {
    const transport = new SocketTransport(socket, {
      peer: `unix ${options.path}`,
      kind: "unix",
      ended: () => (open -= 1),
    });
    socket.data = transport;
    open += 1;
    const from = askPeer(fdOf(socket));
    const isAllowed = from === uid || from === rootUid;
    if (!isAllowed || open > limit) return transport.destroy();
    options.onConnection(transport);
  };
}

/** The mask belongs to the whole process; nothing else runs in between. */
function withOwnerOnlyMask<Value>(make: () => Value): Value {
  const before = process.umask(0o177);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
