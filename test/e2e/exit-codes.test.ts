// The one number that ctl exits with, line by line of its table, and how --json and --status-file tell apart what it cannot.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { failureLine } from "./support/failure-line.ts";
import type { Ended } from "./support/running.ts";
import { type Daemon, openSandbox, type Sandbox } from "./support/sandbox.ts";

let box: Sandbox;
let daemon: Daemon;
let statusFiles = 0;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

type JsonLine = Record<string, unknown>;

const linesOf = (text: string): JsonLine[] =>
  text
    .trim()
    .split("\n")
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every test looks at what is in it
    .map((line) => JSON.parse(line) as JsonLine);

/** The same command with a status file and with --json: all three must tell the same story. */
async function told(words: readonly string[], code: number): Promise<JsonLine> {
  statusFiles += 1;
  const path = join(box.directory, `status-${statusFiles}.json`);
  const ended = await box.ctl(["exec", "--status-file", path, ...words]);
  expect({ words, code: ended.code }).toEqual({ words, code });
  const status = linesOf(await Bun.file(path).text());
  expect(status).toHaveLength(1);
  const [line = {}] = status;
  const json = await box.ctl(["exec", "--json", ...words]);
  expect(json.code).toBe(code);
  const result = linesOf(json.text).at(-1) ?? {};
  expect(result["ev"]).toBe("result");
  for (const key of ["outcome", "code", "signal", "phase", "cause", "exit_code", "complete"]) {
    expect({ [key]: result[key] }).toEqual({ [key]: line[key] });
  }
  return line;
}

const silent = (ended: Ended): boolean => ended.stderr === "" && ended.text === "";

describe.each(["local", "over TCP"])("a command, %s,", (kind) => {
  const node = (): string => (kind === "local" ? "local" : daemon.address);

  test.each([0, 1, 7, 123])("that exits with %d gives that, in silence", async (code) => {
    const ended = await box.ctl(["exec", node(), "--sh", `exit ${code}`]);
    expect({ code: ended.code, silent: silent(ended) }).toEqual({ code, silent: true });
  });

  test.each([124, 125, 126, 127, 255])(
    "that exits with %d itself is known by its outcome",
    async (code) => {
      const status = await told([node(), "--sh", `exit ${code}`], code);
      expect(status).toMatchObject({ outcome: "exited", code, cause: "app", exit_code: code });
    },
  );

  test.each([
    ["KILL", 137],
    ["TERM", 143],
    ["SEGV", 139],
    ["USR1", 138],
  ])("that dies of %s gives %d, and one line says so", async (signal, code) => {
    const ended = await box.ctl(["exec", node(), "--sh", `kill -${signal} $$`]);
    expect(failureLine(ended)).toStartWith(`${node()}: killed by SIG${signal}`);
    expect(ended.code).toBe(code);
  });

  test.each([
    ["INT", 130],
    ["PIPE", 141],
  ])("that dies of %s gives %d without a word, as in a shell", async (signal, code) => {
    const ended = await box.ctl(["exec", node(), "--sh", `kill -${signal} $$`]);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code, stderr: "" });
  });

  test("that exits with 137 itself is no signal", async () => {
    const own = await told([node(), "--sh", "exit 137"], 137);
    expect(own).toMatchObject({ outcome: "exited", code: 137, cause: "app" });
    const killed = await told([node(), "--sh", "kill -KILL $$"], 137);
    expect(killed).toMatchObject({ outcome: "signaled", signal: "SIGKILL" });
  });

  test("that reaches its time limit gives 124, whole tree included", async () => {
    const words = [node(), "--timeout", "300ms", "--sh", "sleep 1000 & sleep 1000"];
    const ended = await box.ctl(["exec", ...words]);
    expect(failureLine(ended)).toMatch(/: killed by SIGTERM, .*time limit of 300ms.*tree is gone$/);
    expect(ended.code).toBe(124);
    expect(await told(words, 124)).toMatchObject({ cause: "timeout" });
    expect(box.leftovers().filter((entry) => entry.command.startsWith("sleep 1000"))).toEqual([]);
  });

  test("that exits with 0 after its time limit is over has still failed", async () => {
    const script = "trap 'exit 0' TERM; sleep 1000 & wait";
    const status = await told([node(), "--timeout", "300ms", "--sh", script], 124);
    expect(status).toMatchObject({ outcome: "exited", code: 0, cause: "timeout" });
  });

  test("that is not found gives 127, not executable 126, no directory 125: not started", async () => {
    const cases = [
      { words: ["/no/such/command"], code: 127, phase: "exec", errname: "ENOENT" },
      { words: ["/"], code: 126, phase: "exec", errname: "EACCES" },
      { words: ["-C", "/no/such/directory", "true"], code: 125, phase: "chdir", errname: "ENOENT" },
    ];
    for (const { words, code, phase, errname } of cases) {
      const status = await told([node(), ...words], code);
      expect(status).toMatchObject({ outcome: "not-started", phase, errname, exit_code: code });
      expect(status["pid"]).toBeNull();
    }
  });
});

test("nobody answers: 255, and the outcome says that nothing was started", async () => {
  const status = await told(["127.0.0.1:1", "true"], 255);
  expect(status).toMatchObject({
    outcome: "not-started",
    phase: "session",
    error: "connect-refused",
    errname: "ECONNREFUSED",
  });
});

describe("several nodes", () => {
  test("give the largest code", async () => {
    const nodes = `local,${daemon.address}`;
    const script = 'test "$CTL_NODE" = local && exit 3; exit 9';
    const ended = await box.ctl(["exec", nodes, "--sh", script]);
    expect(ended.code).toBe(9);
    expect(ended.stderr).toBe(`ctl: 0/2 ok · local exit 3 · ${daemon.address} exit 9\n`);
  });

  test("give 0 only when all do", async () => {
    const nodes = `local,${daemon.address},unix:${daemon.socket}`;
    expect(await box.ctl(["exec", nodes, "true"])).toMatchObject({ code: 0, stderr: "" });
    const one = await box.ctl(["exec", `${nodes},127.0.0.1:1`, "true"]);
    expect(one.code).toBe(255);
    expect(one.stderr.trim().split("\n").at(-1)).toBe(
      "ctl: 3/4 ok · 127.0.0.1:1 connection refused",
    );
  });

  test("have a line each in the status file, in the order of the command line", async () => {
    const nodes = [daemon.address, "local", "127.0.0.1:1"];
    const path = join(box.directory, "several.json");
    const script = "echo out; echo err >&2; exit 5";
    const words = ["exec", nodes.join(","), "--status-file", path, "--sh", script];
    expect((await box.ctl(words)).code).toBe(255);
    const status = linesOf(await Bun.file(path).text());
    expect(status.map((line) => line["node"])).toEqual(nodes);
    expect(status.map((line) => line["exit_code"])).toEqual([5, 5, 255]);
    expect(status[0]).toMatchObject({ bytes: { stdout: 4, stderr: 4 }, complete: true });
  });
});

describe("the status file", () => {
  test("replaces an older one, and nothing else stays behind", async () => {
    const path = join(box.directory, "replaced.json");
    writeFileSync(path, "old\n".repeat(1_000));
    await box.ctl(["exec", "local", "--status-file", path, "true"]);
    expect(linesOf(await Bun.file(path).text())).toHaveLength(1);
    expect(readdirSync(box.directory).filter((name) => name.includes("replaced"))).toEqual([
      "replaced.json",
    ]);
  });

  test("that cannot be written is said, and is a failure although the command ran", async () => {
    const path = join(box.directory, "no-folder", "status.json");
    const ended = await box.ctl(["exec", "local", "--status-file", path, "echo", "ran"]);
    expect(failureLine(ended)).toStartWith(`Cannot write --status-file "${path}": ENOENT; `);
    expect(ended).toMatchObject({ text: "ran\n", code: 255 });
  });
});
