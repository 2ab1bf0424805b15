// Who lives below real processes.

import { dlopen, ptr } from "bun:ffi";
import { afterEach, describe, expect, test } from "bun:test";

import { closePipe, openPipe } from "../../src/os/pipe.ts";
import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";

const started: Bun.Subprocess[] = [];

function start(argv: string[]): number {
  const child = Bun.spawn(argv, { stdio: ["pipe", "ignore", "ignore"] });
  started.push(child);
  return child.pid;
}

afterEach(async () => {
  for (const child of started.splice(0)) {
    for (const { pid } of descendantsOf(child.pid, 100)) process.kill(pid, "SIGKILL");
    child.kill("SIGKILL");
    await child.exited;
  }
});

/** The runtime refuses an empty argv[0]; the C library does not. */
class NamelessCat {
  readonly pid: number;
  readonly #input = openPipe();
  readonly #libc = dlopen("libc.so.6", {
    posix_spawn: { args: ["buffer", "cstring", "buffer", "ptr", "buffer", "ptr"], returns: "i32" },
    posix_spawn_file_actions_init: { args: ["buffer"], returns: "i32" },
    posix_spawn_file_actions_adddup2: { args: ["buffer", "i32", "i32"], returns: "i32" },
    waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  }).symbols;

  constructor() {
    const [pid, empty, actions] = [new Int32Array(1), new Uint8Array(1), new Uint8Array(256)];
    const argv = new BigUint64Array([BigInt(ptr(empty)), 0n]);
    this.#libc.posix_spawn_file_actions_init(actions);
    this.#libc.posix_spawn_file_actions_adddup2(actions, this.#input.readFd, 0);
    expect(this.#libc.posix_spawn(pid, "/bin/cat", actions, null, argv, null)).toBe(0);
    this.pid = pid[0] ?? 0;
  }

  end(): void {
    closePipe(this.#input);
    expect(this.#libc.waitpid(this.pid, null, 0)).toBe(this.pid);
  }
}

const shell = (script: string): number => start(["sh", "-c", script]);
const commandsBelow = (pid: number): string[] =>
  descendantsOf(pid, 100).map(({ command }) => command);

describe("the descendants of a process", () => {
  test("are everybody below it, parents first, itself left out", async () => {
    const pid = shell("sh -c 'sleep 1001 & wait' & sleep 1002 & wait");
    // A process that has only forked yet still has its parent's command line.
    const expected = ["sh -c sleep 1001 & wait", "sleep 1001", "sleep 1002"];
    await until(() => Bun.deepEquals(commandsBelow(pid).toSorted(), expected));
    const commands = commandsBelow(pid);
    expect(commands.indexOf("sh -c sleep 1001 & wait")).toBeLessThan(
      commands.indexOf("sleep 1001"),
    );
  });

  test("are at most as many as asked for", async () => {
    const pid = shell("for i in 1 2 3 4 5; do sleep 1000 & done; wait");
    await until(() => descendantsOf(pid, 100).length === 5);
    expect(descendantsOf(pid, 3)).toHaveLength(3);
    expect(descendantsOf(pid, 0)).toEqual([]);
  });

  test("have command lines of at most 80 bytes, cut between characters", async () => {
    const pid = shell(`sh -c 'sleep 1000; :' "${"é".repeat(60)}" & wait`);
    const long = await until(() => commandsBelow(pid).find((one) => one.startsWith("sh -c sleep")));
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(80);
    expect(long).toMatch(/^sh -c sleep 1000; : é+…$/);
  });

  test("are shown by their name in brackets when they have no command line", async () => {
    const nameless = new NamelessCat();
    const shown = (): string | undefined =>
      descendantsOf(process.pid, 100).find(({ pid }) => pid === nameless.pid)?.command;
    await until(() => shown() === "[cat]");
    nameless.end();
    expect(shown()).toBeUndefined();
  });

  test("do not include the dead", async () => {
    // The shell does not reap its child: it has been replaced by a program that never waits.
    const pid = shell("sleep 0 & exec sleep 1000");
    await until(() =>
      Bun.file(`/proc/${pid}/comm`)
        .text()
        .then((name) => name === "sleep\n"),
    );
    await until(() => descendantsOf(pid, 10).length === 0);
    const children = await Bun.file(`/proc/${pid}/task/${pid}/children`).text();
    expect(children).toMatch(/^\d+ $/);
  });

  test("include children of every thread", () => {
    const pid = start(["sleep", "1000"]);
    expect(descendantsOf(process.pid, 100).map((member) => member.pid)).toContain(pid);
  });

  test("of a process that is no more are nobody", async () => {
    const child = Bun.spawn(["true"]);
    await child.exited;
    expect(descendantsOf(child.pid, 10)).toEqual([]);
  });
});
