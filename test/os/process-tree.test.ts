import { afterEach, describe, expect, test } from "bun:test";

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

const shell = (script: string): number => start(["sh", "-c", script]);
const commandsBelow = (pid: number): string[] =>
  descendantsOf(pid, 100).map(({ command }) => command);

describe("the descendants of a process", () => {
  test("are everybody below it, parents first, itself left out", async () => {
    const pid = shell("sh -c 'sleep 1001 & wait' & sleep 1002 & wait");
    await until(() => commandsBelow(pid).length === 3);
    const commands = commandsBelow(pid);
    expect(commands.toSorted()).toEqual(["sh -c sleep 1001 & wait", "sleep 1001", "sleep 1002"]);
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
    await until(() => commandsBelow(pid).some((command) => command.endsWith("…")));
    const long = commandsBelow(pid).find((command) => command.endsWith("…")) ?? "";
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(80);
    expect(long).toMatch(/^sh -c sleep 1000; : é+…$/);
  });

  test("are shown by their name in brackets when they have no command line", async () => {
    const nameless = Bun.spawn(["cat"], { argv0: "", stdio: ["pipe", "ignore", "ignore"] });
    started.push(nameless);
    const shown = (): string | undefined =>
      descendantsOf(process.pid, 100).find(({ pid }) => pid === nameless.pid)?.command;
    await until(() => shown() === "[cat]");
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
