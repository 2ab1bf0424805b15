// Everybody who must not be let in by a daemon, as clients that do their worst: whoever gets as far as TLS sends a command behind his
// handshake at once. They may come from other addresses of this machine.

import { messageCodec } from "../../../src/capability/messages.ts";
import { type Key, nodeServerName } from "../../../src/keys/contract.ts";
import { helloOf } from "../../../src/session/hello.ts";
import { until } from "../../support/until.ts";

export interface Door {
  host: string;
  port: number;
  /** Of the daemon's life, in hexadecimal: a start that names another one would be refused for that. */
  incarnation: string;
  /** The strangers' commands would make this file. */
  marker: string;
}

export interface StrangerKeys {
  operator: Key;
  node: Key;
  /** An operator's, and on the daemon's list. */
  revoked: Key;
  /** Another cluster's operator's. */
  foreign: Key;
}

export const strangerKinds = [
  "no certificate",
  "another cluster's key",
  "a node's key",
  "a revoked key",
  "TLS 1.2 only",
  "frames without TLS",
  "an HTTP request",
  "random bytes",
  "frames behind a ClientHello",
] as const;
export type StrangerKind = (typeof strangerKinds)[number];

/** What the audit log calls their refusal. */
export const faultOf: Readonly<Record<StrangerKind, string>> = {
  "no certificate": "handshake",
  "another cluster's key": "handshake",
  "a node's key": "handshake",
  "a revoked key": "revoked",
  "TLS 1.2 only": "handshake",
  "frames without TLS": "handshake",
  "an HTTP request": "handshake",
  "random bytes": "handshake",
  "frames behind a ClientHello": "handshake",
};

/** All of 127/8 is this machine. */
export const otherAddresses: readonly string[] = Array.from(
  { length: 249 },
  (_, index) => `127.0.0.${index + 2}`,
);

const tls12 = 0x0303;
const tls13 = 0x0304;
const randomBytesCount = 4_096;
/** A handshake may take ten seconds, and a busy machine longer. */
const closedMsMax = 30_000;

/** A greeting and a command: all that somebody who is let in has to say. A valid one each time: keys are not repeated. */
export function commandBytes({ incarnation, marker }: Door): Uint8Array {
  const codec = messageCodec();
  const hello = helloOf({
    ownLimits: null,
    software: "stranger",
    host: "elsewhere",
    incarnation: new Uint8Array(),
    insecure: false,
    monotonicNs: 1n,
    realtimeNs: 1n,
  });
  return Buffer.concat([
    codec.encode(0, hello).slice(),
    codec
      .encode(1, {
        kind: "start",
        key: crypto.getRandomValues(new Uint8Array(16)),
        incarnation: Buffer.from(incarnation, "hex"),
        argv: [Buffer.from("touch"), Buffer.from(marker)],
        env: [],
        directory: new Uint8Array(),
        stdin: false,
        timeoutMs: 0,
        graceMs: 1_000,
        onDisconnect: "keep",
        leaseMs: 1_000,
        tree: "leave",
      })
      .slice(),
  ]);
}

/** TLS as `key` would speak it, or as somebody without one. A stranger does not care whom he talks to. */
export function tlsOf(key: Key | null, versionMax = tls13): Bun.TLSOptions {
  const shown = key ? { cert: key.certificate, key: key.privateKey } : {};
  const versions = { minVersion: tls12, maxVersion: versionMax };
  return { ...shown, ...versions, serverName: nodeServerName, rejectUnauthorized: false };
}

export interface Knock {
  door: Pick<Door, "host" | "port">;
  /** One of this machine's addresses. */
  from: string;
  /** Null: bytes as they are. */
  tls: Bun.TLSOptions | null;
  /** Said as soon as anything can be said. */
  says: Uint8Array;
}

/** Resolves with what was heard until the other side closed; with TLS, with what was said inside of it. */
export async function knock({ door, from, tls, says }: Knock): Promise<Uint8Array> {
  const heard: Uint8Array[] = [];
  const closed = Promise.withResolvers<void>();
  const say = (socket: Bun.Socket): void => void socket.write(says);
  const where = { hostname: door.host, port: door.port, localAddress: from };
  const timer = setTimeout(
    () => closed.reject(new Error(`A stranger was left waiting for ${closedMsMax} ms`)),
    closedMsMax,
  );
  try {
    await Bun.connect({
      ...where,
      ...(tls ? { tls } : {}),
      socket: {
        binaryType: "uint8array",
        ...(tls ? { handshake: say } : { open: say }),
        data: (_socket, bytes) => void heard.push(bytes.slice()),
        close: () => closed.resolve(),
        // The refusal itself.
        error: () => {},
      },
    });
    await closed.promise;
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(heard);
}

/** How a client of TLS begins, taken from the runtime's own. */
export async function clientHello(): Promise<Uint8Array> {
  let bytes: Uint8Array | null = null;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, heard) => {
        bytes ??= heard.slice();
        socket.end();
      },
      error: () => {},
    },
  });
  const door = { host: "127.0.0.1", port: listener.port };
  await knock({ door, from: "127.0.0.1", tls: tlsOf(null), says: new Uint8Array() });
  listener.stop(true);
  return await until(() => bytes, { what: "a ClientHello" });
}

/** One attempt of each kind is one call of its function; they resolve with what must be empty: words for a stranger. */
export async function strangersAt(
  door: Door,
  keys: StrangerKeys,
): Promise<Readonly<Record<StrangerKind, (from: string) => Promise<number>>>> {
  const begin = await clientHello();
  const overTls =
    (key: Key | null, versionMax?: number) =>
    async (from: string): Promise<number> =>
      (await knock({ door, from, tls: tlsOf(key, versionMax), says: commandBytes(door) })).length;
  const plainly =
    (says: () => Uint8Array) =>
    async (from: string): Promise<number> =>
      wordsBesideTls(await knock({ door, from, tls: null, says: says() }));
  return {
    "no certificate": overTls(null),
    "another cluster's key": overTls(keys.foreign),
    "a node's key": overTls(keys.node),
    "a revoked key": overTls(keys.revoked),
    // His key would be the right one.
    "TLS 1.2 only": overTls(keys.operator, tls12),
    "frames without TLS": plainly(() => commandBytes(door)),
    "an HTTP request": plainly(() => Buffer.from("GET / HTTP/1.1\r\nHost: node3\r\n\r\n")),
    "random bytes": plainly(noise),
    "frames behind a ClientHello": plainly(() =>
      Buffer.concat([begin, applicationRecord(commandBytes(door)), commandBytes(door)]),
    ),
  };
}

/** Nothing that a server would take for the beginning of a record and wait for the rest of. */
function noise(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(randomBytesCount));
  if (bytes[1] === 3) bytes[1] = 4;
  return bytes;
}

/** As it would stand on the wire, were it encrypted. */
function applicationRecord(bytes: Uint8Array): Uint8Array {
  const head = Buffer.from([0x17, 3, 3, 0, 0]);
  head.writeUInt16BE(bytes.length, 3);
  return Buffer.concat([head, bytes]);
}

/** Records of TLS are no words: what is left without them. */
function wordsBesideTls(heard: Uint8Array): number {
  const bytes = Buffer.from(heard);
  let at = 0;
  while (at + 5 <= bytes.length && isRecord(bytes[at] ?? 0)) at += 5 + bytes.readUInt16BE(at + 3);
  return Math.max(0, bytes.length - at);
}

const isRecord = (type: number): boolean => type >= 0x14 && type <= 0x17;
