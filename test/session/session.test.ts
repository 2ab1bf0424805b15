import { describe, expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import type { Hello } from "../../src/session/contract.ts";
import { helloOf } from "../../src/session/hello.ts";
import type { Operation, SessionEnd } from "../../src/session/operation.ts";
import { Session } from "../../src/session/session.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { frameBytesMax, operationsMax } from "../../src/wire/limits.ts";
import { ToyCodec, type ToyMessage } from "../support/toy-codec.ts";
import { until } from "../support/until.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface Side {
  session: Session<ToyMessage>;
  peer: Hello | null;
  ends: { end: SessionEnd; error: CtlError | null }[];
  requests: { operation: Operation<ToyMessage>; message: ToyMessage }[];
}

function side(
  transport: Transport,
  clock: VirtualClock,
  more: { hello?: Partial<Hello>; serves?: boolean } = {},
): Side {
  const own: Side = { session: null as never, peer: null, ends: [], requests: [] };
  own.session = new Session<ToyMessage>({
    transport,
    clock,
    codec: new ToyCodec(),
    hello: {
      ...helloOf({
        ownLimits: {},
        software: "0.0.0",
        host: "toy",
        incarnation: new Uint8Array(),
        insecure: false,
        monotonicNs: 0n,
        realtimeNs: 0n,
      }),
      ...more.hello,
    },
    requestKinds: new Set(more.serves ? ["ask", "explode"] : []),
    opened: (peer) => (own.peer = peer),
    request: (operation, message) => {
      own.requests.push({ operation, message });
      if (message.kind === "explode") throw new CtlError("protocol-violated", "Boom");
      operation.handle({ message: () => {}, sessionEnded: () => {} });
      if (message.kind === "ask") operation.send({ kind: "answer", text: message.text });
    },
    ended: (end, error) => own.ends.push({ end, error }),
  });
  return own;
}

function pair(more: { ours?: Partial<Hello>; theirs?: Partial<Hello> } = {}): {
  clock: VirtualClock;
  controller: Side;
  daemon: Side;
} {
  const clock = new VirtualClock();
  const [ours, theirs] = memoryPair();
  const controller = side(ours, clock, more.ours ? { hello: more.ours } : {});
  const daemon = side(theirs, clock, { serves: true, ...(more.theirs && { hello: more.theirs }) });
  return { clock, controller, daemon };
}

describe("a session", () => {
  test("carries a request and its answers under one operation", async () => {
    const { controller, daemon } = pair();
    await until(() => controller.session.isOpen && daemon.session.isOpen);
    const heard: ToyMessage[] = [];
    const operation = controller.session.open();
    operation.handle({ message: (message) => heard.push(message), sessionEnded: () => {} });
    operation.send({ kind: "ask", text: "how" });
    await until(() => heard.length === 1);
    expect(heard).toEqual([{ kind: "answer", text: "how" }]);
    expect(daemon.requests).toHaveLength(1);
  });

  test("tells both sides who the other is", async () => {
    const { controller, daemon } = pair({ theirs: { host: "node3" } });
    await until(() => controller.peer && daemon.peer);
    expect(controller.peer?.host).toBe("node3");
  });

  test("refuses a peer without a common protocol, and says who is older", async () => {
    const { controller, daemon } = pair({ theirs: { protocolMin: 7, protocolMax: 9 } });
    await until(() => controller.ends.length > 0 && daemon.ends.length > 0);
    expect(controller.ends[0]?.error?.code).toBe("version");
    expect(controller.ends[0]?.error?.message).toContain("7 to 9");
    expect(controller.ends[0]?.error?.message).toContain("too new");
    expect(controller.peer).toBeNull();
  });

  test("takes a peer that does not say hello in time for silent", async () => {
    const clock = new VirtualClock();
    const [ours, theirs] = memoryPair();
    theirs.attach({ data: () => {}, drained: () => {}, closed: () => {} });
    const controller = side(ours, clock);
    clock.advance(9_999);
    expect(controller.ends).toHaveLength(0);
    clock.advance(1);
    expect(controller.ends[0]?.error?.code).toBe("connect-timeout");
  });

  test("takes a peer that speaks something else for what it is", async () => {
    const clock = new VirtualClock();
    for (const words of [
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "\0\0\0\0",
    ]) {
      const [ours, theirs] = memoryPair();
      theirs.attach({ data: () => {}, drained: () => {}, closed: () => {} });
      const controller = side(ours, clock);
      theirs.send(Buffer.from(words));
      await until(() => controller.ends.length > 0);
      expect(controller.ends[0]?.error?.code).toBe("not-ctl");
    }
  });

  test("takes a peer that vanishes before its hello for gone, not for done", async () => {
    const clock = new VirtualClock();
    const [ours, theirs] = memoryPair();
    const controller = side(ours, clock);
    theirs.attach({ data: () => {}, drained: () => {}, closed: () => {} });
    theirs.close();
    await until(() => controller.ends.length > 0);
    expect(controller.ends[0]?.error?.code).toBe("connection-lost");
  });

  test("gives goodbye's reason to the other side and to its operations, once", async () => {
    const { controller, daemon } = pair();
    await until(() => controller.session.isOpen && daemon.session.isOpen);
    const ends: SessionEnd[] = [];
    const operation = controller.session.open();
    operation.handle({ message: () => {}, sessionEnded: (end) => ends.push(end) });
    operation.send({ kind: "ask", text: "" });
    daemon.session.goodbye("stopping", "The daemon was stopped");
    await until(() => ends.length > 0);
    expect(ends).toEqual([
      {
        goodbye: { code: "stopping", text: "The daemon was stopped" },
        why: "The daemon was stopped",
      },
    ]);
    expect(controller.ends).toHaveLength(1);
    expect(operation.isEnded).toBe(true);
  });

  test("ends when a request breaks the rules, and the peer hears why", async () => {
    const { controller, daemon } = pair();
    await until(() => controller.session.isOpen && daemon.session.isOpen);
    controller.session.open().send({ kind: "explode" });
    await until(() => controller.ends.length > 0 && daemon.ends.length > 0);
    expect(daemon.ends[0]?.error?.code).toBe("protocol-violated");
    expect(controller.ends[0]?.end.goodbye?.code).toBe("protocol-violated");
  });

  test("refuses an operation beyond its limit without ending", async () => {
    const { controller, daemon } = pair();
    await until(() => controller.session.isOpen && daemon.session.isOpen);
    const refusals: ToyMessage[] = [];
    for (let count = 0; count <= operationsMax; count += 1) {
      const operation = controller.session.open();
      operation.handle({
        message: (message) => {
          if (message.kind === "refusal") refusals.push(message);
        },
        sessionEnded: () => {},
      });
      operation.send({ kind: "ask", text: "" });
    }
    await until(() => refusals.length === 1);
    expect(refusals[0]).toMatchObject({ kind: "refusal", code: "operation-limit" });
    expect(daemon.session.isOpen).toBe(true);
  });

  test("notices a dead peer within 15 s and does not outlive it", async () => {
    const clock = new VirtualClock();
    const [ours, theirs] = memoryPair();
    const controller = side(ours, clock);
    theirs.attach({ data: () => {}, drained: () => {}, closed: () => {} });
    theirs.send(
      new ToyCodec().encode(0, {
        ...helloOf({
          ownLimits: {},
          software: "0",
          host: "h",
          incarnation: new Uint8Array(),
          insecure: false,
          monotonicNs: 0n,
          realtimeNs: 0n,
        }),
      }),
    );
    await until(() => controller.session.isOpen);
    clock.advance(15_000);
    expect(controller.ends[0]?.error?.code).toBe("connection-lost");
  });

  test("refuses a frame beyond the limit before it stores a byte of it", async () => {
    const { controller, daemon } = pair();
    await until(() => controller.session.isOpen && daemon.session.isOpen);
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setUint32(0, frameBytesMax + 1, true);
    controller.session.transport.send(prefix);
    await until(() => daemon.ends.length > 0);
    expect(daemon.ends[0]?.error?.code).toBe("protocol-violated");
  });
});

test("an operation on a session that has just ended hears of it like any other", async () => {
  const { controller, daemon } = pair();
  await until(() => controller.session.isOpen && daemon.session.isOpen);
  daemon.session.goodbye("session-limit", "Full");
  await until(() => controller.ends.length > 0);
  const ends: SessionEnd[] = [];
  const operation = controller.session.open();
  operation.handle({ message: () => {}, sessionEnded: (end) => ends.push(end) });
  operation.send({ kind: "ask", text: "" });
  await until(() => ends.length > 0);
  expect(ends[0]?.goodbye?.code).toBe("session-limit");
});
