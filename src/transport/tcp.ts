// Sockets of the machine as transports: connecting to a node within a time limit, and accepting connections on a
// network address. Every failure is a CtlError that names the address.

import type { Socket } from "bun";

import { CtlError } from "../base/errors.ts";
import { connectErrno } from "../os/connect-errno.ts";
import { setTcpUserTimeout } from "../os/socket-options.ts";
import {
  connectError,
  errnoOf,
  isResolverErrno,
  listenError,
  nameNotResolved,
} from "./socket-errors.ts";
import { connectionsMax, socketHandler, SocketTransport } from "./socket-transport.ts";
import type { Listener, Transport } from "./transport.ts";

export { listenUnix } from "./unix-listener.ts";

/** What we sent and nobody acknowledged for so long means a dead peer: the same as silence on an idle connection. */
const unacknowledgedMsMax = 15_000;

/** Of one name, when it is asked why none of them answered. */
const addressesMax = 4;

const silenceHint = "check the address, the machine and the firewalls in between";

interface WaitOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

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
  onConnection(transport: Transport): void;
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
      async (error) => opened.reject(await connectTcpError(options, where, error)),
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

/** @throws CtlError */
export async function listenTcp(options: ListenTcpOptions): Promise<Listener> {
  const { host: hostname, port } = options;
  let open = 0;
  const accept = (socket: Socket<SocketTransport>): void => {
    const from = hostAndPort(socket.remoteAddress, socket.remotePort);
    const transport = new SocketTransport(socket, {
      peer: `tcp ${from}`,
      kind: "tcp",
      ended: () => (open -= 1),
    });
    socket.data = transport;
    open += 1;
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

/** "127.0.0.1:9000", "[::1]:9000". */
export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** "refused" is the runtime's word for an unreachable host or network too; the difference is a machine that is off. */
async function connectTcpError(
  { host, port, timeoutMs }: ConnectTcpOptions,
  where: string,
  error: unknown,
): Promise<CtlError> {
  const errno = errnoOf(error);
  if (isResolverErrno(errno)) return nameNotResolved(host, error);
  if (errno !== "ECONNREFUSED") return connectError(where, error);
  const addresses = await addressesOf(host);
  const asked = addresses.map((address) => connectErrno(address, port, timeoutMs));
  const answers = (await Promise.all(asked)).filter((answer) => answer !== null);
  const isRefused = answers.length === 0 || answers.includes("ECONNREFUSED");
  const code = isRefused ? "ECONNREFUSED" : answers[0];
  return connectError(where, Object.assign(new Error("connect"), { code, cause: error }));
}

/** Those that the runtime tries at the same time. */
async function addressesOf(host: string): Promise<string[]> {
  if (host.includes(":") || /^[0-9.]+$/.test(host)) return [host];
  const found = await Bun.dns.lookup(host).catch(() => []);
  return found.slice(0, addressesMax).map(({ address }) => address);
}

function listenTcpError(options: ListenTcpOptions, error: unknown): CtlError {
  const errno = errnoOf(error);
  // For a name that does not resolve the runtime gives no code at all.
  if (errno === null || isResolverErrno(errno)) return nameNotResolved(options.host, error);
  return listenError(hostAndPort(options.host, options.port), error);
}

/** The runtime cannot take a connection attempt back; one that comes too late is ended as soon as it is there. */
function connectWithin(
  options: WaitOptions,
  where: string,
  connect: () => Promise<Transport>,
): Promise<Transport> {
  const { signal, timeoutMs } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const result = Promise.withResolvers<Transport>();
  const giveUp = new AbortController();
  const timer = setTimeout(() => {
    const text = `No answer from ${where} within ${timeoutMs / 1000}s`;
    result.reject(new CtlError("connect-timeout", text, { errno: "ETIMEDOUT", hint: silenceHint }));
    giveUp.abort();
  }, timeoutMs);
  const onAbort = (): void => {
    result.reject(signal?.reason);
    giveUp.abort();
  };
  signal?.addEventListener("abort", onAbort, { once: true, signal: giveUp.signal });
  void connect()
    .then((transport) => {
      if (giveUp.signal.aborted) return transport.destroy();
      return result.resolve(transport);
    }, result.reject)
    .finally(() => {
      clearTimeout(timer);
      giveUp.abort();
    });
  return result.promise;
}

/** The runtime has it, its types do not tell. */
function fdOf(socket: Socket<SocketTransport>): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}
