// A command's tree under the compiled ctl: left, killed or waited for when the command has ended; ended as a whole when its
// time is over. What was left is nobody's business any more.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";

import { until } from "../support/until.ts";
import { descendants, isAlive } from "./support/processes.ts";
import { said } from "./support/running.ts";
import { type Daemon, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { type StubbornTree, stubbornTree } from "./support/trees.ts";

let box: Sandbox;
let daemon: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
});

afterAll(async () => {
  await daemon.stop();
  await box[Symbol.asyncDispose]();
});

/** The tree without the command, which ends with 5 as soon as all the others are there. */
function abandoned(tree: StubbornTree): string {
  return `exec 3<&0\n${tree.script.replace(/\nexec .*$/, "")}\nread line <&3; exit 5`;
}

/** Runs `abandoned` and lets the command end when the rest of its tree is complete. */
async function abandon(
  words: readonly string[],
  tree: StubbornTree,
): Promise<ReturnType<Sandbox["start"]>> {
  const run = box.start(["exec", ...words, "sh", "-c", abandoned(tree)], { keepInputOpen: true });
  await until(() => tree.alive().length === tree.size - 1);
  run.endInput();
  return run;
}

function launcherOf(pid: number): number {
  const all = descendants();
  let entry = all.find((one) => one.pid === pid);
  while (entry && !entry.command.startsWith("ctl-launcher")) {
    const { parent } = entry;
    entry = all.find((one) => one.pid === parent);
  }
  if (!entry) throw new Error(`There is no launcher above ${pid}`);
  return entry.pid;
}

/** Where its descriptors lead to. */
function targetsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

describe.each(["local", "over TCP"])("%s", (way) => {
  const node = (): string => (way === "local" ? "local" : daemon.address);

  test.each([[], ["--tree", "leave"]].map((words) => [words.join(" ") || "by default", words]))(
    "%s the tree is left, and who is left is said in one line",
    async (_name, words) => {
      const tree = stubbornTree();
      const { code, stderr } = await (await abandon([...words, node()], tree)).ended;
      expect(code).toBe(5);
      expect(tree.alive()).toHaveLength(3);
      expect(stderr).toMatch(
        /^ctl: \S+: ended, but 3 of its processes go on: (sleep [\d.]+ \(pid \d+\)(, )?){3}; --tree kill .*\n$/,
      );
      for (const pid of tree.alive()) expect(stderr).toContain(`(pid ${pid})`);
      tree.kill();
      await until(() => tree.alive().length === 0);
    },
  );

  test("--tree kill: ctl ends with the command's status once all of the tree is gone, however deaf", async () => {
    const tree = stubbornTree();
    const run = await abandon(["--tree", "kill", "--grace", "600ms", node()], tree);
    const { code, stderr } = await run.ended;
    expect(tree.alive()).toEqual([]);
    expect({ code, stderr }).toEqual({ code: 5, stderr: "" });
  });

  test("--tree wait: ctl stays as long as anybody of the tree, and what they write arrives", async () => {
    const script = "exec 3<&0; (read line <&3; echo late; exit 1) & echo early; exit 6";
    const run = box.start(["exec", "--tree", "wait", node(), "sh", "-c", script], {
      keepInputOpen: true,
    });
    await said(run, /early/);
    const tree = way === "local" ? descendants(run.pid) : descendants(daemon.pid);
    expect(tree.length).toBeGreaterThan(0);
    expect(isAlive(run.pid)).toBe(true);
    run.write("go\n");
    const { text, code, stderr } = await run.ended;
    expect({ text, code, stderr }).toEqual({ text: "early\nlate\n", code: 6, stderr: "" });
  });

  test("a time limit means the whole tree, and ctl says 124 only when it is gone", async () => {
    const tree = stubbornTree();
    const words = ["--timeout", "700ms", "--grace", "700ms", node()];
    const startedMs = performance.now();
    const run = box.start(["exec", ...words, "sh", "-c", tree.script]);
    await until(() => tree.alive().length === tree.size);
    await until(() => tree.alive().length === 2);
    expect(performance.now() - startedMs).toBeGreaterThan(690);
    expect(isAlive(run.pid)).toBe(true);
    const { code, stderr } = await run.ended;
    expect(tree.alive()).toEqual([]);
    expect(performance.now() - startedMs).toBeGreaterThan(1_390);
    expect(code).toBe(124);
    expect(stderr).toMatch(
      /^ctl: \S+: killed by SIGTERM, because the time limit of 700ms was over; .*\n$/,
    );
  });

  test("a command that ends well when its time is over is out of time all the same", async () => {
    const script = "trap 'exit 0' TERM; while :; do sleep 0.05; done 2>/dev/null";
    const { code, stderr } = await box.ctl([
      "exec",
      "--timeout",
      "300ms",
      node(),
      "sh",
      "-c",
      script,
    ]);
    expect(code).toBe(124);
    expect(stderr).toMatch(/^ctl: \S+: exit 0, because the time limit of 300ms was over; .*$/m);
  });

  test("a command that ends in time is not touched by its time limit, nor is the tree that it leaves", async () => {
    const tree = stubbornTree();
    const run = await abandon(["--timeout", "1s", "--grace", "100ms", node()], tree);
    const { code } = await run.ended;
    expect(code).toBe(5);
    // Well past the limit: it counted for the command, which kept it.
    await Bun.sleep(1_500);
    expect(tree.alive()).toHaveLength(3);
    tree.kill();
    await until(() => tree.alive().length === 0);
  });
});

describe("the launcher of a tree that was left", () => {
  test("holds nothing of ours when ctl was the daemon", async () => {
    const tree = stubbornTree();
    await (
      await abandon(["local"], tree)
    ).ended;
    const launcher = launcherOf(tree.alive()[0] ?? 0);
    await until(() => targetsOf(launcher).every((target) => target.startsWith("anon_inode:")));
    tree.kill();
    await until(() => !isAlive(launcher));
  });

  test("holds no end of the command's streams, lives on without its daemon, and goes with the tree", async () => {
    await using other = await box.startDaemon();
    const tree = stubbornTree();
    // The status pipe comes with the first child.
    await box.ctl(["exec", other.address, "true"]);
    const pipesBefore = new Set(targetsOf(other.pid));
    await (
      await abandon([other.address], tree)
    ).ended;
    const launcher = launcherOf(tree.alive()[0] ?? 0);
    // Its line to the daemon is all that it shares: the daemon's own status pipe, and a socket for orders.
    const pipes = targetsOf(launcher).filter((target) => target.startsWith("pipe:"));
    expect(pipes.every((pipe) => pipesBefore.has(pipe))).toBe(true);
    await other.stop();
    await until(() => targetsOf(launcher).every((target) => target.startsWith("anon_inode:")));
    expect(isAlive(launcher)).toBe(true);
    expect(tree.alive()).toHaveLength(3);
    tree.kill();
    await until(() => !isAlive(launcher));
  });
});

test("nothing is left of all this", async () => {
  await untilNothingIsLeft(box);
  expect(box.leftovers()).toEqual([]);
});
