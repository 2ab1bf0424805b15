// What a child finds when it starts: variables that were built and not inherited, three descriptors, signals and limits as in a
// fresh shell. Neither the runtime nor the directory of ctl or of the daemon shows.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { expectFailure } from "./support/failure-line.ts";
import { type Daemon, insecure, openSandbox, type Sandbox } from "./support/sandbox.ts";
import { shell } from "./support/shell.ts";

/** Of both sides, and no child may see them. */
const strangers = {
  BUN_CONFIG_VERBOSE_FETCH: "0",
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  NODE_ENV: "production",
  NODE_EXTRA_CA_CERTS: "/nowhere",
  LD_LIBRARY_PATH: "/nowhere",
  MALLOC_ARENA_MAX: "1",
  LANG: "xx_XX",
  TMPDIR: "/nowhere",
  USER: "somebody",
  LOGNAME: "somebody",
  SHELL: "/nowhere/shell",
  MARKER: "of the caller",
};
const builtNames = "CTL_ID CTL_NODE HOME LANG LOGNAME PATH SHELL TMPDIR USER".split(" ");

let box: Sandbox;
let daemon: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon({ env: { ...strangers, MARKER: "of the daemon" } });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

function variablesIn(text: string): Record<string, string> {
  const entries = text.split("\0").filter((entry) => entry !== "");
  return Object.fromEntries(
    entries.map((entry) => [entry.split("=", 1)[0], entry.slice(entry.indexOf("=") + 1)]),
  );
}

function limitOf(text: string): { soft: string | undefined; hard: string | undefined } {
  const [, soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(text) ?? [];
  return { soft, hard };
}

describe.each(["local", "over TCP"])("a child, %s,", (kind) => {
  const node = (): string => (kind === "local" ? "local" : daemon.address);

  async function variables(options: readonly string[] = []): Promise<Record<string, string>> {
    const words = ["exec", ...options, node(), "env", "-0"];
    const ended = await box.ctl(words, { env: strangers });
    expect({ stderr: ended.stderr, code: ended.code }).toEqual({ stderr: "", code: 0 });
    return variablesIn(ended.text);
  }

  test("has exactly the built variables, whoever started ctl and the daemon", async () => {
    const found = await variables();
    expect(Object.keys(found).toSorted()).toEqual(builtNames);
    const user = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
    expect(found).toMatchObject({ USER: user, LOGNAME: user, LANG: "C.UTF-8", TMPDIR: "/tmp" });
    expect(found["PATH"]?.split(":")).toContain("/usr/bin");
    expect(found["HOME"]).toStartWith("/");
    expect(found["SHELL"]).toStartWith("/");
    expect(found["CTL_ID"]).toMatch(/^p_[0-9a-z]{8}$/);
    if (kind === "local") expect(found["CTL_NODE"]).toBe("local");
  });

  test("has what -e gives on top: set, replaced, empty, from the caller, with any bytes", async () => {
    const wishes = ["A=1", "A=2", "HOME=/elsewhere", "EMPTY=", "MARKER", "LINES=a\nb=c "];
    const found = await variables(wishes.flatMap((wish) => ["-e", wish]));
    expect(Object.keys(found).toSorted()).toEqual(
      [...builtNames, "A", "EMPTY", "LINES", "MARKER"].toSorted(),
    );
    expect(found).toMatchObject({
      A: "2",
      HOME: "/elsewhere",
      EMPTY: "",
      MARKER: "of the caller",
      LINES: "a\nb=c ",
    });
  });

  test("has what --export names, or all of the caller's", async () => {
    const some = await variables(["--export", "MARKER,NODE_ENV"]);
    expect(Object.keys(some).toSorted()).toEqual([...builtNames, "MARKER", "NODE_ENV"].toSorted());
    const all = await variables(["--export", "ALL"]);
    expect(all).toMatchObject(strangers);
    expect(await variables(["--export", "NONE"])).not.toContainKey("MARKER");
  });

  test("has what files give; -e is stronger than a file, and a file than --export", async () => {
    const path = join(box.directory, "variables");
    const lines = ["\uFEFF# a comment", "", "FROM_FILE=1 # no comment", "MARKER=file\r"];
    writeFileSync(path, [...lines, '  QUOTED="as it is"', "NODE_ENV", "OVER=file"].join("\n"));
    const options = ["--export", "MARKER", "-e", "OVER=option", "--env-file", path];
    expect(await variables(options)).toMatchObject({
      FROM_FILE: "1 # no comment",
      MARKER: "file",
      QUOTED: '"as it is"',
      NODE_ENV: "production",
      OVER: "option",
    });
  });

  test("has descriptors 0 to 2 and no other", async () => {
    // The shell stays, so that ls lists the shell's descriptors, not its own.
    const ended = await box.ctl(["exec", node(), "--sh", "ls /proc/$$/fd; true"]);
    expect(ended.text).toBe("0\n1\n2\n");
  });

  test("can open its own output anew", async () => {
    const script =
      "echo a > /dev/stdout; echo b > /proc/self/fd/1; echo c >> /dev/fd/1; " +
      "echo d > /dev/stderr; echo e > /proc/self/fd/2";
    const ended = await box.ctl(["exec", node(), "--sh", script]);
    expect(ended).toMatchObject({ text: "a\nb\nc\n", stderr: "d\ne\n", code: 0 });
  });

  test("reads from /dev/null with -n", async () => {
    const words = ["exec", "-n", node(), "readlink", "/proc/self/fd/0"];
    expect((await box.ctl(words, { stdin: "not sent" })).text).toBe("/dev/null\n");
  });

  test("blocks and ignores no signal, although ctl was told to", async () => {
    const script = `trap '' HUP INT QUIT PIPE USR1 TERM; "$CTL" exec ${node()} cat /proc/self/status`;
    const { text } = await shell(box, script);
    for (const mask of ["SigBlk", "SigIgn", "SigPnd"]) {
      expect(text).toMatch(new RegExp(`^${mask}:\\t0+$`, "m"));
    }
  });

  test("leads a session of its own", async () => {
    const script = "read -r line < /proc/self/stat; echo $$ ${line##*) }";
    const ended = await box.ctl(["exec", node(), "--sh", script]);
    const [pid, , , group, session] = ended.text.split(" ");
    expect({ group, session }).toEqual({ group: pid, session: pid });
  });

  test("may open 1024 files, and more when it asks: the hard limit is left alone", async () => {
    const ended = await box.ctl(["exec", node(), "cat", "/proc/self/limits"]);
    const own = limitOf(readFileSync("/proc/self/limits", "utf8"));
    const soft = Math.min(1_024, own.hard === "unlimited" ? Infinity : Number(own.hard));
    expect(limitOf(ended.text)).toEqual({ soft: `${soft}`, hard: own.hard });
  });
});

describe("the limit of open files", () => {
  test("is not above the hard limit of who starts ctl", async () => {
    const script = 'ulimit -n 600; "$CTL" exec local cat /proc/self/limits';
    expect(limitOf((await shell(box, script)).text)).toEqual({ soft: "600", hard: "600" });
  });

  test("is what the daemon was told, and ping -v shows it", async () => {
    await using other = await box.startDaemon({ more: ["--child-nofile", "333"] });
    const ended = await box.ctl(["exec", other.address, "cat", "/proc/self/limits"]);
    expect(limitOf(ended.text).soft).toBe("333");
    const ping = await box.ctl(["ping", "-v", other.address]);
    expect(ping.text).toContain("open files of a command: 333");
  });
});

describe("a bad file of variables starts nothing and is named with its line:", () => {
  const mistakes: [string, string, string[]][] = [
    ["no name", "A=1\n=2\n", ["line 2", "no name"]],
    ["a blank in a name", "A=1\n\n# c\nexport B=2\n", ["line 4", '"export B"', "blanks"]],
    ["a name that is not set", "UNSET_X\n", ["line 1", '"UNSET_X"', "not set"]],
    ["a NUL", "A=\0\n", ["line 1", "NUL"]],
  ];

  test.each(mistakes)("%s", async (_name, content, parts) => {
    const path = join(box.directory, "bad-variables");
    const trace = join(box.directory, "trace");
    writeFileSync(path, content);
    const ended = await box.ctl(["exec", "--env-file", path, "local", "touch", trace]);
    expectFailure(ended, 125, ["--env-file", `"${path}"`, ...parts]);
    expect(existsSync(trace)).toBe(false);
  });

  test("one that is not there, or a directory", async () => {
    const missing = join(box.directory, "missing");
    const ended = await box.ctl(["exec", "--env-file", missing, "local", "true"]);
    expectFailure(ended, 125, ["--env-file", `"${missing}"`, "ENOENT"]);
    const folder = await box.ctl(["exec", "--env-file", box.directory, "local", "true"]);
    expectFailure(folder, 125, ["--env-file", `"${box.directory}"`, "EISDIR"]);
  });
});

describe("a directory full of traps", () => {
  test("runs nothing in a daemon that is started there, nor in its children", async () => {
    const trap = join(box.directory, "trap");
    const trace = join(box.directory, "was-run");
    mkdirSync(trap);
    const planted = `require("node:fs").writeFileSync(${JSON.stringify(trace)}, "");`;
    const files = {
      ".env": "PLANTED=1\nCTL_INSECURE_NO_AUTHENTICATION=1\n",
      ".env.local": "PLANTED=1\n",
      ".env.production": "PLANTED=1\n",
      "bunfig.toml": 'preload = ["./preload.js"]\n[run]\npreload = ["./preload.js"]\n',
      "preload.js": planted,
      "package.json": '{ "name": "ctl", "main": "./preload.js", "type": "commonjs" }',
      "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./preload.js"] } } }',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(trap, name), text);
    const socket = join(box.directory, "trapped.sock");
    const log = join(trap, "log");
    const where = ["--socket", socket];
    const words = ["daemon", "--detach", ...where, ...box.state, "--log", log];
    const started = await box.ctl(words, { cwd: trap });
    expect(started.code).toBe(0);
    const env = ["exec", "--export", "ALL", `unix:${socket}`, "-C", trap, "env"];
    const ended = await box.ctl(env, { cwd: trap });
    expect(ended.code).toBe(0);
    expect(ended.text).not.toContain("PLANTED");
    expect((await box.ctl(["daemon", "--stop", ...where], { cwd: trap })).code).toBe(0);
    expect(existsSync(trace)).toBe(false);
    expect(readFileSync(log, "utf8")).toBe("");
  });

  test("does not give leave to talk without a key", async () => {
    const trap = join(box.directory, "leave");
    mkdirSync(trap);
    writeFileSync(join(trap, ".env"), "CTL_INSECURE_NO_AUTHENTICATION=1\n");
    await using open = await box.startDaemon({ isOpen: true });
    const how = { cwd: trap, env: box.keyless };
    expectFailure(await box.ctl(["exec", open.address, "true"], how), 125, ["no key that may run"]);
    expect((await box.ctl(["exec", insecure, open.address, "true"], how)).code).toBe(0);
  });

  test("does not give a key either, to a controller or a daemon", async () => {
    const trap = join(box.directory, "keys");
    mkdirSync(trap);
    const [operator, node] = ["operator", "node"].map((role) => join(box.keys, `${role}.key`));
    writeFileSync(join(trap, ".env"), `CTL_KEY=${operator}\nHOME=${join(box.directory, "home")}\n`);
    for (const path of [operator ?? "", node ?? ""]) {
      copyFileSync(path, join(trap, basename(path)));
    }
    const how = { cwd: trap, env: box.keyless };
    expectFailure(await box.ctl(["exec", daemon.address, "true"], how), 125, ["no key that may"]);
    const words = ["daemon", "--port", "0", ...box.state];
    expectFailure(await box.ctl(words, { ...how, timeoutMs: 10_000 }), 78, ["No key for a daemon"]);
  });

  test("nothing of it starts with the runtime's own variables either: the daemon does not start", async () => {
    const trace = join(box.directory, "was-preloaded");
    const preload = join(box.directory, "preload.js");
    writeFileSync(preload, `require("node:fs").writeFileSync(${JSON.stringify(trace)}, "");`);
    const socket = join(box.directory, "preloaded.sock");
    for (const env of [
      { BUN_OPTIONS: `--preload ${preload}` },
      { BUN_INSPECT: "ws://127.0.0.1:0/door" },
    ]) {
      const words = ["daemon", "--socket", socket, ...box.state];
      const ended = await box.ctl(words, { env, timeoutMs: 10_000 });
      expect(ended.code).not.toBe(0);
      expect(existsSync(socket)).toBe(false);
    }
    expect(existsSync(trace)).toBe(false);
  });
});
