// A launcher whose tree is empty and that is used again: for whom, how often, and what it must have forgotten.

import { describe, expect, test } from "bun:test";

import { until } from "../support/until.ts";
import { codeOf, isAlive, Launched, spawnerOf, testImages, waitingLaunchers } from "./launching.ts";

for (const image of testImages()) {
  describe(`the spawner with the ${image.name}`, () => {
    test("keeps one launcher started in advance, uses it, and uses it again", async () => {
      const spawner = spawnerOf(image);
      spawner.keepSpare(true);
      const spare = await until(() => waitingLaunchers()[0]);
      const used = new Set<number>();
      for (let round = 0; round < 20; round++) {
        const launched = Launched.start(spawner, ["/bin/sh", "-c", `exit ${round}`]);
        used.add((await launched.the("started")).launcherPid);
        await launched.over();
        expect(codeOf(await launched.the("exited"))).toBe(round);
      }
      expect(used).toContain(spare);
      // A second one where a child took so long that its launcher could not be waited for.
      expect(used.size).toBeLessThanOrEqual(2);
      spawner.keepSpare(false);
      await until(() => waitingLaunchers().length === 0);
      spawner.close();
    });

    test("a launcher that is used again knows nothing of what came before", async () => {
      const spawner = spawnerOf(image);
      spawner.keepSpare(true);
      const spare = await until(() => waitingLaunchers()[0]);
      const small = ["/bin/sh", "-c", 'echo "$0 $#"; exit 7', "small"];
      // More than fits into a start message.
      const large = [
        "/bin/sh",
        "-c",
        'echo "$0 $#"; exit 8',
        "large",
        ...Array.from({ length: 9_000 }, () => "x"),
      ];
      const reused: boolean[] = [];
      for (let round = 0; round < 4; round++) {
        const stopped = Launched.start(spawner, [
          "/bin/sh",
          "-c",
          "trap '' TERM; sleep 100 & wait",
        ]);
        reused.push((await stopped.the("started")).launcherPid === spare);
        stopped.child.setPolicy("keep", 1);
        stopped.child.stop(20);
        await stopped.over();
        // Too late: whoever they find now is not theirs.
        stopped.child.stop(0);
        stopped.child.setPolicy("stop", 0);
        stopped.child.releaseOutput();
        stopped.child.signal("tree", 9);
        expect(stopped.child.survivors(10)).toEqual([]);
        for (const [argv, text, code] of [
          [large, "large 9000\n", 8],
          [small, "small 0\n", 7],
        ] as const) {
          const next = Launched.start(spawner, argv, { policy: round % 2 === 0 ? "keep" : "stop" });
          await next.over();
          expect(next.out).toBe(text);
          expect(codeOf(await next.the("exited"))).toBe(code);
          expect(next.kinds).toEqual(["started", "exited", "tree-empty"]);
        }
      }
      expect(reused).toContain(true);
      spawner.close();
    });

    test("commands that were on their way to an ended tree do nothing to the next", async () => {
      const spawner = spawnerOf(image);
      spawner.keepSpare(true);
      await until(() => waitingLaunchers()[0]);
      const first = Launched.start(spawner, ["/bin/true"]);
      const { pid, launcherPid } = await first.the("started");
      // It ends, and our event loop has not heard of it.
      const deadline = performance.now() + 5_000;
      while (
        (isAlive(pid) || !waitingLaunchers().includes(launcherPid)) &&
        performance.now() < deadline
      );
      first.child.stop(0);
      first.child.setPolicy("keep", 0);
      first.child.signal("tree", 9);
      await first.over();
      // Three at once, for there may be a spare beside it.
      const next = [1, 2, 3].map(() => Launched.shell(spawner, "sleep 0.2; exit 3"));
      const launchers = await Promise.all(
        next.map(async (launched) => (await launched.the("started")).launcherPid),
      );
      expect(launchers).toContain(launcherPid);
      for (const launched of next) {
        await launched.over();
        expect(codeOf(await launched.the("exited"))).toBe(3);
      }
      spawner.close();
    });

    test("a launcher whose start failed is not used again", async () => {
      const spawner = spawnerOf(image);
      spawner.keepSpare(true);
      const spare = await until(() => waitingLaunchers()[0]);
      await Launched.start(spawner, ["/nowhere"]).the("not-started");
      await until(() => !isAlive(spare));
      const next = Launched.start(spawner, ["/bin/true"]);
      expect((await next.the("started")).launcherPid).not.toBe(spare);
      await next.over();
      spawner.close();
    });
  });
}
