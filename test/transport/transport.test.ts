// What every transport promises, whichever bytes it moves: the same tests for memory, TCP and Unix sockets.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { memoryPair } from "../../src/transport/memory.ts";
import { connectTcp, connectUnix, listenTcp, listenUnix } from "../../src/transport/tcp.ts";
import type { Listener, Transport } from "../../src/transport/transport.ts";
import { Random } from "../support/random.ts";
import { Recorder } from "../support/recorder.ts";
import { until } from "../support/until.ts";

type Pair = [Transport, Transport];
const directory = mkdtempSync("/tmp/transport-test-");
const listeners: Listener[] = [];
afterAll(() => {
  for (const listener of listeners) listener.close();
  rmSync(directory, { recursive: true });
});

async function tcpPair(): Promise<Pair> {
  const accepted = Promise.withResolvers<Transport>();
  const listener = await listenTcp({
    host: "127.0.0.1",
    port: 0,
    onConnection: (transport) => accepted.resolve(transport),
  });
  listeners.push(listener);
  const port = listener.port ?? 0;
  return [await connectTcp({ host: "127.0.0.1", port, timeoutMs: 5_000 }), await accepted.promise];
}

async function unixPair(): Promise<Pair> {
  const accepted = Promise.withResolvers<Transport>();
  const path = join(directory, `${listeners.length}.sock`);
  listeners.push(
    await listenUnix({ path, onConnection: (transport) => accepted.resolve(transport) }),
  );
  return [await connectUnix({ path, timeoutMs: 5_000 }), await accepted.promise];
}

const kinds: [string, () => Pair | Promise<Pair>][] = [
  ["memory", memoryPair],
  ["tcp", tcpPair],
  ["unix", unixPair],
];

/** Everything that is ready has been delivered. */
async function settled(): Promise<void> {
  // Nothing can tell that nothing will come; twenty turns are many for what is on its way inside this process.
  for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(1);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe.each(kinds)("a %s transport", (_kind, pair) => {
  test("delivers bytes in order, both ways", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    for (const word of ["one ", "two ", "three"]) left.send(bytesOf(word));
    right.send(bytesOf("answer"));
    await until(() => atRight.bytes === 13 && atLeft.bytes === 6);
    expect([atRight.text, atLeft.text]).toEqual(["one two three", "answer"]);
    left.destroy();
  });

  test("never delivers from within send or attach", async () => {
    const [left, right] = await pair();
    left.send(bytesOf("early"));
    await settled();
    const atRight = Recorder.on(right);
    expect(atRight.bytes).toBe(0);
    await until(() => atRight.text === "early");
    left.destroy();
  });

  test("keeps what came before it was attached, the end included", async () => {
    const [left, right] = await pair();
    Recorder.on(left);
    left.send(bytesOf("early"));
    left.close();
    await settled();
    const atRight = Recorder.on(right);
    expect(await atRight.end()).toBeNull();
    expect(atRight.text).toBe("early");
  });

  test("delivers nothing while paused, and all of it after", async () => {
    const [left, right] = await pair();
    const atRight = Recorder.on(right);
    Recorder.on(left);
    right.pause();
    left.send(bytesOf("held back"));
    await settled();
    expect(atRight.bytes).toBe(0);
    right.resume();
    await until(() => atRight.text === "held back");
    left.destroy();
  });

  test("can be paused from within data", async () => {
    const [left, right] = await pair();
    const pieces: number[] = [];
    right.attach({
      data: (bytes) => {
        pieces.push(bytes.length);
        right.pause();
      },
      drained: () => {},
      closed: () => {},
    });
    Recorder.on(left);
    left.send(new Uint8Array(3_000_000));
    await until(() => pieces.length === 1);
    await settled();
    expect(pieces.length).toBe(1);
    const sum = (): number => pieces.reduce((total, length) => total + length, 0);
    await until(() => {
      right.resume();
      return sum() === 3_000_000;
    });
    left.destroy();
  });

  test("says when bytes wait, how many, and when they are out", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    right.pause();
    expect(left.send(bytesOf("x"))).toBeTrue();
    expect(left.send(new Uint8Array(20_000_000))).toBeFalse();
    await settled();
    expect(left.queuedBytes).toBeGreaterThan(1_000_000);
    expect(left.queuedBytes).toBeLessThanOrEqual(20_000_001);
    expect(atLeft.drains).toBe(0);
    right.resume();
    await until(() => atRight.bytes === 20_000_001);
    await until(() => atLeft.drains === 1);
    expect(left.queuedBytes).toBe(0);
    left.destroy();
  });

  test("delivers everything queued before it closes, to a slow reader too", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    right.pause();
    left.send(new Uint8Array(20_000_000));
    left.send(bytesOf("last words"));
    left.close();
    expect(left.send(bytesOf("too late"))).toBeFalse();
    await settled();
    expect(atLeft.ends.length).toBe(0);
    right.resume();
    expect(await atRight.end()).toBeNull();
    expect(atRight.bytes).toBe(20_000_010);
    expect(atRight.text.endsWith("last words")).toBeTrue();
    expect(await atLeft.end()).toBeNull();
  });

  test("tells both sides once when one closes, and takes nothing after", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    left.close();
    left.close();
    expect([await atLeft.end(), await atRight.end()]).toEqual([null, null]);
    expect(right.send(bytesOf("x"))).toBeFalse();
    right.close();
    right.destroy();
    left.destroy();
    await settled();
    expect([atLeft.ends.length, atRight.ends.length]).toEqual([1, 1]);
  });

  test("ends in order when both sides close at once", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    left.send(bytesOf("bye"));
    right.send(bytesOf("bye"));
    left.close();
    right.close();
    expect([await atLeft.end(), await atRight.end()]).toEqual([null, null]);
  });

  test("hears the end although it is paused, once it closes itself", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    left.pause();
    right.send(new Uint8Array(3_000_000));
    left.close();
    expect([await atLeft.end(), await atRight.end()]).toEqual([null, null]);
    expect(atLeft.bytes).toBe(0);
  });

  test("is silent after destroy, and the other side is told of a lost connection", async () => {
    const [left, right] = await pair();
    const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)];
    left.send(bytesOf("x"));
    await until(() => atRight.bytes === 1);
    left.destroy();
    left.destroy();
    const error = await atRight.end();
    // A Unix socket knows no reset: its end looks orderly to a peer that had nothing on its way.
    expect(error?.code ?? null).toBe(left.kind === "unix" ? null : "connection-lost");
    await settled();
    expect(atLeft.ends.length).toBe(0);
  });

  test("tells a sender of a lost connection that was destroyed by its reader", async () => {
    const [left, right] = await pair();
    const atLeft = Recorder.on(left);
    Recorder.on(right);
    right.pause();
    left.send(new Uint8Array(20_000_000));
    await settled();
    right.destroy();
    expect((await atLeft.end())?.code).toBe("connection-lost");
    expect(left.queuedBytes).toBe(0);
  });

  test("delivers nothing after it was destroyed from within data", async () => {
    const [left, right] = await pair();
    let calls = 0;
    right.attach({
      data: () => {
        calls += 1;
        right.destroy();
      },
      drained: () => {},
      closed: () => (calls += 100),
    });
    Recorder.on(left);
    left.send(new Uint8Array(3_000_000));
    await until(() => calls > 0);
    await settled();
    expect(calls).toBe(1);
  });

  test("moves 300 MB unharmed through random pauses and sizes", async () => {
    const [left, right] = await pair();
    const random = new Random(7);
    const total = 300_000_000;
    const source = random.bytes(4_000_000);
    const [sent, got] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
    let sentBytes = 0;
    let gotBytes = 0;
    const fill = (): void => {
      for (let isTaken = true; isTaken && sentBytes < total;) {
        const length = Math.min(random.pick([1, 300, 20_000, 70_000, 900_000]), total - sentBytes);
        const at = random.integer(0, source.length - length);
        const bytes = source.subarray(at, at + length);
        sent.update(bytes);
        sentBytes += length;
        isTaken = left.send(bytes);
        // A piece of a megabyte is always refused by somebody; the rest goes on in the next turn.
        if (random.chance(0.02)) return void setTimeout(fill, 0);
      }
    };
    left.attach({ data: () => {}, drained: fill, closed: () => {} });
    right.attach({
      data: (bytes) => {
        got.update(bytes);
        gotBytes += bytes.length;
        if (!random.chance(0.05)) return;
        right.pause();
        setTimeout(() => right.resume(), random.integer(0, 3));
      },
      drained: () => {},
      closed: () => {},
    });
    fill();
    await until(() => gotBytes === total, { timeoutMs: 60_000 });
    expect(got.digest("hex")).toBe(sent.digest("hex"));
    left.destroy();
  }, 70_000);
});
