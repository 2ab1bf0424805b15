// Connecting and listening on real networks of this machine, above all the ways in which they fail.

import { dlopen } from "bun:ffi";
import { afterEach, describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";

import { libc } from "../../src/os/libc.ts";
import { connectTcp, listenTcp } from "../../src/transport/tcp.ts";
import type { Listener, Transport } from "../../src/transport/transport.ts";
import { failureOf } from "../support/failure.ts";
import { Recorder } from "../support/recorder.ts";
import { until } from "../support/until.ts";

const host = "127.0.0.1";
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listening(
  options: { host?: string; port?: number; connectionsMax?: number } = {},
): Promise<{ listener: Listener; port: number; accepted: Transport[] }> {
  const accepted: Transport[] = [];
  const listener = await listenTcp({
    host,
    port: 0,
    ...options,
    onConnection: (transport) => void accepted.push(transport),
  });
  cleanups.push(
    () => listener.close(),
    () => accepted.map((transport) => transport.destroy()),
  );
  return { listener, port: listener.port ?? 0, accepted };
}

async function connecting(to: string, port: number): Promise<Transport> {
  const transport = await connectTcp({ host: to, port, timeoutMs: 5_000 });
  cleanups.push(() => transport.destroy());
  return transport;
}

/** A port that nobody listens on: it was just given back. */
async function freePort(): Promise<number> {
  const listener = await listenTcp({ host, port: 0, onConnection: () => {} });
  listener.close();
  return listener.port ?? 0;
}

const rawSocket = dlopen("libc.so.6", {
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
}).symbols;

/** A listening socket that accepts nothing and whose queue is full, so that a further connection gets no answer. */
async function silentPort(): Promise<number> {
  const [AF_INET, SOCK_STREAM, backlog] = [2, 1, 0];
  const fd = rawSocket.socket(AF_INET, SOCK_STREAM, 0);
  const address = new Uint8Array([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(rawSocket.bind(fd, address, address.length)).toBe(0);
  expect(rawSocket.listen(fd, backlog)).toBe(0);
  rawSocket.getsockname(fd, address, new Uint32Array([address.length]));
  const port = new DataView(address.buffer).getUint16(2);
  cleanups.push(() => closeSync(fd));
  for (let filled = 0; filled < 3; filled += 1) {
    const filler = connectTcp({ host, port, timeoutMs: 200 });
    await filler.then(
      (transport) => void cleanups.push(() => transport.destroy()),
      () => {},
    );
  }
  return port;
}

describe("connectTcp", () => {
  test("names both ends for messages", async () => {
    const { port, accepted } = await listening();
    const transport = await connecting(host, port);
    expect(transport.peer).toBe(`tcp ${host}:${port}`);
    await until(() => accepted.length === 1);
    expect(accepted[0]?.peer).toMatch(/^tcp 127\.0\.0\.1:\d+$/);
    expect(transport.kind).toBe("tcp");
  });

  test("reaches an IPv6 address", async () => {
    const { listener, port, accepted } = await listening({ host: "::1" });
    expect(listener.address).toBe(`[::1]:${port}`);
    const transport = await connecting("::1", port);
    expect(transport.peer).toBe(`tcp [::1]:${port}`);
    await until(() => accepted[0]?.peer.startsWith("tcp [::1]:"));
  });

  test("reaches a name whose first address does not answer", async () => {
    const { port } = await listening({ host: "127.0.0.1" });
    expect((await connecting("localhost", port)).kind).toBe("tcp");
    const sixth = await listening({ host: "::1" });
    expect((await connecting("localhost", sixth.port)).kind).toBe("tcp");
  });

  test("tells a refused connection, and what to do", async () => {
    const port = await freePort();
    const error = await failureOf(connectTcp({ host, port, timeoutMs: 5_000 }));
    expect(error.code).toBe("connect-refused");
    expect(error.message).toBe(`Connection refused by 127.0.0.1:${port}`);
    expect([error.errno, error.hint]).toEqual([
      "ECONNREFUSED",
      "no daemon listens there; start one: ctl daemon",
    ]);
  });

  test("tells a name that does not resolve", async () => {
    const options = { host: "no-such-host.invalid", port: 9000, timeoutMs: 30_000 };
    const error = await failureOf(connectTcp(options));
    expect(error.code).toBe("name-not-resolved");
    expect(error.message).toBe('Host name "no-such-host.invalid" does not resolve');
  }, 40_000);

  test("gives up on a peer that does not answer, within the time limit", async () => {
    const port = await silentPort();
    const began = performance.now();
    const error = await failureOf(connectTcp({ host, port, timeoutMs: 300 }));
    expect(error.code).toBe("connect-timeout");
    expect(error.message).toBe(`No answer from 127.0.0.1:${port} within 0.3s`);
    expect(performance.now() - began).toBeGreaterThan(290);
  });

  test("tells a network that cannot be reached from a refusal", async () => {
    // There is no route for TCP to everybody; the runtime calls that refused.
    const options = { host: "255.255.255.255", port: 9, timeoutMs: 5_000 };
    const error = await failureOf(connectTcp(options));
    expect([error.code, error.errno]).toEqual(["connect-failed", "ENETUNREACH"]);
    const what = "the network is unreachable";
    expect(error.message).toBe(`Cannot connect to 255.255.255.255:9: ${what}`);
  });

  test("tells a refusal by a name and over IPv6 as what it is", async () => {
    const port = await freePort();
    for (const to of ["localhost", "::1"]) {
      const error = await failureOf(connectTcp({ host: to, port, timeoutMs: 5_000 }));
      expect(error.code).toBe("connect-refused");
    }
  });

  test("stops waiting when it is told to, with the reason it was given", async () => {
    const port = await silentPort();
    const reason = new Error("enough");
    const giveUp = new AbortController();
    const connection = connectTcp({ host, port, timeoutMs: 30_000, signal: giveUp.signal });
    giveUp.abort(reason);
    expect(await connection.catch((error: unknown) => error)).toBe(reason);
    const late = connectTcp({ host, port, timeoutMs: 30_000, signal: giveUp.signal });
    expect(await late.catch((error: unknown) => error)).toBe(reason);
  });

  test("ends a connection that comes after the wait was given up", async () => {
    const { port, accepted } = await listening();
    const giveUp = new AbortController();
    const connection = connectTcp({ host, port, timeoutMs: 5_000, signal: giveUp.signal });
    giveUp.abort();
    await connection.catch(() => {});
    await until(() => accepted.length === 1);
    const [transport] = accepted;
    if (!transport) throw new Error("Nothing was accepted");
    await Recorder.on(transport).end();
  });
});

describe("a TCP connection", () => {
  test("sends small pieces at once and watches for a peer that acknowledges nothing", async () => {
    const { port, accepted } = await listening();
    await connecting(host, port);
    await until(() => accepted.length === 1);
    const [IPPROTO_TCP, TCP_NODELAY, TCP_USER_TIMEOUT] = [6, 1, 18];
    const values: number[][] = [];
    for (let fd = 3; fd < 200; fd += 1) {
      const option = (name: number): number => {
        const value = new Int32Array(1);
        const length = new Uint32Array([4]);
        const result = libc().getsockopt(fd, IPPROTO_TCP, name, value, length);
        return result === 0 ? (value[0] ?? -1) : -1;
      };
      if (option(TCP_USER_TIMEOUT) === 15_000) values.push([option(TCP_NODELAY)]);
    }
    // Both ends are in this process.
    expect(values.length).toBe(2);
    expect(values.flat().every((value) => value > 0)).toBeTrue();
  });

  test("that is reset half-way is told as lost, with what was tried", async () => {
    const { port, accepted } = await listening();
    const transport = await connecting(host, port);
    const recorder = Recorder.on(transport);
    await until(() => accepted.length === 1);
    accepted[0]?.send(new Uint8Array(1_000));
    await until(() => recorder.bytes === 1_000);
    accepted[0]?.destroy();
    const error = await recorder.end();
    expect([error?.code, error?.errno]).toEqual(["connection-lost", "ECONNRESET"]);
    expect(error?.message).toBe(`The connection to tcp 127.0.0.1:${port} was reset`);
  });

  test("whose reset shows first in a write is told as lost too", async () => {
    const { port, accepted } = await listening();
    const transport = await connecting(host, port);
    const recorder = Recorder.on(transport);
    await until(() => accepted.length === 1);
    accepted[0]?.destroy();
    transport.send(new Uint8Array(100_000));
    expect((await recorder.end())?.code).toBe("connection-lost");
  });
});

describe("listenTcp", () => {
  test("says where it listens", async () => {
    const { listener, port } = await listening();
    expect(port).toBeGreaterThan(0);
    expect(listener.address).toBe(`127.0.0.1:${port}`);
  });

  test("tells a taken port, and what to do", async () => {
    const { port } = await listening();
    const error = await failureOf(listenTcp({ host, port, onConnection: () => {} }));
    expect([error.code, error.errno]).toEqual(["listen-failed", "EADDRINUSE"]);
    expect(error.message).toBe(`Cannot listen on 127.0.0.1:${port}: the port is taken`);
    expect(error.hint).toContain("--port");
  });

  test("tells an address that is not of this machine", async () => {
    const options = { host: "192.0.2.77", port: 0, onConnection: () => {} };
    const error = await failureOf(listenTcp(options));
    expect([error.code, error.errno]).toEqual(["listen-failed", "EADDRNOTAVAIL"]);
    expect(error.message).toContain("no such address");
  });

  test("tells a name that does not resolve", async () => {
    const options = { host: "no-such-host.invalid", port: 0, onConnection: () => {} };
    expect((await failureOf(listenTcp(options))).code).toBe("name-not-resolved");
  }, 40_000);

  test("closes connections above its limit, and takes new ones when there is room", async () => {
    const { port, accepted } = await listening({ connectionsMax: 2 });
    const first = await connecting(host, port);
    await connecting(host, port);
    await until(() => accepted.length === 2);
    const surplus = Recorder.on(await connecting(host, port));
    expect((await surplus.end())?.code).toBe("connection-lost");
    expect(accepted.length).toBe(2);
    for (const transport of accepted) Recorder.on(transport);
    first.destroy();
    await until(async () => {
      await connecting(host, port);
      return accepted.length === 3;
    });
  });

  test("accepts nothing more once it is closed, and leaves what it accepted alone", async () => {
    const { listener, port, accepted } = await listening();
    const recorder = Recorder.on(await connecting(host, port));
    await until(() => accepted.length === 1);
    listener.close();
    accepted[0]?.send(new Uint8Array(3));
    await until(() => recorder.bytes === 3);
    const error = await failureOf(connectTcp({ host, port, timeoutMs: 5_000 }));
    expect(error.code).toBe("connect-refused");
  });

  test("is not stopped by a bug in what it calls: the process hears of it", async () => {
    const code = `
      import { connectTcp, listenTcp } from "${import.meta.dir}/../../src/transport/tcp.ts";
      process.on("uncaughtException", (error) => { console.log(error.message); process.exit(3); });
      const listener = await listenTcp({ host: "127.0.0.1", port: 0, onConnection: (transport) =>
        transport.attach({ data: () => { throw new Error("a bug"); }, drained() {}, closed() {} }) });
      const transport = await connectTcp({ host: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
      transport.attach({ data() {}, drained() {}, closed() {} });
      transport.send(new Uint8Array(1));`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
    expect(await new Response(child.stdout).text()).toBe("a bug\n");
    expect(await child.exited).toBe(3);
  });
});

test("a connection that was reset before it was accepted is one that is over, and nothing else", async () => {
  const { port, accepted } = await listening();
  const code =
    `for (let left = 20; left > 0; left -= 1) {` +
    `  const socket = await Bun.connect({ hostname: "${host}", port: ${port}, socket: { data() {} } });` +
    `  socket.terminate();` +
    `}`;
  // Nothing is accepted here meanwhile.
  expect(Bun.spawnSync([process.execPath, "-e", code]).exitCode).toBe(0);
  await until(() => accepted.length === 20, { what: "all of them to be accepted" });
  const recorders = accepted.map((transport) => Recorder.on(transport));
  await until(() => recorders.every(({ ends }) => ends.length === 1), { what: "their ends" });
  await connecting(host, port);
  await until(() => accepted.length === 21, { what: "the next one" });
  expect(accepted.at(-1)?.peer).toMatch(/^tcp 127\.0\.0\.1:\d+$/);
});
