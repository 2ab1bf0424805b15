// What is reported of real children that run and end, and of launchers that are killed.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SystemClock } from "../../src/os/clock.ts";
import { until } from "../support/until.ts";
import {
  bytesOf,
  codeOf,
  isAlive,
  isRoot,
  Launched,
  readProc,
  spawnerOf,
  testImages,
} from "./launching.ts";

const coreLimit = 4;
const unlimited = 0xffff_ffff_ffff_ffffn;

for (const image of testImages()) {
  describe(`reports of the ${image.name}`, () => {
    const spawner = spawnerOf(image);
    afterAll(() => spawner.close());

    test("are started, exited and tree-empty, with clocks in order", async () => {
      const clock = new SystemClock();
      const before = clock.monotonicNs();
      const launched = await Launched.shell(spawner, "exit 7").over();
      expect(launched.kinds).toEqual(["started", "exited", "tree-empty"]);
      const times = launched.reports.map((report) => report.monotonicNs);
      const inOrder = [before, ...times, clock.monotonicNs()];
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => (a < b ? -1 : 1)));
      const offset = clock.realtimeNs() - clock.monotonicNs();
      for (const report of launched.reports) {
        const difference = report.realtimeNs - report.monotonicNs - offset;
        expect(Math.abs(Number(difference))).toBeLessThan(50_000_000);
      }
    });

    test("carry the exit code", async () => {
      for (const code of [0, 1, 126, 255]) {
        const launched = await Launched.shell(spawner, `exit ${code}`).over();
        const exited = await launched.the("exited");
        expect([codeOf(exited), exited.treeLeft]).toEqual([code, false]);
      }
    });

    test("carry the signal, and whether core was dumped", async () => {
      const killed = await Launched.shell(spawner, "kill -KILL $$").over();
      expect((await killed.the("exited")).status).toBe(9);
      const fault = await Launched.shell(spawner, "kill -SEGV $$", {
        limits: [{ resource: coreLimit, soft: 0n, hard: 0n }],
      }).over();
      expect((await fault.the("exited")).status).toBe(11);
    });

    test("carry the core flag where the machine writes cores to files", async () => {
      const directory = mkdtempSync(join(tmpdir(), "ctl-core-"));
      chmodSync(directory, 0o777);
      const dumped = await Launched.shell(spawner, "kill -SEGV $$", {
        directory: bytesOf(directory),
        limits: [{ resource: coreLimit, soft: unlimited, hard: unlimited }],
      }).over();
      // Where cores go to a program, or may not be raised that high, the machine decides about the flag.
      const isFile = /^[^|]/.test(readProc("sys/kernel/core_pattern") ?? "|");
      if (isRoot && isFile) expect((await dumped.the("exited")).status).toBe(11 | 0x80);
      else expect(["exited", "not-started"]).toContain(dumped.kinds.at(isRoot ? 1 : 0) ?? "");
      rmSync(directory, { recursive: true });
    });

    test("carry the resources of the child, not ours", async () => {
      const launched = await Launched.start(spawner, ["/bin/true"]).over();
      const { usage } = await launched.the("exited");
      expect(usage.maxRssKib).toBeGreaterThan(300);
      expect(usage.maxRssKib).toBeLessThan(3 * 1024);
      expect(usage.minorFaults).toBeGreaterThan(10);
      const busy = Launched.shell(spawner, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
      await busy.over(30_000);
      expect((await busy.the("exited")).usage.userUs).toBeGreaterThan(10_000);
    });

    test("count the child's context switches", async () => {
      const launched = await Launched.shell(
        spawner,
        "for i in 1 2 3 4 5; do sleep 0.001; done",
      ).over();
      const { usage } = await launched.the("exited");
      expect(usage.voluntarySwitches).toBeGreaterThanOrEqual(5);
    });

    test("say exited at once when a grandchild keeps stdout, and tree-empty later", async () => {
      const launched = Launched.start(spawner, ["/bin/sh", "-c", "sleep 100 & exit 4"]);
      const exited = await launched.the("exited");
      expect([codeOf(exited), exited.treeLeft]).toEqual([4, true]);
      expect(launched.kinds).toEqual(["started", "exited"]);
      expect(launched.child.survivors(10)).toHaveLength(1);
      launched.child.stop(0);
      await launched.over();
      expect(launched.kinds).toEqual(["started", "exited", "stopping", "killing", "tree-empty"]);
    });

    test("say that nobody is left when all ended at the same time", async () => {
      const script = "for i in 1 2 3 4 5 6 7 8; do sleep 100 & done; kill -KILL 0";
      const launched = await Launched.shell(spawner, script).over();
      // KILL to the group ends them all; who is first is chance, but in the end nobody is left.
      expect(launched.kinds.at(-1)).toBe("tree-empty");
      const { treeLeft } = await launched.the("exited");
      const between = launched.kinds.slice(launched.kinds.indexOf("exited"));
      expect(between).toEqual(["exited", "tree-empty"]);
      expect(typeof treeLeft).toBe("boolean");
    });

    test("of many children at once go to the right ones", async () => {
      const all = Array.from({ length: 100 }, (_, index) => ({
        index,
        launched: Launched.shell(spawner, `echo ${index}; exit ${index}`),
      }));
      for (const { index, launched } of all) {
        await launched.over(30_000);
        expect(launched.out).toBe(`${index}\n`);
        expect(codeOf(await launched.the("exited"))).toBe(index);
        expect(launched.kinds).toEqual(["started", "exited", "tree-empty"]);
      }
    });

    test("are not lost while we do not read: the pipe is full for a while", async () => {
      const all = Array.from({ length: 600 }, () =>
        Launched.start(spawner, ["/bin/true"], { read: false }),
      );
      // Blocks our event loop until all of them have ended and had to keep their reports.
      const deadline = performance.now() + 500;
      while (performance.now() < deadline);
      for (const launched of all) await launched.the("tree-empty", 30_000);
      for (const launched of all) {
        expect(launched.kinds).toEqual(["started", "exited", "tree-empty"]);
        launched.child.stdout.close();
        launched.child.stderr.close();
      }
    });

    test("say launcher-lost when the launcher is killed, and nothing more", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { pid, launcherPid } = await launched.the("started");
      process.kill(launcherPid, "SIGKILL");
      await launched.the("launcher-lost");
      expect(launched.kinds).toEqual(["started", "launcher-lost"]);
      expect(launched.child.survivors(10)).toEqual([]);
      launched.child.signal("tree", 15);
      launched.child.stop(0);
      process.kill(pid, "SIGKILL");
      await until(() => !isAlive(pid));
      expect(launched.kinds).toEqual(["started", "launcher-lost"]);
    });

    test("say launcher-lost after exited when the launcher is killed later", async () => {
      const launched = Launched.shell(spawner, "sleep 100 & echo $!; exit 0");
      await launched.the("exited");
      const { launcherPid } = await launched.the("started");
      process.kill(launcherPid, "SIGKILL");
      await launched.the("launcher-lost");
      expect(launched.kinds).toEqual(["started", "exited", "launcher-lost"]);
      process.kill(Number(launched.out), "SIGKILL");
    });
  });
}
