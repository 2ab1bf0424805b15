// Peers that are no daemon of this version, on ports of their own: other services, silence, and daemons of other times.

import { dlopen } from "bun:ffi";

import { messageCodec } from "../../../src/capability/messages.ts";
import type { GoodbyeCode } from "../../../src/session/contract.ts";
import { helloOf } from "../../../src/session/hello.ts";
import { rogue } from "../../../src/transport/rogue.ts";
import { FrameReader } from "../../../src/wire/frames.ts";
import { frameBytesMax, incarnationBytes } from "../../../src/wire/limits.ts";
import { until } from "../../support/until.ts";

export interface Peer extends Disposable {
  /** "127.0.0.1:PORT", as a node name. */
  readonly address: string;
  readonly port: number;
}

interface Behaviour {
  /** Sent to whoever connects. */
  greeting?: Uint8Array | string;
  /** What the answer to some bytes is; null closes the connection. */
  answer?(bytes: Uint8Array): Uint8Array | string | null;
  /** Sent without end. */
  endless?: Uint8Array;
  closes?: boolean;
}

const host = "127.0.0.1";

/** A service that behaves so to everybody. */
export function peerThat(behaviour: Behaviour): Peer {
  const pour = (socket: Bun.Socket): void => {
    const { endless } = behaviour;
    if (!endless) return;
    for (let taken = endless.length; taken === endless.length;) taken = socket.write(endless);
  };
  const listener = Bun.listen({
    hostname: host,
    port: 0,
    socket: {
      open: (socket) => {
        if (behaviour.greeting !== undefined) socket.write(behaviour.greeting);
        if (behaviour.closes) socket.end();
        pour(socket);
      },
      data: (socket, bytes) => {
        if (!behaviour.answer) return;
        const answer = behaviour.answer(bytes);
        if (answer === null) socket.end();
        else socket.write(answer);
      },
      drain: pour,
      error: () => {},
    },
  });
  return peerAt(listener.port, () => listener.stop(true));
}

/** A service that speaks TLS, with a certificate of its own making, and knows nothing of ours. */
export function tlsServer(): Peer {
  const tls = { cert: rogue.certificate, key: rogue.privateKey };
  const socket = { data: () => {}, error: () => {} };
  const listener = Bun.listen({ hostname: host, port: 0, tls, socket });
  return peerAt(listener.port, () => listener.stop(true));
}

/** The greeting of a daemon or controller that speaks these protocols and no other. */
export function greetingOfProtocol(protocolMin: number, protocolMax: number): Uint8Array {
  const hello = helloOf({
    ownLimits: {},
    software: "9.9.9",
    host: "elsewhere",
    incarnation: new Uint8Array(incarnationBytes).fill(7),
    insecure: true,
    monotonicNs: 1n,
    realtimeNs: 1n,
  });
  return messageCodec()
    .encode(0, { ...hello, protocolMin, protocolMax })
    .slice();
}

/** Instead of a greeting: why there is none. */
export function goodbye(code: GoodbyeCode, text: string): Uint8Array {
  return messageCodec().encode(0, { kind: "goodbye", code, text }).slice();
}

/** What a daemon says to a greeting before it closes the connection: the kinds of its messages, and its last words. */
export async function answerTo(
  port: number,
  greeting: Uint8Array,
): Promise<{ kinds: string[]; text: string }> {
  const codec = messageCodec();
  const frames = new FrameReader(frameBytesMax);
  const kinds: string[] = [];
  let text = "";
  const closed = Promise.withResolvers<void>();
  await Bun.connect({
    hostname: host,
    port,
    socket: {
      open: (socket) => void socket.write(greeting),
      data: (_socket, bytes) =>
        frames.push(bytes, (frame) => {
          const message = codec.decode(frame)?.message;
          if (message) kinds.push(message.kind);
          if (message?.kind === "goodbye") text = message.text;
        }),
      close: () => closed.resolve(),
    },
  });
  await closed.promise;
  return { kinds, text };
}

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const addressBytes = 16;
const fillersMax = 8;
/** On loopback an answer comes at once or not at all. */
const silenceMs = 300;
const silencesMin = 2;

/** An address that answers no attempt to connect, as a machine that is off: a listener whose queue is full. */
export async function peerWithoutAnswer(): Promise<Peer> {
  const libc = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  }).symbols;
  const address = Buffer.alloc(addressBytes);
  address.writeUInt16LE(AF_INET, 0);
  address.set([127, 0, 0, 1], 4);
  const length = new Uint32Array([addressBytes]);
  const fd = libc.socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
  const isListening =
    libc.bind(fd, address, addressBytes) === 0 &&
    libc.listen(fd, 0) === 0 &&
    libc.getsockname(fd, address, length) === 0;
  if (!isListening) throw new Error("Cannot make a listener by hand");
  const port = address.readUInt16BE(2);
  const fillers = await fill(port);
  return peerAt(port, () => {
    for (const socket of fillers) socket.terminate();
    libc.close(fd);
  });
}

/** Connects until the kernel has not answered several times. */
async function fill(port: number): Promise<Bun.Socket[]> {
  const open: Bun.Socket[] = [];
  for (let silences = 0; silences < silencesMin;) {
    if (open.length > fillersMax) throw new Error("The queue of the listener does not get full");
    const before = open.length;
    Bun.connect({
      hostname: host,
      port,
      socket: { open: (socket) => void open.push(socket), data: () => {}, error: () => {} },
    }).catch(() => {});
    try {
      await until(() => open.length > before, { timeoutMs: silenceMs });
    } catch {
      silences += 1;
    }
  }
  return open;
}

function peerAt(port: number, close: () => void): Peer {
  return { address: `${host}:${port}`, port, [Symbol.dispose]: close };
}
