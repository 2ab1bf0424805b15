// What a peer may make a session keep: little before its hello, and a bounded number of answers that it does not read.

import { expect, test } from "bun:test";

import type { CtlError } from "../../src/base/errors.ts";
import { helloOf } from "../../src/session/hello.ts";
import { Session } from "../../src/session/session.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { FrameReader } from "../../src/wire/frames.ts";
import { helloBytesMax, pingsPerSecondMax, unsentBytesMax } from "../../src/wire/limits.ts";
import { ToyCodec, type ToyMessage } from "../support/toy-codec.ts";
import { until } from "../support/until.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const codec = new ToyCodec();
const hello = helloOf({
  ownLimits: {},
  software: "0.0.0",
  host: "toy",
  incarnation: new Uint8Array(),
  insecure: false,
  monotonicNs: 0n,
  realtimeNs: 0n,
});

interface Served {
  transport: Transport;
  /** How many requests were answered. */
  answered: number;
  errors: (CtlError | null)[];
}

/** A session that answers each request with twice its text. */
function served(transport: Transport): Served {
  const state: Served = { transport, answered: 0, errors: [] };
  const session = new Session<ToyMessage>({
    transport,
    codec,
    clock: new VirtualClock(),
    hello,
    requestKinds: new Set(["ask"]),
    opened: () => {},
    request: (operation, message) => {
      state.answered += 1;
      if (message.kind === "ask") operation.send({ kind: "answer", text: message.text.repeat(2) });
      operation.end();
    },
    ended: (_end, error) => state.errors.push(error),
  });
  expect(session.isOpen).toBe(false);
  return state;
}

test("a peer that reads no answers is not listened to until it has read them all", async () => {
  const [peer, theirs] = memoryPair();
  let heardBytes = 0;
  peer.attach({
    data: (bytes) => (heardBytes += bytes.length),
    drained: () => {},
    closed: () => {},
  });
  peer.pause();
  const daemon = served(theirs);
  peer.send(codec.encode(0, hello));
  const text = "x".repeat(100_000);
  const asked = 200;
  for (let operation = 1; operation <= asked; operation += 1) {
    peer.send(codec.encode(operation, { kind: "ask", text }));
  }

  await until(() => daemon.transport.queuedBytes > unsentBytesMax);
  // Whatever else would be read is read within these turns.
  for (let turn = 0; turn < 1_000; turn += 1) await Promise.resolve();
  expect(daemon.answered).toBeLessThan(asked / 4);
  expect(daemon.transport.queuedBytes).toBeLessThan(unsentBytesMax + 3 * text.length);

  peer.resume();
  await until(() => daemon.answered === asked);
  await until(() => heardBytes > 2 * asked * text.length);
  expect(daemon.errors).toEqual([]);
});

test("a stranger's first frame may not be longer than a hello needs", async () => {
  const [peer, theirs] = memoryPair();
  peer.attach({ data: () => {}, drained: () => {}, closed: () => {} });
  const daemon = served(theirs);
  const prefix = new Uint8Array(4);
  new DataView(prefix.buffer).setUint32(0, helloBytesMax + 1, true);
  peer.send(prefix);
  await until(() => daemon.errors.length > 0);
  expect(daemon.errors[0]?.code).toBe("not-ctl");
});

test("a peer that asks for signs of life too often is left", async () => {
  const [peer, theirs] = memoryPair();
  const heard: string[] = [];
  const frames = new FrameReader(helloBytesMax);
  peer.attach({
    data: (bytes) =>
      frames.push(bytes, (frame) => heard.push(codec.decode(frame.slice())?.message.kind ?? "")),
    drained: () => {},
    closed: () => {},
  });
  const state = served(theirs);
  peer.send(codec.encode(0, hello));
  for (let asked = 0; asked < pingsPerSecondMax; asked += 1) {
    peer.send(codec.encode(0, { kind: "ping", token: BigInt(asked) }));
  }
  await until(() => heard.filter((kind) => kind === "pong").length === pingsPerSecondMax);
  expect(state.errors).toEqual([]);
  peer.send(codec.encode(0, { kind: "ping", token: 99n }));
  await until(() => state.errors.length === 1);
  expect(state.errors[0]?.code).toBe("protocol-violated");
});
