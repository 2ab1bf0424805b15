// Foreign code that waits where ctl is started: in the directory, and in the variables that the runtime looks at. Every trap
// leaves a line in a file when it runs; none may. And nothing of what the daemon was started with reaches a command.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { type Daemon, openSandbox, type Sandbox } from "./support/sandbox.ts";
import { harmlessSwitches, setTraps } from "./support/traps.ts";

let box: Sandbox;
let trap: string;
/** One line for each trap that ran. */
let sprung: string;
/** A file that a command makes when it runs. */
let effect: string;

beforeAll(async () => {
  box = await openSandbox();
  trap = join(box.directory, "trap");
  sprung = join(box.directory, "sprung");
  effect = join(box.directory, "effect");
  setTraps(trap, sprung);
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});
beforeEach(() => {
  rmSync(sprung, { force: true });
  rmSync(effect, { force: true });
});
afterEach(() => {
  // The tests that spring one on purpose clean up behind themselves.
  expect(traces()).toEqual([]);
});

function traces(): string[] {
  return existsSync(sprung) ? readFileSync(sprung, "utf8").trim().split("\n") : [];
}

/** Everything below a directory, without what is in the files. */
const listing = (): string[] => readdirSync(trap, { recursive: true }).map(String).toSorted();

describe("a directory full of traps", () => {
  test("is one: the runtime itself runs them", async () => {
    const bun = Bun.spawn([process.execPath, "index.ts"], {
      cwd: trap,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await bun.exited;
    // The preload of bunfig.toml, in the place where tsconfig.json says it is.
    expect(traces()).toContain("preload.ts");
    rmSync(sprung);
  });

  test.each([["version"], ["help"], ["help exec"], ["--help"], ["-V"], ["exec --help"]])(
    "runs nothing with ctl %s",
    async (words) => {
      const ended = await box.ctl(words.split(" "), { cwd: trap });
      expect(ended).toMatchObject({ stderr: "", code: 0 });
      expect(ended.text).toContain("ctl");
    },
  );

  test("runs nothing with a wrong command line", async () => {
    expect(await box.ctl(["flatbuffers"], { cwd: trap })).toMatchObject({ text: "", code: 2 });
    expect(await box.ctl([], { cwd: trap })).toMatchObject({ code: 2 });
  });

  test("runs nothing with exec local, and gives its command no variable", async () => {
    const words = ["exec", "--export", "ALL", "local", "env"];
    const ended = await box.ctl(words, { cwd: trap });
    expect(ended).toMatchObject({ stderr: "", code: 0 });
    expect(ended.text).not.toMatch(/PLANTED|BUN_OPTIONS|NODE_TLS/);
  });

  test("runs nothing with a daemon that was started there, pinged and used from there", async () => {
    const before = listing();
    await using daemon = await daemonIn(trap);
    expect(await box.ctl(["ping", daemon.node], { cwd: trap })).toMatchObject({ code: 0 });
    const words = ["exec", "--export", "ALL", daemon.node, "-C", trap, "env"];
    const ended = await box.ctl(words, { cwd: trap });
    expect(ended).toMatchObject({ stderr: "", code: 0 });
    expect(ended.text).not.toMatch(/PLANTED|BUN_OPTIONS|NODE_TLS/);
    expect(listing()).toEqual(before);
  });
});

interface HereDaemon extends AsyncDisposable {
  node: string;
  pid: number;
}

let sockets = 0;

/** A daemon in the background that was started in `cwd`. */
async function daemonIn(cwd: string, env: Record<string, string> = {}): Promise<HereDaemon> {
  const socket = join(box.directory, `here-${(sockets += 1)}.sock`);
  const log = `${socket}.log`;
  const started = await box.ctl(
    ["daemon", "--detach", "--json", "--socket", socket, "--log", log],
    { cwd, env },
  );
  expect(started.code).toBe(0);
  return {
    node: `unix:${socket}`,
    pid: JSON.parse(started.text).pid,
    [Symbol.asyncDispose]: async () => {
      const stopped = await box.ctl(["daemon", "--stop", "--socket", socket], { cwd });
      expect(stopped.code).toBe(0);
    },
  };
}

const harmless = (): Record<string, string> => harmlessSwitches({ directory: box.directory, trap });

describe("variables with traps", () => {
  test.each(Object.keys(harmlessSwitches({ directory: "", trap: "" })))(
    "%s changes nothing for a controller",
    async (name) => {
      const env = { [name]: harmless()[name] };
      const before = listing();
      const ended = await box.ctl(["exec", "local", "sh", "-c", "echo ran; exit 3"], { env });
      expect({ text: ended.text, code: ended.code }).toEqual({ text: "ran\n", code: 3 });
      // The runtime says of this one that it takes no notice.
      if (name === "BUN_INSPECT_CONNECT_TO") expect(ended.stderr).toContain("is ignored with");
      else expect(ended.stderr).toBe("");
      expect(listing()).toEqual(before);
    },
  );

  test("nor do all of them for a daemon, in a directory of traps; and nobody calls a debugger", async () => {
    let callers = 0;
    const inspector = Bun.listen({
      unix: join(box.directory, "inspector.sock"),
      socket: { open: () => void (callers += 1), data: () => {} },
    });
    const before = listing();
    {
      await using daemon = await daemonIn(trap, harmless());
      const words = ["exec", daemon.node, "sh", "-c", "echo ran; exit 3"];
      const ended = await box.ctl(words, { cwd: trap, env: harmless() });
      expect(ended).toMatchObject({ text: "ran\n", code: 3 });
      expect((await box.ctl(["ping", daemon.node], { env: harmless() })).code).toBe(0);
      const found = await box.ctl(["exec", daemon.node, "env"]);
      expect(Object.keys(harmless()).filter((name) => name !== "TMPDIR")).not.toContainAnyValues(
        namesIn(found.text),
      );
      expect(found.text).toContain("TMPDIR=/tmp\n");
    }
    inspector.stop(true);
    expect(callers).toBe(0);
    expect(listing()).toEqual(before);
  });

  describe("that load code stop the runtime before the first line of ctl, with exit code 1:", () => {
    const stopping: [string, string][] = [
      ["BUN_OPTIONS", "--preload TRAP/preload.js"],
      ["BUN_OPTIONS", "--preload TRAP/preload.mjs"],
      ["BUN_OPTIONS", "--preload=TRAP/preload.ts"],
      ["BUN_OPTIONS", "--preload TRAP/preload.node"],
      ["BUN_OPTIONS", "--preload /nowhere/preload.js"],
      ["BUN_OPTIONS", "-r TRAP/preload.cjs"],
      ["BUN_OPTIONS", "--require TRAP/preload.cjs"],
      ["BUN_OPTIONS", "--import TRAP/preload.mjs"],
      ["BUN_OPTIONS", "--config=TRAP/bunfig.toml"],
      ["BUN_OPTIONS", "--disallow-code-generation-from-strings=off --preload TRAP/preload.js"],
      ["BUN_OPTIONS", "--preload TRAP/preload.js --disallow-code-generation-from-strings"],
      ["BUN_INSPECT", "ws://127.0.0.1:0/door"],
      ["BUN_INSPECT_PRELOAD", "TRAP/preload.js"],
    ];

    test.each(stopping)("%s=%s", async (name, value) => {
      const env = { [name]: value.replaceAll("TRAP", trap) };
      const ran = await box.ctl(["exec", "local", "touch", effect], { env });
      expect({ stdout: ran.text, code: ran.code }).toEqual({ stdout: "", code: 1 });
      // Not one of ours, whose failures begin with "ctl:" and would have been 125.
      expect(ran.stderr).toMatch(/^(EvalError|TypeError|error): /);
      const socket = join(box.directory, "stopped.sock");
      const daemon = await box.ctl(["daemon", "--socket", socket], { env, timeoutMs: 20_000 });
      expect(daemon.code).toBe(1);
      expect([effect, socket].filter((path) => existsSync(path))).toEqual([]);
    });
  });

  test("that ask the runtime about itself are answered by it: nothing of ctl runs", async () => {
    for (const option of ["--version", "--help"]) {
      const env = { BUN_OPTIONS: option };
      const ended = await box.ctl(["exec", "local", "touch", effect], { env });
      // Without ctl there is nobody to say that this 0 is not the command's.
      expect(ended.code).toBe(0);
      expect(ended.text).toContain(option === "--version" ? Bun.version : "JavaScript runtime");
      expect(existsSync(effect)).toBe(false);
    }
  });

  test("that are other options of the runtime open no door and change no result", async () => {
    for (const option of ["--inspect=127.0.0.1:0", "--eval 1", "--smol", "--no-such-option"]) {
      const env = { BUN_OPTIONS: option };
      const ended = await box.ctl(["exec", "local", "sh", "-c", "exit 3"], { env });
      expect({ option, ...ended }).toMatchObject({ text: "", stderr: "", code: 3 });
    }
    await using daemon = await daemonIn(trap, { BUN_OPTIONS: "--inspect=127.0.0.1:0" });
    expect(listeningSockets(daemon.pid)).toBe(0);
  });

  test("and one makes the executable the runtime itself: whoever may run it as root may run anything", async () => {
    const env = { BUN_BE_BUN: "1" };
    const ended = await box.ctl([join(trap, "preload.js")], { env });
    expect(ended.code).toBe(0);
    expect(traces()).toEqual(["preload.js"]);
    rmSync(sprung);
    for (const value of ["", "0"]) {
      const off = await box.ctl(["version"], { env: { BUN_BE_BUN: value } });
      expect(off.text).toStartWith("ctl ");
    }
  });
});

/** TCP sockets of this process that wait for callers. */
function listeningSockets(pid: number): number {
  const owned = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const link = Bun.spawnSync(["readlink", `/proc/${pid}/fd/${fd}`]).stdout.toString();
    return /^socket:\[(\d+)\]/.exec(link)?.[1] ?? [];
  });
  const listening = new Set(
    ["tcp", "tcp6"].flatMap((name) =>
      readFileSync(`/proc/${pid}/net/${name}`, "utf8")
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .flatMap(([, , , state, , , , , , inode]) => (state === "0A" && inode ? [inode] : [])),
    ),
  );
  return owned.filter((inode) => listening.has(inode)).length;
}

const namesIn = (text: string): string[] =>
  text
    .split("\n")
    .flatMap((line) => (line.includes("=") ? [line.slice(0, line.indexOf("="))] : []));

describe("a command", () => {
  /** Nothing that the runtime stumbles over: it is what a careless login script leaves behind. */
  const inherited = {
    BUN_CONFIG_MAX_HTTP_REQUESTS: "1",
    BUN_GC_TIMER_DISABLE: "0",
    BUN_JSC_useConcurrentJIT: "1",
    NODE_OPTIONS: "--no-warnings",
    NODE_DEBUG: "none",
    NODE_NO_WARNINGS: "1",
    LD_LIBRARY_PATH: "/nowhere",
    LD_BIND_NOW: "1",
    GLIBC_TUNABLES: "glibc.malloc.check=0",
    MALLOC_ARENA_MAX: "1",
    MIMALLOC_PURGE_DELAY: "10",
    MIMALLOC_ALLOW_LARGE_OS_PAGES: "0",
    // Set but empty: no key, yet its name would show.
    CTL_KEY: "",
    CTL_KEY_PASSPHRASE: "secret",
    CTL_NODE: "another",
    CTL_ID: "p_aaaaaaaa",
    CTL_WHATEVER: "1",
    SECRET: "of the daemon",
  };
  const built = "CTL_ID CTL_NODE HOME LANG LOGNAME PATH SHELL TMPDIR USER".split(" ");
  const runtimes = /^(BUN|MIMALLOC|NODE|LD|GLIBC|MALLOC)_/;
  let daemon: Daemon;

  beforeAll(async () => {
    daemon = await box.startDaemon({ env: inherited });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test("sees nothing of what its daemon was started with, nor of what that set for itself", async () => {
    const own = readFileSync(`/proc/${daemon.pid}/environ`, "utf8").split("\0");
    // The daemon has them, or there would be nothing to see.
    expect(own).toContain("SECRET=of the daemon");
    expect(own).toContain("BUN_GC_TIMER_DISABLE=1");
    const ended = await box.ctl(["exec", daemon.address, "env"]);
    expect(namesIn(ended.text).toSorted()).toEqual(built);
    expect(ended.text).toContain(`CTL_NODE=${daemon.address}\n`);
    expect(ended.text).not.toContain("p_aaaaaaaa");
  });

  test("sees nothing of what the ctl was started with that runs it here", async () => {
    const ended = await box.ctl(["exec", "local", "env"], { env: inherited });
    expect({ stderr: ended.stderr, code: ended.code }).toEqual({ stderr: "", code: 0 });
    expect(namesIn(ended.text).toSorted()).toEqual(built);
    expect(ended.text).toContain("CTL_NODE=local\n");
    expect(ended.text).not.toContain("p_aaaaaaaa");
  });

  test.each(["local", "over TCP"])(
    "with --export ALL, %s, sees the caller's own and no other",
    async (kind) => {
      const node = kind === "local" ? "local" : daemon.address;
      const env = { MINE: "of the caller", NODE_OPTIONS: "--no-warnings", SECRET: undefined };
      const ended = await box.ctl(["exec", "--export", "ALL", node, "env"], { env });
      const names = namesIn(ended.text);
      expect(ended.text).toContain("MINE=of the caller\n");
      expect(names.filter((name) => runtimes.test(name))).toEqual(["NODE_OPTIONS"]);
      expect(names).not.toContainAnyValues(["SECRET", "CTL_WHATEVER", "CTL_KEY_PASSPHRASE"]);
    },
  );

  test("that is a ctl itself passes on no switch of the daemon above it", async () => {
    const words = [
      "exec",
      daemon.address,
      box.executable,
      "exec",
      "--export",
      "ALL",
      "local",
      "env",
    ];
    const ended = await box.ctl(words);
    expect({ stderr: ended.stderr, code: ended.code }).toEqual({ stderr: "", code: 0 });
    expect(namesIn(ended.text).toSorted()).toEqual(built);
  });
});
