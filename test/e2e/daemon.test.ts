// `ctl daemon` from its first line to its last: what it refuses, how it says that it is there, who else may be, and how it ends.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { until } from "../support/until.ts";
import { expectFailure } from "./support/failure-line.ts";
import { isAlive } from "./support/processes.ts";
import { said } from "./support/running.ts";
import { insecure, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";

let box: Sandbox;

beforeAll(async () => {
  box = await openSandbox();
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});

const socketNamed = (name: string): string => join(box.directory, `${name}.sock`);
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const shortly = { timeoutMs: 10_000 };

/** A daemon for everybody, with a socket of this name. */
const openDaemon = (name: string, words: readonly string[]): string[] => [
  "daemon",
  insecure,
  ...box.state,
  "--socket",
  socketNamed(name),
  ...words,
];

describe("without a key", () => {
  test.each(["--port=0", "--listen=127.0.0.1", "--listen=::1 --port=0"])(
    "%s is refused with 78, and nothing listens",
    async (words) => {
      const socket = socketNamed("refused");
      const more = [...box.state, "--socket", socket];
      const how = { ...shortly, env: box.keyless };
      const ended = await box.ctl(["daemon", ...words.split(" "), ...more], how);
      const places = [`"${box.keyless["HOME"]}/.config/ctl"`, '"/etc/ctl"'];
      expectFailure(ended, 78, ["No key for a daemon", ...places, "ctl init", "ctl-node", "--key"]);
      expect(ended.text).toBe("");
      expect(await Bun.file(socket).exists()).toBe(false);
    },
  );

  test("the variable of the controller is not enough for a daemon", async () => {
    const env = { ...box.keyless, CTL_INSECURE_NO_AUTHENTICATION: "1" };
    const ended = await box.ctl(["daemon", "--port", "0", ...box.state], { ...shortly, env });
    expectFailure(ended, 78, ["No key for a daemon"]);
  });

  test("an operator's key is no key for a daemon", async () => {
    const key = join(box.keys, "operator.key");
    const words = ["daemon", "--port", "0", "--key", key, ...box.state];
    expectFailure(await box.ctl(words, shortly), 78, [`"${key}"`, "operator's", "for a daemon"]);
  });

  test("the Unix socket alone needs nothing", async () => {
    const socket = socketNamed("alone");
    const run = box.start(["daemon", ...box.state, "--socket", socket], { env: box.keyless });
    await said(run, /^ctl: listening on unix:/m);
    const env = box.keyless;
    const ended = await box.ctl(["exec", `unix:${socket}`, "echo", "here"], { env });
    expect(ended).toMatchObject({ text: "here\n", stderr: "", code: 0 });
    run.signal("SIGTERM");
    expect(await run.ended).toMatchObject({
      text: `ctl: listening on unix:${socket}\n`,
      stderr: "",
      code: 0,
    });
  });
});

describe("with a key", () => {
  test("says where it listens in one line on stdout, and nothing else, from its start to its end", async () => {
    const daemon = await box.startDaemon();
    expect(daemon.address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    const ended = await box.ctl(["exec", daemon.address, "echo", "here"]);
    expect(ended).toMatchObject({ text: "here\n", stderr: "", code: 0 });
    const line = `ctl: listening on ${daemon.address}\n`;
    expect(await daemon.stop()).toMatchObject({ text: line, stderr: "" });
  });

  test("listens on every address unless it is told one", async () => {
    const args = ["--port", "0", "--socket", socketNamed("every"), ...box.state];
    await using daemon = await box.startDaemon({ args });
    expect(daemon.address).toBe(`[::]:${daemon.port}`);
    for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
      const ended = await box.ctl(["exec", `${host}:${daemon.port}`, "echo", host]);
      expect(ended).toMatchObject({ text: `${host}\n`, stderr: "", code: 0 });
    }
  });

  test("does not talk to whoever has none, which both sides say", async () => {
    await using daemon = await box.startDaemon();
    const ended = await box.ctl(["exec", insecure, daemon.address, "true"], { env: box.keyless });
    const parts = [`${daemon.address}: session: `, daemon.address, "leave out", insecure];
    expectFailure(ended, 125, parts);
    await said(daemon.run, /^ctl: tcp 127\.0\.0\.1:\d+: refused: WRONG_VERSION_NUMBER$/m);
  });

  test("--allow: an address that may not connect is turned away, which the daemon says", async () => {
    await using daemon = await box.startDaemon({ more: ["--allow", "192.0.2.0/24"] });
    const ended = await box.ctl(["exec", daemon.address, "true"]);
    expectFailure(ended, 255, [daemon.address, "closed the connection", "--allow"]);
    await said(daemon.run, /^ctl: tcp 127\.0\.0\.1:\d+: refused: its address is not allowed$/m);
  });
});

describe("with the port open to everybody", () => {
  test("says where it listens in one line on stdout, and what that means in one on stderr", async () => {
    await using daemon = await box.startDaemon({ isOpen: true });
    expect(daemon.run.stdoutText()).toBe(`ctl: listening on ${daemon.address}\n`);
    expect(daemon.address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    const warning = `ctl: no authentication: whoever reaches ${daemon.address} can run commands`;
    await said(daemon.run, /no authentication/);
    expect(daemon.run.stderrText()).toStartWith(warning);
    expect(daemon.run.stderrText().trim().split("\n")).toHaveLength(1);
  });

  test("listens on loopback unless it is told an address", async () => {
    const args = ["--port", "0", insecure, "--socket", socketNamed("loopback"), ...box.state];
    await using daemon = await box.startDaemon({ args });
    expect(daemon.address).toBe(`127.0.0.1:${daemon.port}`);
  });

  test("each exec says so once, however many nodes it is about", async () => {
    await using first = await box.startDaemon({ isOpen: true });
    await using second = await box.startDaemon({ isOpen: true });
    const nodes = `${first.address},${second.address}`;
    const ended = await box.ctl(["exec", insecure, nodes, "echo", "open"], { env: box.keyless });
    expect(ended.text.match(/: open$/gm)).toHaveLength(2);
    expectFailure(ended, 0, ["127.0.0.1:", ": no authentication: ", "can run commands there"]);
  });

  test.each([true, false])("says so as an event with --json: %s", async (isOpen) => {
    const socket = socketNamed("json");
    const where = ["--port", "0", "--listen", "127.0.0.1", "--socket", socket, ...box.state];
    const run = box.start(["daemon", ...where, "--json", ...(isOpen ? [insecure] : [])]);
    const [line] = await said(run, /^\{.*\}\n/m);
    const event: unknown = JSON.parse(line);
    expect(event).toMatchObject({ ev: "daemon.listening", pid: run.pid, insecure: isOpen });
    expect(event).toHaveProperty("addresses", [
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      `unix:${socket}`,
    ]);
    run.signal("SIGTERM");
    expect((await run.ended).code).toBe(0);
  });
});

describe.each(["with a key", "open to everybody"])("%s", (kind) => {
  const consent = kind === "with a key" ? [] : [insecure];

  test.each(["::1", "[::1]"])("listens on IPv6, written %s", async (host) => {
    const where = ["--listen", host, "--port", "0", "--socket", socketNamed("six")];
    await using daemon = await box.startDaemon({ args: [...where, ...box.state, ...consent] });
    expect(daemon.address).toStartWith("[::1]:");
    const ended = await box.ctl(["exec", ...consent, daemon.address, "echo", "six"]);
    expect(ended.text).toBe("six\n");
  });
});

describe("cannot listen, says why in one line and gives 1:", () => {
  test("the port is taken", async () => {
    await using daemon = await box.startDaemon();
    const ended = await box.ctl(openDaemon("taken", ["--port", `${daemon.port}`]), shortly);
    expectFailure(ended, 1, [daemon.address, "taken", "--port"]);
    expect(await Bun.file(socketNamed("taken")).exists()).toBe(false);
  });

  test.each([
    ["192.0.2.1", ["192.0.2.1", "no such address", "--listen"]],
    ["no-such-host.invalid", ["no-such-host.invalid", "does not resolve"]],
    ["999.1.1.1", ["999.1.1.1"]],
  ])("the address %s is not ours", async (host, parts) => {
    const words = openDaemon("address", ["--listen", host, "--port", "0"]);
    expectFailure(await box.ctl(words, shortly), 1, parts);
  });

  test("another daemon has the socket, which goes on as if nothing was", async () => {
    await using daemon = await box.startDaemon();
    const ended = await box.ctl(["daemon", ...box.state, "--socket", daemon.socket], shortly);
    expectFailure(ended, 1, [`unix:${daemon.socket}`, "another daemon", "--stop"]);
    expect((await box.ctl(["exec", `unix:${daemon.socket}`, "true"])).code).toBe(0);
  });

  test("the socket's directory is a file, or belongs to everybody", async () => {
    const file = join(box.directory, "plain-file");
    writeFileSync(file, "");
    const below = await box.ctl(
      ["daemon", ...box.state, "--socket", join(file, "d.sock")],
      shortly,
    );
    expectFailure(below, 1, [`"${file}"`, "not a directory"]);
    const shared = join(box.directory, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    const open = await box.ctl(
      ["daemon", ...box.state, "--socket", join(shared, "d.sock")],
      shortly,
    );
    expectFailure(open, 1, [`"${shared}"`, "written by others", "only you"]);
  });

  test("the socket's path is too long", async () => {
    const words = ["daemon", ...box.state, "--socket", socketNamed("x".repeat(120))];
    const ended = await box.ctl(words, shortly);
    expectFailure(ended, 1, ["107"]);
  });
});

describe("its Unix socket", () => {
  test("and the directory that it makes are its owner's alone", async () => {
    const run = box.start(["daemon", ...box.state]);
    const [, path = ""] = await said(run, /^ctl: listening on unix:(.+)$/m);
    expect(path).toBe(join(box.directory, "run", "ctl", "daemon.sock"));
    expect({ folder: modeOf(join(path, "..")), socket: modeOf(path) }).toEqual({
      folder: "700",
      socket: "600",
    });
    run.signal("SIGINT");
    expect((await run.ended).code).toBe(0);
    expect(await Bun.file(path).exists()).toBe(false);
  });

  test("left behind by a crash is taken over", async () => {
    const first = await box.startDaemon();
    await first.kill();
    expect(statSync(first.socket).isSocket()).toBe(true);
    const run = box.start(["daemon", ...box.state, "--socket", first.socket]);
    await said(run, /listening/);
    expect((await box.ctl(["exec", `unix:${first.socket}`, "true"])).code).toBe(0);
    run.signal("SIGTERM");
    expect((await run.ended).code).toBe(0);
  });

  test("has a name of its own for another port", async () => {
    const run = box.start(["daemon", "--port", "0", ...box.state]);
    const [, port = ""] = await said(run, /listening on \[::\]:(\d+)$/m);
    const status = await box.ctl(["daemon", "--status", "--port", port]);
    expect(status.text).toContain(`unix:${box.directory}/run/ctl/daemon-${port}.sock`);
    run.signal("SIGTERM");
    await run.ended;
  });
});

describe("--status and --stop", () => {
  test("tell of a daemon and end it", async () => {
    await using daemon = await box.startDaemon();
    const where = ["--socket", daemon.socket];
    const status = await box.ctl(["daemon", "--status", ...where]);
    expect(status).toMatchObject({ stderr: "", code: 0 });
    for (const part of [`pid ${daemon.pid}`, daemon.address, daemon.socket]) {
      expect(status.text).toContain(part);
    }
    const json: unknown = JSON.parse(
      (await box.ctl(["daemon", "--status", "--json", ...where])).text,
    );
    expect(json).toMatchObject({ ev: "daemon.running", pid: daemon.pid, processes: 0 });
    const stop = await box.ctl(["daemon", "--stop", ...where]);
    expect(stop).toMatchObject({ stderr: "", code: 0 });
    expect(stop.text).toContain(`${daemon.pid}`);
    expect((await daemon.run.ended).code).toBe(0);
  });

  test.each(["--status", "--stop"])("%s says when there is none", async (word) => {
    const socket = socketNamed("nobody");
    const ended = await box.ctl(["daemon", word, "--socket", socket]);
    expectFailure(ended, 1, ["No daemon", `unix:${socket}`, "ctl daemon"]);
  });
});

describe("--detach", () => {
  test.each([
    ["with a key", [], ""],
    ["open to everybody", [insecure], "ctl: no authentication: "],
  ])("%s: returns when it listens, in a session of its own, and names its log", async (...kind) => {
    const [name, consent, logged] = kind;
    const socket = socketNamed("detached");
    const log = join(box.directory, `detached ${name}.log`);
    const words = ["daemon", "--detach", "--port", "0", ...consent, ...box.state];
    const more = ["--listen", "127.0.0.1", "--socket", socket, "--log", log];
    const started = await box.ctl([...words, ...more], shortly);
    expect(started).toMatchObject({ stderr: "", code: 0 });
    const [, address = "", pid = ""] =
      /^ctl: listening on (\S+); pid (\d+), log in .+; end it with: .+\n$/.exec(started.text) ?? [];
    expect(started.text).toEndWith(
      `log in ${log}; end it with: ctl daemon --stop --socket ${socket}\n`,
    );
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    expect({ group: stat[2], session: stat[3] }).toEqual({ group: pid, session: pid });
    expect((await box.ctl(["exec", ...consent, address, "echo", "on"])).text).toBe("on\n");
    expect(readFileSync(log, "utf8").slice(0, "ctl: no authentication: ".length)).toBe(logged);
    expect(modeOf(log)).toBe("600");
    expect((await box.ctl(["daemon", "--stop", "--socket", socket])).code).toBe(0);
    await untilNothingIsLeft(box);
    expect(isAlive(Number(pid))).toBe(false);
  });

  test("shows why it could not start", async () => {
    await using daemon = await box.startDaemon();
    const words = ["daemon", "--detach", ...box.state, "--socket"];
    const same = await box.ctl([...words, daemon.socket], shortly);
    expectFailure(same, 1, [`unix:${daemon.socket}`, "another daemon"]);
    const again = [...words, socketNamed("again")];
    const port = ["--listen", "127.0.0.1", "--port", `${daemon.port}`];
    for (const consent of [[], [insecure]]) {
      expectFailure(await box.ctl([...again, ...port, ...consent], shortly), 1, ["taken"]);
    }
    const keyless = await box.ctl([...again, "--port", "0"], { ...shortly, env: box.keyless });
    expectFailure(keyless, 78, ["No key for a daemon"]);
  });
});

describe("when it is told to end", () => {
  const script = "echo begun; exec sleep 1000";

  test.each(["SIGTERM", "SIGINT"] as const)("%s ends it with 0 at once", async (signal) => {
    const daemon = await box.startDaemon();
    daemon.run.signal(signal);
    expect((await daemon.run.ended).code).toBe(0);
    expect(await Bun.file(daemon.socket).exists()).toBe(false);
  });

  test("what must not outlive it is ended, and its controller hears why", async () => {
    const daemon = await box.startDaemon();
    const status = join(box.directory, "stopped.json");
    const words = ["--status-file", status, "--grace", "5s", daemon.address, "--sh", script];
    const run = box.start(["exec", ...words]);
    await said(run, /begun/);
    expect((await daemon.stop()).code).toBe(0);
    const ended = await run.ended;
    const line = `${daemon.address}: killed by SIGTERM, because the daemon was stopped`;
    expectFailure(ended, 143, [line]);
    const told: unknown = await Bun.file(status).json();
    expect(told).toMatchObject({ outcome: "signaled", signal: "SIGTERM", cause: "daemon" });
    await untilNothingIsLeft(box);
  });

  test("what does not heed TERM is killed after its grace", async () => {
    const daemon = await box.startDaemon();
    const deaf = "trap '' TERM; echo begun; while :; do sleep 1; done";
    const run = box.start(["exec", "--grace", "500ms", daemon.address, "--sh", deaf]);
    await said(run, /begun/);
    expect((await daemon.stop()).code).toBe(0);
    const ended = await run.ended;
    expectFailure(ended, 137, ["killed by SIGKILL", "the daemon was stopped"]);
    await untilNothingIsLeft(box);
  });

  test("what is to be kept runs on, and its controller says that it does not know more", async () => {
    const daemon = await box.startDaemon();
    const trace = join(box.directory, "kept");
    const kept = `echo begun; while :; do echo $$ > ${trace}; echo more; sleep 0.05; done`;
    const run = box.start(["exec", "--on-disconnect", "keep", daemon.address, "--sh", kept]);
    await said(run, /begun/);
    expect((await daemon.stop()).code).toBe(0);
    const ended = await run.ended;
    expect(ended.code).toBe(255);
    expect(ended.stderr).toContain("how it ended is unknown: the daemon was stopped");
    const pid = Number(readFileSync(trace, "utf8"));
    // Its next round: it is neither ended nor blocked by output that nobody reads.
    writeFileSync(trace, "");
    await until(() => readFileSync(trace, "utf8") === `${pid}\n`);
    process.kill(pid, "SIGKILL");
    await untilNothingIsLeft(box);
  });
});
