// `ctl daemon` from its first line to its last: what it refuses, how it says that it is there, who else may be, and how it ends.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { until } from "../support/until.ts";
import { expectFailure } from "./support/failure-line.ts";
import { isAlive } from "./support/processes.ts";
import { said } from "./support/running.ts";
import { openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";

const insecure = "--insecure-no-authentication";
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
  "--socket",
  socketNamed(name),
  ...words,
];

describe("without a key", () => {
  test.each(["--port=0", "--listen=127.0.0.1", "--listen=::1 --port=0"])(
    "%s is refused with 78, and nothing listens",
    async (words) => {
      const socket = socketNamed("refused");
      const ended = await box.ctl(["daemon", ...words.split(" "), "--socket", socket], shortly);
      expectFailure(ended, 78, ["no key", "--port", "--listen", insecure]);
      expect(ended.text).toBe("");
      expect(await Bun.file(socket).exists()).toBe(false);
    },
  );

  test("the variable of the controller is not enough for a daemon", async () => {
    const env = { CTL_INSECURE_NO_AUTHENTICATION: "1" };
    expect((await box.ctl(["daemon", "--port", "0"], { ...shortly, env })).code).toBe(78);
  });

  test("the Unix socket alone needs nothing", async () => {
    const socket = socketNamed("alone");
    const run = box.start(["daemon", "--socket", socket]);
    await said(run, /^ctl: listening on unix:/m);
    const ended = await box.ctl(["exec", `unix:${socket}`, "echo", "here"]);
    expect(ended).toMatchObject({ text: "here\n", stderr: "", code: 0 });
    run.signal("SIGTERM");
    expect(await run.ended).toMatchObject({
      text: `ctl: listening on unix:${socket}\n`,
      stderr: "",
      code: 0,
    });
  });
});

describe("with the port open to everybody", () => {
  test("says where it listens in one line on stdout, and what that means in one on stderr", async () => {
    await using daemon = await box.startDaemon();
    expect(daemon.run.stdoutText()).toBe(`ctl: listening on ${daemon.address}\n`);
    expect(daemon.address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    const warning = `ctl: no authentication: whoever reaches ${daemon.address} can run commands`;
    await said(daemon.run, /no authentication/);
    expect(daemon.run.stderrText()).toStartWith(warning);
    expect(daemon.run.stderrText().trim().split("\n")).toHaveLength(1);
  });

  test("says so as an event with --json", async () => {
    const socket = socketNamed("json");
    const run = box.start(["daemon", "--port", "0", insecure, "--socket", socket, "--json"]);
    const [line] = await said(run, /^\{.*\}\n/m);
    const event: unknown = JSON.parse(line);
    expect(event).toMatchObject({ ev: "daemon.listening", pid: run.pid });
    expect(event).toHaveProperty("addresses", [
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      `unix:${socket}`,
    ]);
    run.signal("SIGTERM");
    expect((await run.ended).code).toBe(0);
  });

  test.each(["::1", "[::1]"])("listens on IPv6, written %s", async (host) => {
    const args = ["--listen", host, "--port", "0", insecure, "--socket", socketNamed("six")];
    await using daemon = await box.startDaemon({ args });
    expect(daemon.address).toStartWith("[::1]:");
    expect((await box.ctl(["exec", daemon.address, "echo", "six"])).text).toBe("six\n");
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
    const ended = await box.ctl(["daemon", "--socket", daemon.socket], shortly);
    expectFailure(ended, 1, [`unix:${daemon.socket}`, "another daemon", "--stop"]);
    expect((await box.ctl(["exec", `unix:${daemon.socket}`, "true"])).code).toBe(0);
  });

  test("the socket's directory is a file, or belongs to everybody", async () => {
    const file = join(box.directory, "plain-file");
    writeFileSync(file, "");
    const below = await box.ctl(["daemon", "--socket", join(file, "d.sock")], shortly);
    expectFailure(below, 1, [`"${file}"`, "not a directory"]);
    const shared = join(box.directory, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    const open = await box.ctl(["daemon", "--socket", join(shared, "d.sock")], shortly);
    expectFailure(open, 1, [`"${shared}"`, "written by others", "only you"]);
  });

  test("the socket's path is too long", async () => {
    const ended = await box.ctl(["daemon", "--socket", socketNamed("x".repeat(120))], shortly);
    expectFailure(ended, 1, ["107"]);
  });
});

describe("its Unix socket", () => {
  test("and the directory that it makes are its owner's alone", async () => {
    const run = box.start(["daemon"]);
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
    const run = box.start(["daemon", "--socket", first.socket]);
    await said(run, /listening/);
    expect((await box.ctl(["exec", `unix:${first.socket}`, "true"])).code).toBe(0);
    run.signal("SIGTERM");
    expect((await run.ended).code).toBe(0);
  });

  test("has a name of its own for another port", async () => {
    const words = ["daemon", "--port", "0", insecure];
    const run = box.start(words);
    const [, port = ""] = await said(run, /listening on 127\.0\.0\.1:(\d+)$/m);
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
  test("returns when the daemon listens, in a session of its own, and names its log", async () => {
    const socket = socketNamed("detached");
    const log = join(box.directory, "detached.log");
    const words = ["daemon", "--detach", "--port", "0", insecure, "--socket", socket];
    const started = await box.ctl([...words, "--log", log], shortly);
    expect(started).toMatchObject({ stderr: "", code: 0 });
    const [, address = "", pid = ""] =
      /^ctl: listening on (\S+); pid (\d+), log in .+; end it with: .+\n$/.exec(started.text) ?? [];
    expect(started.text).toEndWith(
      `log in ${log}; end it with: ctl daemon --stop --socket ${socket}\n`,
    );
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    expect({ group: stat[2], session: stat[3] }).toEqual({ group: pid, session: pid });
    expect((await box.ctl(["exec", address, "echo", "on"])).text).toBe("on\n");
    expect(readFileSync(log, "utf8")).toStartWith("ctl: no authentication: ");
    expect(modeOf(log)).toBe("600");
    expect((await box.ctl(["daemon", "--stop", "--socket", socket])).code).toBe(0);
    await untilNothingIsLeft(box);
    expect(isAlive(Number(pid))).toBe(false);
  });

  test("shows why it could not start", async () => {
    await using daemon = await box.startDaemon();
    const words = ["daemon", "--detach", "--socket", daemon.socket];
    expectFailure(await box.ctl(words, shortly), 1, [`unix:${daemon.socket}`, "another daemon"]);
    const port = ["--port", `${daemon.port}`, insecure, "--socket", socketNamed("again")];
    expectFailure(await box.ctl(["daemon", "--detach", ...port], shortly), 1, ["taken"]);
    const open = ["--port", "0", "--socket", socketNamed("again")];
    expectFailure(await box.ctl(["daemon", "--detach", ...open], shortly), 78, ["no key"]);
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
