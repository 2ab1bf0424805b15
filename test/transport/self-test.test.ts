// The proof that strangers are refused: it holds for the real listener, and it fails for every kind of listener that would be open.

import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";

import type { Socket } from "bun";

import { rogue } from "../../src/transport/rogue.ts";
import { proveStrangersAreRefused } from "../../src/transport/self-test.ts";
import { socketHandler, SocketTransport } from "../../src/transport/socket-transport.ts";
import { listenTls, type ListenTlsOptions } from "../../src/transport/tls-listen.ts";
import type { Listener } from "../../src/transport/transport.ts";
import { node } from "../keys/cluster.ts";
import { failureOf } from "../support/failure.ts";
import { throwAt } from "../support/tls-door.ts";
import { until } from "../support/until.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

type Greeting = (socket: Socket<SocketTransport>, options: ListenTlsOptions) => void;

/** A runtime that has forgotten to look at certificates; `greet` is what it does after the handshake. */
function careless(greet: Greeting): (options: ListenTlsOptions) => Promise<Listener> {
  return async (options) => {
    const { key, host, port } = options;
    const tls = {
      cert: key.certificate,
      key: key.privateKey,
      requestCert: true,
      rejectUnauthorized: false,
    };
    const socket = {
      ...socketHandler(opened),
      handshake: (shaken: Socket<SocketTransport>) => greet(shaken, options),
    };
    const listener = Bun.listen<SocketTransport>({ hostname: host, port, tls, socket });
    return { address: host, port: listener.port, close: () => listener.stop(true) };
  };
}

function opened(socket: Socket<SocketTransport>): void {
  socket.data = new SocketTransport(socket, { peer: "tcp", kind: "tcp" });
}

/** Somebody else is there before the strangers are. */
async function meddled(options: ListenTlsOptions): Promise<Listener> {
  const listener = await listenTls(options);
  await throwAt(listener.port ?? 0, "GET / HTTP/1.1\r\n\r\n");
  return listener;
}

async function closed(options: ListenTlsOptions): Promise<Listener> {
  const listener = await listenTls(options);
  listener.close();
  return listener;
}

const open: [string, Greeting][] = [
  [
    "lets everybody in",
    (socket, options) => {
      options.onConnection(socket.data);
      socket.data.close();
    },
  ],
  [
    "lets everybody in and says that it did not",
    (socket, options) => {
      options.refused({ peer: "", fault: "handshake", text: "", fingerprint: null });
      options.onConnection(socket.data);
      socket.data.close();
    },
  ],
  ["closes without having refused", (socket) => void socket.end()],
  [
    "refuses, but answers first",
    (socket, options) => {
      options.refused({ peer: "", fault: "handshake", text: "", fingerprint: null });
      socket.end("welcome");
    },
  ],
];

describe("strangers are refused", () => {
  test("by the real listener, of which nothing is left", async () => {
    const clock = new VirtualClock();
    await proveStrangersAreRefused(node, clock);
    const before = readdirSync("/proc/self/fd").length;
    await proveStrangersAreRefused(node, clock);
    await until(() => readdirSync("/proc/self/fd").length <= before);
    expect(clock.pending).toBe(0);
  });

  test("also when somebody else of this machine tries the private port at the same time", async () => {
    await proveStrangersAreRefused(node, new VirtualClock(), meddled);
  });

  for (const [what, greet] of open) {
    test(`not by one that ${what}`, async () => {
      const proof = proveStrangersAreRefused(node, new VirtualClock(), careless(greet));
      const error = await failureOf(proof);
      expect(error.code).toBe("self-test-failed");
      expect(error.message).toContain("does not refuse strangers");
      expect(error.hint).toContain("does not start");
    });
  }

  test("not by one that lets the stranger with a key in, and refuses only the one without", async () => {
    const listen = careless((socket, options) => {
      if (!socket.getPeerX509Certificate()) {
        options.refused({ peer: "", fault: "no-certificate", text: "", fingerprint: null });
        return socket.terminate();
      }
      options.onConnection(socket.data);
      socket.data.close();
    });
    const error = await failureOf(proveStrangersAreRefused(node, new VirtualClock(), listen));
    expect(error.message).toContain("1 of 2 were let in");
  });

  test("not by one that never answers: the wait has an end", async () => {
    const clock = new VirtualClock();
    let greeted = 0;
    const listen = careless(() => void (greeted += 1));
    const proof = failureOf(proveStrangersAreRefused(node, clock, listen));
    await until(() => greeted === 2);
    clock.advance(5_000);
    const error = await proof;
    expect(error.code).toBe("self-test-failed");
    expect(error.message).toContain("leaves strangers waiting");
    expect(clock.pending).toBe(0);
  });

  test("not where nobody can be reached", async () => {
    const error = await failureOf(proveStrangersAreRefused(node, new VirtualClock(), closed));
    expect(error.code).toBe("self-test-failed");
    expect(error.message).toContain("nothing answers on 127.0.0.1");
  });
});

describe("the stranger's key", () => {
  test("is an operator's in everything but its authority, and good at every time", () => {
    const certificate = new X509Certificate(rogue.certificate);
    expect(certificate.subjectAltName).toMatch(/^URI:ctl:\/\/c_[a-z0-9]{10}\/role\/operator\//);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(new Date(certificate.validFrom).getTime()).toBe(0);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(9999);
  });
});
