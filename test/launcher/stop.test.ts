// Signals for trees and the verified end of trees that resist: real processes, fork bombs among them, within limits.

import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";

import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";
import {
  codeOf,
  isAlive,
  isRoot,
  Launched,
  type OrderParts,
  path,
  procNumber,
  readProc,
  spawnerOf,
  testImages,
} from "./launching.ts";

const nprocLimit = 6;
const stranger = { uid: 54_326, gid: 54_326, groups: [] };

/** Each process tries again for ever: when it cannot fork, the shell exits, and its last act is to execute itself anew. */
const bombs = {
  "whose processes end as soon as they have forked":
    'sh -c "$BOMB" & sh -c "$BOMB" & trap - EXIT; exit',
  "whose processes never rest": 'while :; do sh -c "$BOMB" & done',
};

/** Members of the tree by pid, once there are as many as asked for. */
async function membersOf(launched: Launched, count: number): Promise<number[]> {
  const { launcherPid } = await launched.the("started");
  const members = (): number[] => descendantsOf(launcherPid, 10_000).map(({ pid }) => pid);
  return until(
    () => {
      const found = members();
      return found.length >= count ? found : null;
    },
    { what: `${count} processes`, timeoutMs: 20_000 },
  );
}

/** Stops the tree and waits for its end, which must leave nobody. */
async function stop(launched: Launched, members: number[], graceMs: number): Promise<void> {
  launched.child.stop(graceMs);
  await launched.over(20_000);
  expect(members.filter(isAlive)).toEqual([]);
}

for (const image of testImages()) {
  describe(`the ${image.name} stops`, () => {
    const spawner = spawnerOf(image);
    afterAll(() => spawner.close());
    const shell = (script: string, parts: OrderParts = {}): Launched =>
      Launched.shell(spawner, script, parts);

    test("a process with TERM, without KILL", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      await stop(launched, await membersOf(launched, 1), 10_000);
      expect(codeOf(await launched.the("exited"))).toBe(-15);
      expect(launched.kinds).toEqual(["started", "stopping", "exited", "tree-empty"]);
    });

    test("a process that ends in its own way on TERM", async () => {
      const launched = shell(
        "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done",
      );
      await until(() => launched.out === "ready\n");
      await stop(launched, [], 10_000);
      expect(codeOf(await launched.the("exited"))).toBe(5);
      expect(launched.out).toBe("ready\nbye\n");
      expect(launched.kinds).not.toContain("killing");
    });

    test("a tree that ignores TERM with KILL after the grace", async () => {
      const launched = shell("trap '' TERM INT HUP; (sleep 100; :) & while :; do sleep 100; done");
      const members = await membersOf(launched, 4);
      await stop(launched, members, 100);
      expect(codeOf(await launched.the("exited"))).toBe(-9);
      const [stopping, killing] = [await launched.the("stopping"), await launched.the("killing")];
      const waitedMs = Number(killing.monotonicNs - stopping.monotonicNs) / 1e6;
      expect(stopping.graceMs).toBe(100);
      expect(waitedMs).toBeGreaterThanOrEqual(100);
    });

    test("without any grace with KILL at once", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      await stop(launched, await membersOf(launched, 1), 0);
      const expected = ["started", "stopping", "killing", "exited", "tree-empty"];
      expect(launched.kinds).toEqual(expected);
    });

    test("earlier when a second stop shortens the grace, and no later when it lengthens it", async () => {
      const launched = shell("trap '' TERM; while :; do sleep 100; done");
      await membersOf(launched, 2);
      launched.child.stop(60_000);
      await launched.the("stopping");
      launched.child.stop(100_000);
      launched.child.stop(50);
      launched.child.stop(60_000);
      await launched.over();
      expect(launched.kinds.filter((kind) => kind === "stopping")).toHaveLength(1);
    });

    test("who forked twice and left the session", async () => {
      const launched = shell(
        "(setsid sh -c \"trap '' TERM; sleep 100 & while :; do sleep 100; done\" &); exec sleep 100",
      );
      await stop(launched, await membersOf(launched, 4), 100);
    });

    test("who is left when the process itself has ended long ago", async () => {
      const launched = shell("(setsid sh -c 'sleep 100 & exec sleep 100' &); exit 3");
      const exited = await launched.the("exited");
      expect([codeOf(exited), exited.treeLeft]).toEqual([3, true]);
      await stop(launched, await membersOf(launched, 2), 5_000);
      expect(launched.kinds).not.toContain("killing");
    });

    test("a stopped process with TERM, which CONT lets it act on", async () => {
      const launched = shell("trap 'exit 6' TERM; kill -STOP $$; while :; do sleep 0.01; done");
      const { pid } = await launched.the("started");
      await until(() => /^State:\tT/m.test(readProc(`${pid}/status`) ?? ""));
      await stop(launched, [pid], 10_000);
      expect(codeOf(await launched.the("exited"))).toBe(6);
      expect(launched.kinds).not.toContain("killing");
    });

    test("stopped processes that ignore TERM with KILL", async () => {
      const launched = shell(
        "trap '' TERM; (sleep 100; :) & kill -STOP $!; kill -STOP $$; sleep 100",
      );
      await stop(launched, await membersOf(launched, 2), 50);
    });

    test("a chain of 100 shells", async () => {
      const script =
        "n() { if [ $1 -gt 0 ]; then (n $(($1-1)); :); else sleep 100; fi; :; }; n 100";
      const launched = shell(script);
      await stop(launched, await membersOf(launched, 102), 0);
    });

    for (const [name, script] of Object.entries(bombs)) {
      test(`a fork bomb ${name}`, async () => {
        // As somebody else where we may, so that the limit does not count our own processes.
        const most = BigInt(isRoot ? 150 : processesOfUser(process.getuid?.() ?? 0) + 100);
        const attributes = isRoot ? { user: stranger } : {};
        const limits = [{ resource: nprocLimit, soft: most, hard: most }];
        const bomb = `trap 'exec sh -c "$BOMB"' EXIT; ${script}`;
        const env = [path, `BOMB=${bomb}`];
        const launched = shell(`exec 2>/dev/null; ${bomb}`, { attributes, limits, env });
        const uid = isRoot ? stranger.uid : (process.getuid?.() ?? 0);
        await until(() => processesOfUser(uid) >= Number(most) - 50, { timeoutMs: 20_000 });
        await stop(launched, [], 0);
        if (isRoot) expect(processesOfUser(stranger.uid)).toBe(0);
      }, 40_000);
    }

    test("a process whose first thread has ended while others go on", async () => {
      const script =
        'require("bun:ffi").dlopen("libc.so.6", { pthread_exit: { args: ["usize"], returns: "void" } }).symbols.pthread_exit(0)';
      const launched = Launched.start(spawner, [process.execPath, "-e", script]);
      const { pid } = await launched.the("started");
      await until(() => procNumber(`${pid}/status`, "Threads") > 1 && isZombie(pid));
      expect(launched.child.survivors(5).map((member) => member.pid)).toEqual([pid]);
      await stop(launched, [pid], 0);
      expect(codeOf(await launched.the("exited"))).toBe(-9);
    });

    test("a child that has hardly begun, whatever it became until then", async () => {
      for (let round = 0; round < 50; round++) {
        const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
        launched.child.stop(10_000);
        await launched.over();
        const last = launched.find("not-started");
        if (last) expect([last.phase, last.errno]).toEqual(["exec", 4]);
        else expect(codeOf(await launched.the("exited"))).toBe(-15);
      }
    });

    test("its tree when the launcher itself gets TERM", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { launcherPid } = await launched.the("started");
      process.kill(launcherPid, "SIGTERM");
      await launched.over();
      expect(launched.kinds).toEqual(["started", "stopping", "exited", "tree-empty"]);
    });
  });

  describe(`the ${image.name} signals`, () => {
    const spawner = spawnerOf(image);
    afterAll(() => spawner.close());

    const tree = "(setsid sh -c 'sleep 100 & wait' &); sleep 100 & sleep 100 & wait";

    test("the process, its group, or the whole tree, and says how many got it", async () => {
      const launched = Launched.shell(spawner, tree);
      await until(() => {
        const members = launched.child.survivors(10);
        return members.length === 5 && members.filter(isSleeper).length === 3;
      });
      for (const scope of ["main", "group", "tree"] as const) launched.child.signal(scope, 0);
      await until(() => launched.reports.filter(({ kind }) => kind === "signaled").length === 3);
      const answers = launched.reports.filter((report) => report.kind === "signaled");
      expect(answers.map(({ hits, errno }) => [hits, errno])).toEqual([
        [1, 0],
        [1, 0],
        [5, 0],
      ]);
      launched.child.signal("tree", 9);
      await launched.over();
      expect(codeOf(await launched.the("exited"))).toBe(-9);
    });

    test("everybody of a tree with KILL, however quickly the parents die", async () => {
      for (let round = 0; round < 50; round++) {
        const launched = Launched.shell(
          spawner,
          "(sh -c 'sleep 100 & wait' & wait) & sleep 100 & wait",
        );
        await until(() => launched.child.survivors(10).filter(isSleeper).length === 2);
        launched.child.signal("tree", 9);
        await launched.over();
      }
    });

    test("nobody when the process has ended, but still its group and its tree", async () => {
      const launched = Launched.shell(spawner, "setsid sleep 100 & sleep 100 & exit 0");
      const { pid } = await launched.the("started");
      await launched.the("exited");
      await until(
        () => launched.child.survivors(5).filter((one) => groupOf(one.pid) === pid).length === 1,
      );
      launched.child.signal("main", 15);
      launched.child.signal("group", 15);
      await until(() => launched.reports.filter(({ kind }) => kind === "signaled").length === 2);
      // Whoever has got a signal and not yet died of it would count again.
      await until(() => launched.child.survivors(5).length === 1);
      launched.child.signal("tree", 15);
      await launched.over();
      const answers = launched.reports.filter((report) => report.kind === "signaled");
      expect(answers.map(({ hits, errno, signal }) => [hits, errno, signal])).toEqual([
        [0, 3, 15],
        [1, 0, 15],
        [1, 0, 15],
      ]);
    });

    test("with an errno when the kernel does not know the signal", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      await launched.the("started");
      for (const scope of ["main", "group", "tree"] as const) launched.child.signal(scope, 65);
      await until(() => launched.reports.filter(({ kind }) => kind === "signaled").length === 3);
      const answers = launched.reports.filter((report) => report.kind === "signaled");
      expect(answers.map(({ hits, errno }) => [hits, errno])).toEqual([
        [0, 22],
        [0, 22],
        [0, 22],
      ]);
      launched.child.signal("main", 64);
      expect(codeOf(await launched.the("exited"))).toBe(-64);
      await launched.over();
    });

    test("a thousand times and answers each", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      await launched.the("started");
      const answers = (): number =>
        launched.reports.filter(({ kind }) => kind === "signaled").length;
      for (let sent = 0; sent < 1_000; sent += 10) {
        for (let each = 0; each < 10; each++) launched.child.signal("main", 0);
        await until(() => answers() === sent + 10);
      }
      launched.child.stop(0);
      await launched.over();
    });

    test("STOP and CONT to the child without a report of its own", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { pid } = await launched.the("started");
      for (const signal of ["SIGSTOP", "SIGCONT", "SIGSTOP", "SIGCONT"] as const) {
        process.kill(pid, signal);
        await Bun.sleep(0);
      }
      launched.child.stop(10_000);
      await launched.over();
      expect(launched.kinds).toEqual(["started", "stopping", "exited", "tree-empty"]);
    });
  });
}

function isSleeper({ command }: { command: string }): boolean {
  return command === "sleep 100";
}

function groupOf(pid: number): number {
  const fields = (readProc(`${pid}/stat`) ?? "").replace(/^.*\) /s, "").split(" ");
  return Number(fields[2]);
}

function isZombie(pid: number): boolean {
  return !isAlive(pid);
}

function processesOfUser(uid: number): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => procNumber(`${pid}/status`, "Uid") === uid).length;
}
