// Who survives whom: a controller or a daemon is killed without a word, and the tree on the node ends or stays as was asked.

import { describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { join } from "node:path";

import { openPipe } from "../../src/os/pipe.ts";
import { until } from "../support/until.ts";
import { descendants } from "./support/processes.ts";
import { mib, writtenBytes } from "./support/resources.ts";
import { said } from "./support/running.ts";
import { openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { environmentOf, program } from "./support/shell.ts";
import { untilStill } from "./support/still.ts";
import { stubbornTree } from "./support/trees.ts";

const seconds = (sinceMs: number): number => (performance.now() - sinceMs) / 1_000;

/** A command that, once `gate` is there, writes far more than any pipe holds on both streams and then makes `done`. */
function writerBehind(gate: string, done: string): string[] {
  const make = program("stream", "make", String(3 * mib)).join(" ");
  const script = `echo ready; until test -e ${gate}; do sleep 0.05; done; ${make}; ${make} >&2; echo done >${done}`;
  return ["sh", "-c", script];
}

function newPaths(box: Sandbox): { gate: string; done: string } {
  return { gate: join(box.directory, "gate"), done: join(box.directory, "done") };
}

/** How much the `yes` of a daemon has written so far. */
function yesWritten(daemonPid: number): number {
  const yes = descendants(daemonPid).find((entry) => entry.command === "yes");
  return yes ? writtenBytes(yes.pid) : 0;
}

const exists = async (path: string): Promise<boolean> => await Bun.file(path).exists();

describe.each(["local", "over TCP"])("the controller is killed, %s", (way) => {
  test("the whole tree is gone within lease and grace, and not before the lease is over", async () => {
    await using box = await openSandbox();
    const tree = stubbornTree();
    const daemon = await box.startDaemon();
    const node = way === "local" ? "local" : daemon.address;
    const policy = ["--on-disconnect", "kill:1500ms", "--grace", "1s"];
    const run = box.start(["exec", ...policy, node, "sh", "-c", tree.script]);
    await until(() => tree.alive().length === tree.size);
    const killedMs = performance.now();
    run.signal("SIGKILL");
    // The first TERM: with an embedded daemon nobody is there who could come back.
    await until(() => tree.alive().length < tree.size, { timeoutMs: 10_000 });
    if (way !== "local") expect(seconds(killedMs)).toBeGreaterThan(1.4);
    expect(tree.alive()).toHaveLength(2);
    const termMs = performance.now();
    await until(() => tree.alive().length === 0, { timeoutMs: 10_000 });
    expect(seconds(termMs)).toBeGreaterThan(0.8);
    expect(seconds(killedMs)).toBeLessThan(5);
    await run.ended;
    await daemon.stop();
    await untilNothingIsLeft(box);
  });

  test("with --on-disconnect keep it stays, and writes on unhindered", async () => {
    await using box = await openSandbox();
    const daemon = await box.startDaemon();
    const node = way === "local" ? "local" : daemon.address;
    const { gate, done } = newPaths(box);
    const run = box.start(["exec", "--on-disconnect", "keep", node, ...writerBehind(gate, done)]);
    await said(run, /ready/);
    run.signal("SIGKILL");
    await run.ended;
    await Bun.write(gate, "");
    await until(async () => await exists(done), { timeoutMs: 15_000 });
    await daemon.stop();
    await untilNothingIsLeft(box);
  });

  test("with --on-disconnect keep a command that was held back by a slow reader goes on", async () => {
    await using box = await openSandbox();
    const daemon = await box.startDaemon();
    const node = way === "local" ? "local" : daemon.address;
    const { gate, done } = newPaths(box);
    await Bun.write(gate, "");
    const pipe = openPipe();
    const ctl = Bun.spawn(
      [box.executable, "exec", "--on-disconnect", "keep", node, ...writerBehind(gate, done)],
      { env: environmentOf(box), stdout: pipe.writeFd },
    );
    closeSync(pipe.writeFd);
    const writer = program("stream", "make", String(3 * mib)).join(" ");
    await until(() => descendants().some((entry) => entry.command === writer));
    ctl.kill("SIGKILL");
    await ctl.exited;
    closeSync(pipe.readFd);
    await until(async () => await exists(done), { timeoutMs: 15_000 });
    await daemon.stop();
    await untilNothingIsLeft(box);
  });
});

describe("the daemon is killed", () => {
  test("ctl says that it does not know, and the launcher ends the tree: TERM, grace, KILL", async () => {
    await using box = await openSandbox();
    const tree = stubbornTree();
    const daemon = await box.startDaemon();
    const policy = ["--on-disconnect", "kill:1s", "--grace", "1s"];
    const run = box.start(["exec", ...policy, daemon.address, "sh", "-c", tree.script]);
    await until(() => tree.alive().length === tree.size);
    const killedMs = performance.now();
    await daemon.kill();
    // Nobody can come back to it: there is no lease to wait for.
    await until(() => tree.alive().length === 2);
    await until(() => tree.alive().length === 0);
    expect(seconds(killedMs)).toBeGreaterThan(0.8);
    const { code, stderr } = await run.ended;
    expect(code).toBe(255);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.at(-1)).toMatch(/^ctl: \S+: how it ended is unknown: .*connection was lost/);
    expect(lines.every((line) => line.startsWith(`ctl: ${daemon.address}: `))).toBe(true);
    await untilNothingIsLeft(box);
  });

  test("a command that would have ended well is unknown too, never 0", async () => {
    await using box = await openSandbox();
    const daemon = await box.startDaemon();
    const run = box.start(
      ["exec", "--on-disconnect", "kill:500ms", daemon.address, "sh", "-c"].concat(
        "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done",
      ),
    );
    await said(run, /ready/);
    await daemon.kill();
    expect((await run.ended).code).toBe(255);
    await untilNothingIsLeft(box);
  });

  test("what was to be kept stays, unhindered, and nothing else does", async () => {
    await using box = await openSandbox();
    const tree = stubbornTree();
    const ended = stubbornTree();
    const daemon = await box.startDaemon();
    const { gate, done } = newPaths(box);
    const keep = ["exec", "--on-disconnect", "keep", daemon.address];
    const runs = [
      box.start([...keep, "sh", "-c", tree.script]),
      box.start([...keep, ...writerBehind(gate, done)]),
      box.start(["exec", "--grace", "100ms", daemon.address, "sh", "-c", ended.script]),
    ];
    for (const run of runs) await said(run, /ready/);
    for (const one of [tree, ended]) await until(() => one.alive().length === one.size);
    await daemon.kill();
    await until(() => ended.alive().length === 0);
    await Bun.write(gate, "");
    await until(async () => await exists(done), { timeoutMs: 15_000 });
    for (const run of runs) run.signal("SIGKILL");
    await Promise.all(runs.map((run) => run.ended));
    // The tree and its launcher; the other two launchers have gone with their trees.
    await until(() => box.leftovers().length === tree.size + 1);
    expect(tree.alive()).toHaveLength(tree.size);
    tree.kill();
    await untilNothingIsLeft(box);
  });

  test("the launcher of a command that was held back by a slow reader ends it, too", async () => {
    await using box = await openSandbox();
    const daemon = await box.startDaemon();
    const pipe = openPipe();
    const ctl = Bun.spawn(
      [box.executable, "exec", "--on-disconnect", "kill:500ms", daemon.address, "yes"],
      { env: environmentOf(box), stdout: pipe.writeFd, stderr: "pipe" },
    );
    closeSync(pipe.writeFd);
    await untilStill(() => yesWritten(daemon.pid));
    await daemon.kill();
    await until(() => descendants().every((entry) => entry.command !== "yes"));
    closeSync(pipe.readFd);
    expect(await ctl.exited).toBe(255);
    await untilNothingIsLeft(box);
  });
});

describe("the daemon is told to end", () => {
  test("a reader that stands still does not keep it", async () => {
    await using box = await openSandbox();
    const daemon = await box.startDaemon();
    const pipe = openPipe();
    const ctl = Bun.spawn([box.executable, "exec", daemon.address, "yes"], {
      env: environmentOf(box),
      stdout: pipe.writeFd,
      stderr: "pipe",
    });
    closeSync(pipe.writeFd);
    await untilStill(() => yesWritten(daemon.pid));
    await daemon.stop();
    closeSync(pipe.readFd);
    expect(await new Response(ctl.stderr).text()).toContain("the daemon was stopped");
    expect(await ctl.exited).toBe(255);
    await untilNothingIsLeft(box);
  });
});
