// A listener with keys in the test's hands: who was let in, and who was not and why. And a bare client, which does what no client of ours
// would.

import { connect as connectRaw, type Socket } from "node:net";
import { connect as connectNodeTls, type ConnectionOptions } from "node:tls";

import type { Key } from "../../src/keys/contract.ts";
import { SystemClock } from "../../src/os/clock.ts";
import type { Refused } from "../../src/transport/refused.ts";
import { listenTls, type ListenTlsOptions } from "../../src/transport/tls-listen.ts";
import { connectTls, type ConnectTlsOptions } from "../../src/transport/tls.ts";
import type { Listener, Transport } from "../../src/transport/transport.ts";
import { node, operator } from "../keys/cluster.ts";

export const host = "127.0.0.1";

export interface TlsDoor extends Disposable {
  readonly listener: Listener;
  readonly port: number;
  readonly accepted: Transport[];
  readonly refused: Refused[];
}

export async function openTlsDoor(options: Partial<ListenTlsOptions> = {}): Promise<TlsDoor> {
  const accepted: Transport[] = [];
  const refused: Refused[] = [];
  const listener = await listenTls({
    clock: new SystemClock(),
    host,
    port: 0,
    key: node,
    isRevoked: () => false,
    allows: () => true,
    onConnection: (transport) => void accepted.push(transport),
    refused: (each) => void refused.push(each),
    ...options,
  });
  return {
    listener,
    port: listener.port ?? 0,
    accepted,
    refused,
    [Symbol.dispose]: () => {
      listener.close();
      for (const transport of accepted) transport.destroy();
    },
  };
}

/** As a controller does, with the operator's key unless told otherwise. */
export function dial(port: number, options: Partial<ConnectTlsOptions> = {}): Promise<Transport> {
  const usual = { host, port, key: operator, isRevoked: () => false, timeoutMs: 5_000 };
  return connectTls({ ...usual, ...options });
}

export interface BareClient {
  /** Says this after its own half of the handshake; nothing unless given. */
  says?: string;
  /** Its session is resumed. */
  session?: Buffer;
  /** Hears of a session that can be resumed. */
  onSession?(session: Buffer): void;
  maxVersion?: ConnectionOptions["maxVersion"];
  to?: string;
  /** It leaves when it has heard anything. */
  isEcho?: boolean;
}

/** Resolves with what it heard, when the connection is over; `code` is how TLS or the system put it. */
export function knock(
  port: number,
  key: Pick<Key, "certificate" | "privateKey"> | null,
  bare: BareClient = {},
): Promise<{ heard: string; code: string | null; isResumed: boolean }> {
  const over = Promise.withResolvers<{ heard: string; code: string | null; isResumed: boolean }>();
  const outcome = { heard: "", code: null as string | null, isResumed: false };
  const { says, session, maxVersion, to = host } = bare;
  const socket = connectNodeTls({
    port,
    host: to,
    servername: "ctl-node",
    rejectUnauthorized: false,
    ...(key && { cert: key.certificate, key: key.privateKey }),
    ...(session && { session }),
    ...(maxVersion && { maxVersion }),
  });
  socket.on("secureConnect", () => {
    outcome.isResumed = socket.isSessionReused();
    if (says !== undefined) socket.write(says);
  });
  socket.on("session", (ticket) => bare.onSession?.(ticket));
  socket.on("data", (bytes: Buffer) => {
    outcome.heard += bytes.toString();
    if (bare.isEcho) socket.end();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => (outcome.code ??= error.code ?? error.name));
  socket.on("close", () => over.resolve(outcome));
  return over.promise;
}

/** Sends bytes that are no TLS, and resolves with what came back when the connection is over. */
export function throwAt(port: number, bytes: string | Uint8Array): Promise<string> {
  const over = Promise.withResolvers<string>();
  let heard = "";
  const socket: Socket = connectRaw(port, host, () => socket.write(bytes));
  socket.on("data", (piece: Buffer) => (heard += piece.toString("latin1")));
  socket.on("error", () => {});
  socket.on("close", () => over.resolve(heard));
  return over.promise;
}
