// Nodes that cannot be talked to, that stop answering, that refuse, or that are none: what ctl says, and that it never says
// success.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { expectFailure } from "./support/failure-line.ts";
import { said } from "./support/running.ts";
import {
  type Daemon,
  insecure,
  openSandbox,
  type Sandbox,
  untilNothingIsLeft,
} from "./support/sandbox.ts";
import {
  answerTo,
  goodbye,
  greetingOfProtocol,
  peerThat,
  peerWithoutAnswer,
  tlsServer,
} from "./support/strange-peers.ts";

let box: Sandbox;
let daemon: Daemon;
/** Whoever reaches it may command it. */
let open: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
  open = await box.startDaemon({ isOpen: true });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

interface Told {
  /** Of exec; that of ping is always 255. */
  code: number;
  /** Of the one line. */
  parts: readonly string[];
  /** Words for both. */
  words?: readonly string[];
}

/** What exec and ping both say of a node that cannot be talked to. */
async function unreachable(node: string, { code, parts, words = [] }: Told): Promise<void> {
  const asked = ["--connect-timeout", "2s", ...words];
  const exec = await box.ctl(["exec", node, ...asked, "true"], { timeoutMs: 10_000 });
  expectFailure(exec, code, [`${node}: session: `, ...parts]);
  const ping = await box.ctl(["ping", node, ...asked], { timeoutMs: 10_000 });
  expectFailure(ping, 255, [`${node}: session: `, ...parts]);
  expect(ping.text).toBe("");
}

const unreachableWithoutKey = (node: string, told: Told): Promise<void> =>
  unreachable(node, { ...told, words: [insecure] });

describe.each(["with a key", "without a key"])("nobody is there, %s:", (way) => {
  const words = way === "with a key" ? [] : [insecure];

  test("the name does not resolve", async () => {
    const parts = ["ENOTFOUND", "does not resolve", "check"];
    await unreachable("no-such-node.invalid", { code: 255, parts, words });
  });

  test("the connection is refused", async () => {
    const proxy = await TcpProxy.start({ port: daemon.port });
    proxy.close();
    const node = `127.0.0.1:${proxy.port}`;
    const parts = ["ECONNREFUSED", "refused", node, "ctl daemon"];
    await unreachable(node, { code: 255, parts, words });
  });

  test("nothing answers", async () => {
    using peer = await peerWithoutAnswer();
    const parts = ["ETIMEDOUT", "no answer", peer.address, "2s", ";"];
    await unreachable(peer.address, { code: 255, parts, words });
  });
});

describe("nobody is there", () => {
  test("there is no such socket", async () => {
    const node = `unix:${join(box.directory, "none.sock")}`;
    await unreachable(node, { code: 255, parts: ["ENOENT", "no such socket", "ctl daemon"] });
  });

  test("the socket's daemon has ended without a word", async () => {
    const other = await box.startDaemon();
    await other.kill();
    const parts = ["ECONNREFUSED", "has ended", "ctl daemon"];
    await unreachable(`unix:${other.socket}`, { code: 255, parts });
  });
});

const strangers = {
  "an HTTP server": { answer: () => "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" },
  "a service that greets with text": { greeting: "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" },
  "a stream of zeros": { endless: new Uint8Array(65_536) },
  "a stream of the longest lengths": { endless: new Uint8Array(65_536).fill(0xff) },
  "an echo service": { answer: (bytes: Uint8Array) => bytes.slice() },
};

describe("somebody else is there, who is asked for a key", () => {
  test.each(Object.entries(strangers))("%s is not ctl", async (_name, behaviour) => {
    using peer = peerThat(behaviour);
    const parts = [`${peer.address} does not speak TLS`, "something else listens there", insecure];
    await unreachable(peer.address, { code: 125, parts });
  });

  test("neither is what only begins like TLS, whatever the record", async () => {
    // Alert, handshake, data, and a type that there is not; of TLS 1.2, and too long or without sense.
    for (const type of [0x15, 0x16, 0x17, 0x41]) {
      for (const length of [0x00, 0x40, 0x80]) {
        const greeting = new Uint8Array(65_536).fill(0x41);
        greeting.set([type, 3, 3, length, 0x10]);
        using peer = peerThat({ greeting });
        const ended = await box.ctl(["exec", peer.address, "true"], { timeoutMs: 10_000 });
        expectFailure(ended, 125, [`${peer.address} does not speak TLS`, insecure]);
      }
    }
  });

  test("a TLS server without a client's certificate in mind is not of our cluster", async () => {
    using server = tlsServer();
    const parts = [`${server.address} has a key of another cluster`, "operator", "fingerprint"];
    await unreachable(server.address, { code: 125, parts });
  });

  test("a service that closes the connection", async () => {
    using peer = peerThat({ closes: true });
    const parts = [peer.address, "closed the connection", "TLS handshake", "check the port"];
    await unreachable(peer.address, { code: 255, parts });
  });

  test("a service that hears us and closes the connection", async () => {
    using peer = peerThat({ answer: () => null });
    const parts = [peer.address, "closed the connection", "TLS handshake", "check the port"];
    await unreachable(peer.address, { code: 255, parts });
  });

  test.each(["reset", "end"] as const)(
    "a link that is cut in the middle of the handshake, by %s",
    async (how) => {
      const proxy = await TcpProxy.start({ port: daemon.port });
      const node = `127.0.0.1:${proxy.port}`;
      const words = ["exec", node, "true"];
      for (const direction of ["up", "down"] as const) {
        proxy.cutAfter(100, direction, { how });
        const ended = await box.ctl(words, { timeoutMs: 10_000 });
        expectFailure(ended, 255, [`${node}: session: ${node} closed`, "TLS handshake", "check"]);
      }
      expect((await box.ctl(words)).code).toBe(0);
      proxy.close();
    },
  );

  test("a service that says nothing", async () => {
    using peer = peerThat({});
    const parts = ["ETIMEDOUT", `connected to ${peer.address}`, "no TLS handshake", "check"];
    await unreachable(peer.address, { code: 255, parts });
  });

  test("a daemon that is stopped", async () => {
    const other = await box.startDaemon();
    other.run.signal("SIGSTOP");
    const parts = ["ETIMEDOUT", "no TLS handshake came in time", "not stopped"];
    await unreachable(other.address, { code: 255, parts });
    other.run.signal("SIGCONT");
    await other.stop();
  });

  test("a daemon without keys: ctl says what it would want", async () => {
    const parts = [`${open.address} does not speak TLS`, "a daemon without keys", insecure];
    await unreachable(open.address, { code: 125, parts });
  });
});

describe("somebody else is there, who is not asked for a key", () => {
  test.each(Object.entries(strangers))("%s is not ctl", async (_name, behaviour) => {
    using peer = peerThat(behaviour);
    // Whoever sends our own greeting back is known by what it lacks; others may be a daemon with keys.
    const hint = "something else listens there";
    await unreachableWithoutKey(peer.address, { code: 125, parts: [peer.address, "ctl", hint] });
  });

  test("a daemon with keys: ctl says to leave the flag out", async () => {
    const parts = [daemon.address, "ctl", "a daemon with keys", `leave out ${insecure}`];
    await unreachableWithoutKey(daemon.address, { code: 125, parts });
  });

  test("a service that closes the connection", async () => {
    using peer = peerThat({ closes: true });
    const parts = [peer.address, "closed the connection", "check the port"];
    await unreachableWithoutKey(peer.address, { code: 255, parts });
  });

  test("a service that says nothing", async () => {
    using peer = peerThat({});
    const parts = ["ETIMEDOUT", "no hello came in time", "check"];
    await unreachableWithoutKey(peer.address, { code: 255, parts });
  });

  test("a daemon that is stopped", async () => {
    const other = await box.startDaemon({ isOpen: true });
    other.run.signal("SIGSTOP");
    const parts = ["ETIMEDOUT", "no hello came in time", "not stopped"];
    await unreachableWithoutKey(other.address, { code: 255, parts });
    other.run.signal("SIGCONT");
    await other.stop();
  });
});

describe("of another time", () => {
  test("the daemon is too new", async () => {
    using peer = peerThat({ greeting: greetingOfProtocol(1_000, 1_001) });
    const parts = ["ctl 9.9.9", "protocol 1000 to 1001", "too new", "same version"];
    await unreachableWithoutKey(peer.address, { code: 125, parts });
  });

  test("this ctl is too old, which is how the daemon sees it", async () => {
    using peer = peerThat({ greeting: goodbye("version", "The peer is too old, use ctl 9") });
    const parts = ["the peer is too old, use ctl 9"];
    await unreachableWithoutKey(peer.address, { code: 125, parts });
  });

  test("the controller is too new: the daemon says so, to it and to its owner", async () => {
    const { kinds, text } = await answerTo(open.port, greetingOfProtocol(1_000, 1_000));
    expect(kinds).toEqual(["hello", "goodbye"]);
    expect(text).toContain("speaks protocol 1000, this ctl 1: the peer is too new");
    await said(open.run, /^ctl: tcp 127\.0\.0\.1:\d+: The peer \(ctl 9\.9\.9\) speaks.*too new$/m);
  });

  test("the controller is none: the daemon closes and goes on", async () => {
    const request = Buffer.from("GET / HTTP/1.1\r\nHost: node\r\n\r\n");
    await answerTo(open.port, request);
    await said(open.run, /^ctl: tcp 127\.0\.0\.1:\d+ *:? .*does not speak ctl's protocol/m);
    expect((await box.ctl(["exec", insecure, open.address, "true"])).code).toBe(0);
    expect(await answerTo(daemon.port, request)).toEqual({ kinds: [], text: "" });
    await said(daemon.run, /^ctl: tcp 127\.0\.0\.1:\d+: refused: HTTP_REQUEST$/m);
    expect((await box.ctl(["exec", daemon.address, "true"])).code).toBe(0);
  });
});

describe("without a key", () => {
  test("nothing is sent over the network unless that was typed", async () => {
    const env = box.keyless;
    const ended = await box.ctl(["exec", open.address, "true"], { env });
    const places = [`"${env["HOME"]}/.config/ctl"`, '"/etc/ctl"', "ctl init", "--key"];
    const parts = [`${open.address}: session: `, "no key that may run commands: ", ...places];
    expectFailure(ended, 125, parts);
    for (const how of [
      { words: [insecure], env },
      { words: [], env: { ...env, CTL_INSECURE_NO_AUTHENTICATION: "1" } },
    ]) {
      const words = ["exec", ...how.words, open.address, "echo", "typed"];
      const typed = await box.ctl(words, { env: how.env });
      expect(typed).toMatchObject({ text: "typed\n", code: 0 });
      expectFailure(typed, 0, [`${open.address}: no authentication: `, "can run commands there"]);
    }
  });

  test("nothing is sent when the variable says no", async () => {
    const env = { ...box.keyless, CTL_INSECURE_NO_AUTHENTICATION: "0" };
    expectFailure(await box.ctl(["exec", open.address, "true"], { env }), 125, ["no key that"]);
  });

  test("a socket of this machine needs none", async () => {
    for (const { socket } of [daemon, open]) {
      const ended = await box.ctl(["exec", `unix:${socket}`, "echo", "own"], { env: box.keyless });
      expect(ended).toMatchObject({ text: "own\n", stderr: "", code: 0 });
    }
  });

  test.each(["yes", "true", "2"])("the variable is 1 or 0, not %s", async (value) => {
    const ended = await box.ctl(["exec", daemon.address, "true"], {
      env: { CTL_INSECURE_NO_AUTHENTICATION: value },
    });
    expectFailure(ended, 125, ["CTL_INSECURE_NO_AUTHENTICATION", value]);
  });
});

describe("what was running when the connection went", () => {
  const script = "echo begun; exec sleep 1000";

  test("is unknown when the connection does not come back, and its tree is ended", async () => {
    const proxy = await TcpProxy.start({ port: daemon.port });
    const node = `127.0.0.1:${proxy.port}`;
    const words = ["exec", node, "--on-disconnect", "kill:1s", "--grace", "1s", "--sh", script];
    const run = box.start(words);
    await said(run, /begun/);
    proxy.refuse();
    proxy.cut();
    const ended = await run.ended;
    const lines = ended.stderr.trim().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toStartWith(`ctl: ${node}: connection lost (`);
    expect(lines[0]).toEndWith("; trying again for 1s");
    expect(lines[1]).toStartWith(`ctl: ${node}: how it ended is unknown: the connection was lost`);
    expect(lines[1]).toContain("look on the node");
    expect(ended).toMatchObject({ text: "begun\n", code: 255 });
    await untilNothingIsLeft(box);
  });

  test("is unknown when the daemon was killed, and its tree is ended", async () => {
    const other = await box.startDaemon();
    const status = join(box.directory, "killed-daemon.json");
    const lease = ["--on-disconnect", "kill:1s", "--grace", "1s", "--status-file", status];
    const run = box.start(["exec", other.address, ...lease, "--sh", script]);
    await said(run, /begun/);
    await other.kill();
    const ended = await run.ended;
    expect(ended.stderr).toContain(`ctl: ${other.address}: how it ended is unknown: `);
    expect(ended).toMatchObject({ text: "begun\n", code: 255 });
    const told: unknown = await Bun.file(status).json();
    expect(told).toMatchObject({ outcome: "unknown", exit_code: 255 });
    await untilNothingIsLeft(box);
  });

  test("is unknown when another daemon has the address now: nothing is started a second time", async () => {
    const trace = join(box.directory, "starts");
    writeFileSync(trace, "");
    const other = await box.startDaemon();
    const port = ["--listen", "127.0.0.1", "--port", `${other.port}`, ...box.state];
    const lease = ["--on-disconnect", "kill:20s", "--grace", "1s"];
    const twice = `echo started >> ${trace}; ${script}`;
    const run = box.start(["exec", other.address, ...lease, "--sh", twice]);
    await said(run, /begun/);
    await other.kill();
    await using successor = await box.startDaemon({
      args: [...port, "--socket", join(box.directory, "successor.sock")],
    });
    const ended = await run.ended;
    expect(ended.stderr).toContain("how it ended is unknown: ");
    expect(ended.code).toBe(255);
    expect(successor.address).toBe(other.address);
    expect(await Bun.file(trace).text()).toBe("started\n");
    await untilNothingIsLeft(box);
  });
});

describe("a node that is full", () => {
  test("has all its processes", async () => {
    await using other = await box.startDaemon({ more: ["--max-processes", "1"] });
    const first = box.start(["exec", other.address, "--sh", "echo begun; read line"], {
      keepInputOpen: true,
    });
    await said(first, /begun/);
    const second = await box.ctl(["exec", other.address, "true"]);
    const parts = [`${other.address}: session: `, "node is full", "1", "--max-processes"];
    expectFailure(second, 125, parts);
    first.write("go on\n");
    first.endInput();
    expect((await first.ended).code).toBe(0);
    // The daemon forgets a process once its end has been acknowledged, a moment after ctl knows it.
    await until(async () => (await box.ctl(["exec", other.address, "true"])).code === 0);
  });

  test("has all its sessions", async () => {
    await using other = await box.startDaemon({ more: ["--max-sessions", "1"] });
    const first = box.start(["exec", other.address, "--sh", "echo begun; read line"], {
      keepInputOpen: true,
    });
    await said(first, /begun/);
    const parts = ["node is full", "1", "--max-sessions"];
    await unreachable(other.address, { code: 125, parts });
    first.endInput();
    await first.ended;
    await until(async () => (await box.ctl(["exec", other.address, "true"])).code === 0);
  });
});
