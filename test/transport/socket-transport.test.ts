// What a socket transport does when its peer stalls at the end; the rest is proved on real sockets.

import { describe, expect, test } from "bun:test";

import { type SocketEnd, SocketTransport } from "../../src/transport/socket-transport.ts";
import { Recorder } from "../support/recorder.ts";
import { until } from "../support/until.ts";

/** A socket that takes `room` bytes and writes down what was done to it. */
class FakeSocket {
  room = 0;
  readonly calls: string[] = [];

  readonly end = (): 0 => this.#note("end");
  readonly pause = (): void => void this.#note("pause");
  readonly resume = (): void => void this.#note("resume");
  readonly shutdown = (): void => void this.#note("shutdown");
  readonly terminate = (): void => void this.#note("terminate");
  readonly write = (bytes: unknown): number => {
    const length = bytes instanceof Uint8Array ? Math.min(this.room, bytes.length) : 0;
    this.room -= length;
    return length;
  };

  #note(call: string): 0 {
    this.calls.push(call);
    return 0;
  }
}

function transportOn(socket: FakeSocket): { transport: SocketTransport; recorder: Recorder } {
  const end: SocketEnd = socket;
  const transport = new SocketTransport(end, { peer: "tcp test", kind: "tcp", closingStallMs: 30 });
  return { transport, recorder: Recorder.on(transport) };
}

describe("closing a socket", () => {
  test("ends with an error when the peer takes nothing any more", async () => {
    const socket = new FakeSocket();
    const { transport, recorder } = transportOn(socket);
    transport.send(new Uint8Array(100));
    transport.close();
    expect((await recorder.end())?.code).toBe("connection-lost");
    expect(socket.calls).toEqual(["terminate"]);
    expect(transport.queuedBytes).toBe(0);
  });

  test("is patient with a peer that takes a little now and then", async () => {
    const socket = new FakeSocket();
    const { transport, recorder } = transportOn(socket);
    transport.send(new Uint8Array(100));
    transport.close();
    const began = performance.now();
    const trickle = setInterval(() => {
      socket.room = 20;
      transport.writable();
    }, 20);
    await until(() => socket.calls.includes("shutdown"));
    clearInterval(trickle);
    expect(performance.now() - began).toBeGreaterThan(60);
    expect(recorder.ends.length).toBe(0);
    transport.lost(undefined);
    expect(recorder.ends).toEqual([null]);
  });

  test("does not wait for ever for a peer that never ends its side", async () => {
    const socket = new FakeSocket();
    socket.room = 1_000;
    const { transport, recorder } = transportOn(socket);
    transport.send(new Uint8Array(100));
    transport.close();
    // All is with the kernel, so nothing is lost and there is no error.
    expect(await recorder.end()).toBeNull();
    expect(socket.calls).toEqual(["shutdown", "end"]);
  });

  test("counts as ended once, however it ends", () => {
    let ends = 0;
    const options = { peer: "tcp test", kind: "tcp", ended: () => (ends += 1) } as const;
    const transport = new SocketTransport(new FakeSocket(), options);
    transport.lost(undefined);
    transport.lost(new Error("again"));
    transport.destroy();
    expect(ends).toBe(1);
  });
});

describe("a connection that breaks", () => {
  test("while paused is told at once, and what was held is dropped", async () => {
    const socket = new FakeSocket();
    const { transport, recorder } = transportOn(socket);
    await Promise.resolve();
    transport.pause();
    transport.received(new Uint8Array(5));
    transport.lost(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    expect(recorder.ends[0]).toMatchObject({ code: "connection-lost", errno: "ECONNRESET" });
    transport.resume();
    await Promise.resolve();
    expect([recorder.bytes, recorder.ends.length]).toEqual([0, 1]);
  });

  test("in order while paused is told behind what was held", async () => {
    const { transport, recorder } = transportOn(new FakeSocket());
    await Promise.resolve();
    transport.pause();
    transport.received(new Uint8Array(5));
    transport.lost(undefined);
    expect([recorder.bytes, recorder.ends.length]).toEqual([0, 0]);
    transport.resume();
    await Promise.resolve();
    expect([recorder.bytes, recorder.ends.length, recorder.isLate]).toEqual([5, 1, false]);
  });
});
