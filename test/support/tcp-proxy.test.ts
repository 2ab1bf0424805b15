// The liar itself: a test that trusts it must be able to.

import { afterEach, describe, expect, test } from "bun:test";

import { connectTcp, listenTcp } from "../../src/transport/tcp.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { failureOf } from "./failure.ts";
import { Recorder } from "./recorder.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { until } from "./until.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Ends {
  proxy: TcpProxy;
  client: Transport;
  atClient: Recorder;
  server: Transport;
  atServer: Recorder;
}

async function connected(): Promise<Ends> {
  const accepted = Promise.withResolvers<Transport>();
  const listener = await listenTcp({
    host: "127.0.0.1",
    port: 0,
    onConnection: (transport) => accepted.resolve(transport),
  });
  const proxy = await TcpProxy.start({ port: listener.port ?? 0 });
  cleanups.push(
    () => listener.close(),
    () => proxy.close(),
  );
  const client = await connectTcp({ host: "127.0.0.1", port: proxy.port, timeoutMs: 5_000 });
  const atClient = Recorder.on(client);
  const server = await accepted.promise;
  const atServer = Recorder.on(server);
  cleanups.push(
    () => client.destroy(),
    () => server.destroy(),
  );
  await until(() => proxy.connections === 1);
  return { proxy, client, atClient, server, atServer };
}

const text = (bytes: string): Uint8Array => new TextEncoder().encode(bytes);

describe("TcpProxy", () => {
  test("passes bytes both ways and counts them", async () => {
    const { proxy, client, atClient, server, atServer } = await connected();
    client.send(text("question"));
    server.send(text("an answer"));
    await until(() => atServer.text === "question" && atClient.text === "an answer");
    expect(proxy.bytes).toEqual({ up: 8, down: 9 });
    client.close();
    expect([await atClient.end(), await atServer.end()]).toEqual([null, null]);
    expect(proxy.connections).toBe(0);
  });

  test("holds a sender back when the other side does not read", async () => {
    const { client, server, atServer } = await connected();
    server.pause();
    client.send(new Uint8Array(40_000_000));
    await until(() => client.queuedBytes < 35_000_000);
    expect(client.queuedBytes).toBeGreaterThan(0);
    server.resume();
    await until(() => atServer.bytes === 40_000_000);
  });

  test("cuts with a reset or in order", async () => {
    const first = await connected();
    first.proxy.cut();
    expect((await first.atClient.end())?.code).toBe("connection-lost");
    expect((await first.atServer.end())?.code).toBe("connection-lost");
    const second = await connected();
    second.proxy.cut({ how: "end" });
    expect([await second.atClient.end(), await second.atServer.end()]).toEqual([null, null]);
  });

  test("lets only one side notice", async () => {
    const { proxy, client, atClient, server, atServer } = await connected();
    proxy.cut({ noticedBy: "server" });
    expect((await atServer.end())?.code).toBe("connection-lost");
    client.send(text("anybody?"));
    // Long enough for what should not come to have come.
    await Bun.sleep(50);
    expect([atClient.ends.length, proxy.bytes.up]).toEqual([0, 0]);
    expect(server.send(text("x"))).toBeFalse();
  });

  test("cuts behind a chosen byte", async () => {
    const { proxy, client, atClient, atServer } = await connected();
    proxy.cutAfter(1_000, "up", { how: "end" });
    client.send(new Uint8Array(400));
    await until(() => atServer.bytes === 400);
    client.send(new Uint8Array(5_000));
    await atClient.end();
    await atServer.end();
    expect([atServer.bytes, proxy.bytes.up]).toEqual([1_000, 1_000]);
  });

  test("stalls in silence and heals without a loss", async () => {
    const { proxy, client, atClient, server, atServer } = await connected();
    proxy.stall();
    client.send(text("later"));
    server.send(text("later"));
    // Long enough for what should not come to have come.
    await Bun.sleep(50);
    expect([atClient.bytes, atServer.bytes]).toEqual([0, 0]);
    proxy.heal();
    await until(() => atClient.text === "later" && atServer.text === "later");
  });

  test("refuses new connections and accepts them again on the same port", async () => {
    const { proxy, client, atServer } = await connected();
    proxy.refuse();
    const options = { host: "127.0.0.1", port: proxy.port, timeoutMs: 5_000 };
    expect((await failureOf(connectTcp(options))).code).toBe("connect-refused");
    client.send(text("still here"));
    await until(() => atServer.text === "still here");
    await proxy.accept();
    const again = await connectTcp(options);
    await until(() => proxy.accepted === 2);
    again.destroy();
  });
});
