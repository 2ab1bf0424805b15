// The spawner towards the machine: descriptors, refusals, spares, memory, wake-ups, what ps shows.

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

import type { LauncherReport } from "../../src/launcher/contract.ts";
import { openImage } from "../../src/launcher/image.ts";
import { LauncherProcess } from "../../src/launcher/launcher-process.ts";
import { LauncherSpawner } from "../../src/launcher/spawner.ts";
import { StatusPipe } from "../../src/launcher/status-pipe.ts";
import { SystemClock } from "../../src/os/clock.ts";
import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";
import {
  bytesOf,
  isAlive,
  isRoot,
  Launched,
  openFds,
  procNumber,
  readProc,
  spawnerOf,
  type TestImage,
  testImages,
  waitingLaunchers,
} from "./launching.ts";

const oneStart = join(import.meta.dir, "../programs/one-start.ts");

/** Waits, launchers without orders, over the status pipe that they would report to. */
class WaitingLaunchers {
  readonly launchers: LauncherProcess[];
  readonly #status = new StatusPipe();

  constructor(image: TestImage, count: number) {
    const opened = openImage({ bytes: image.bytes });
    const options = { command: opened.command, statusFd: this.#status.writeFd };
    this.launchers = Array.from({ length: count }, () => new LauncherProcess(options));
    opened.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const launcher of this.launchers) launcher.release();
    await until(() => this.launchers.every((launcher) => launcher.hasEnded));
    this.#status.close();
  }
}

/** What a process costs alone: its own pages and the tables for all of them. */
function ownKib(pid: number): number {
  const clean = procNumber(`${pid}/smaps_rollup`, "Private_Clean");
  const dirty = procNumber(`${pid}/smaps_rollup`, "Private_Dirty");
  return clean + dirty + procNumber(`${pid}/status`, "VmPTE");
}

function wakeUps(pids: readonly number[]): number {
  const names = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"];
  const counts = pids.flatMap((pid) => names.map((name) => procNumber(`${pid}/status`, name)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Starts /bin/true in a process of its own and says what was reported there. */
async function reportsOf(command: string[]): Promise<string[]> {
  const run = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
  const text = await run.stdout.text();
  expect(await run.stderr.text()).toBe("");
  return text.split("\n").filter(Boolean);
}

const started = ['{"kind":"started"}', '{"kind":"exited"}', '{"kind":"tree-empty"}'];

for (const image of testImages()) {
  describe(`the spawner with the ${image.name}`, () => {
    test("leaks no descriptor and no process over 200 starts", async () => {
      const spawner = spawnerOf(image);
      await Launched.start(spawner, ["/bin/true"], { stdin: "pipe" }).over();
      await until(() => descendantsOf(process.pid, 10).length === 0);
      const before = openFds();
      for (let round = 0; round < 20; round++) {
        const failing = Launched.start(spawner, ["/nothing"], { stdin: "pipe", policy: "keep" });
        const all = Array.from({ length: 9 }, () => {
          const policy = round % 2 === 0 ? "keep" : "stop";
          return Launched.start(spawner, ["/bin/echo", "x"], { stdin: "pipe", policy });
        });
        for (const launched of [failing, ...all]) {
          await launched.over();
          launched.child.stdin?.close();
          launched.child.stdin?.close();
        }
      }
      await until(() => openFds() <= before, { what: `${before} descriptors again` });
      await until(() => descendantsOf(process.pid, 10).length === 0);
      spawner.close();
    }, 30_000);

    test("opens nothing that a child of somebody else could inherit", async () => {
      const { readdirSync } = process.getBuiltinModule("node:fs");
      const before = new Set(readdirSync("/proc/self/fd"));
      const spawner = spawnerOf(image);
      const launched = Launched.start(spawner, ["/bin/sleep", "100"], {
        stdin: "pipe",
        policy: "keep",
      });
      const { launcherPid } = await launched.the("started");
      const opened = readdirSync("/proc/self/fd").filter((fd) => !before.has(fd));
      const flags = opened.map(
        (fd) => /^flags:\t(\d+)/m.exec(readProc(`self/fdinfo/${fd}`) ?? "")?.[1],
      );
      const inheritable = flags.filter(
        (each) => each && (Number.parseInt(each, 8) & 0o2000000) === 0,
      );
      expect(opened.length).toBeGreaterThan(6);
      expect(inheritable).toEqual([]);
      // Control, status, signals, and the two read ends that the policy keep asks for.
      await until(() => openFds(launcherPid) === 5);
      launched.child.stop(0);
      await launched.over();
      launched.child.stdin?.close();
      spawner.close();
    });

    test("reports what the machine refuses, and never throws", async () => {
      const garbage = new LauncherSpawner({
        clock: new SystemClock(),
        image: { bytes: bytesOf("not a program") },
      });
      const launched = await Launched.start(garbage, ["/bin/true"], { stdin: "pipe" }).over();
      const { phase, errno } = await launched.the("not-started");
      expect([phase, errno]).toEqual(["clone", 8]);
      const answers: (string | null)[] = [];
      launched.child.stdin?.write(bytesOf("x"), (failure) => answers.push(failure));
      await until(() => answers.length === 1);
      expect(answers).toEqual(["EPIPE"]);
      expect(launched.child.survivors(10)).toEqual([]);
      launched.child.signal("main", 15);
      launched.child.stop(0);
      garbage.close();
    });

    test("reports EMFILE wherever it strikes", async () => {
      const phases = new Set<string>();
      for (let more = 1; more <= 24; more++) {
        const reports = await reportsOf([process.execPath, oneStart, `${more}`]);
        if (reports.length > 1) {
          expect(reports).toEqual(started);
          continue;
        }
        const report = JSON.parse(reports[0] ?? "") as { phase: string; errno: number };
        expect(report.errno).toBe(24);
        phases.add(report.phase);
      }
      expect([...phases].toSorted()).toEqual(["clone", "stdio"]);
    }, 60_000);

    test("never reports synchronously", async () => {
      const spawner = spawnerOf(image);
      const reports: LauncherReport[] = [];
      for (const program of ["/bin/true", "/nothing"]) {
        const orders = {
          id: program === "/nothing" ? 1n : 2n,
          argv: [bytesOf(program)],
          env: [],
          directory: bytesOf(""),
          policy: "stop" as const,
          graceMs: 0,
          limits: [],
          stdin: "null" as const,
          label: "",
        };
        spawner.start(orders, (report) => reports.push(report));
        expect(reports).toEqual([]);
      }
      await until(() => reports.length === 4);
      spawner.close();
    });

    test("starts from a file on disk where memory files may not be executed", async () => {
      const spawner = new LauncherSpawner({
        clock: new SystemClock(),
        image: { bytes: image.bytes, onDisk: true },
      });
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { launcherPid } = await launched.the("started");
      const { readlinkSync } = process.getBuiltinModule("node:fs");
      expect(readlinkSync(`/proc/${launcherPid}/exe`)).toMatch(
        /^\/(tmp|var\/tmp|dev\/shm|run)\/.*\(deleted\)$/,
      );
      launched.child.stop(0);
      await launched.over();
      spawner.close();
    });

    test("finds that out by itself", async () => {
      const script = 'echo 2 > /proc/sys/vm/memfd_noexec && exec "$@"';
      const user = isRoot ? [] : ["--map-root-user"];
      const inside = [
        "unshare",
        ...user,
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-c",
        script,
        "sh",
      ];
      expect(await reportsOf([...inside, process.execPath, oneStart])).toEqual(started);
    });

    test("starts the next spare even while the child goes on", async () => {
      const spawner = spawnerOf(image);
      spawner.keepSpare(true);
      await until(() => waitingLaunchers()[0]);
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      await launched.the("started");
      await until(() => waitingLaunchers()[0]);
      launched.child.stop(0);
      await launched.over();
      spawner.close();
      await until(() => waitingLaunchers().length === 0);
    });

    test("starts all the same when somebody has killed the spare", async () => {
      const spawner = spawnerOf(image);
      for (const signal of ["SIGKILL", "SIGTERM"] as const) {
        spawner.keepSpare(true);
        const spare = await until(() => waitingLaunchers()[0]);
        process.kill(spare, signal);
        // Dead, but our event loop has not heard of it.
        const deadline = performance.now() + 5_000;
        while (isAlive(spare) && performance.now() < deadline);
        const launched = await Launched.start(spawner, ["/bin/true"]).over();
        expect(launched.kinds).toEqual(started.map((line) => JSON.parse(line).kind));
        spawner.keepSpare(false);
      }
      spawner.close();
    });

    test("lets go of everything when it is closed: trees follow their policies", async () => {
      const before = openFds();
      const spawner = spawnerOf(image);
      const stopped = Launched.start(spawner, ["/bin/sleep", "100"], { stdin: "pipe" });
      const kept = Launched.start(spawner, ["/bin/sleep", "100"], { policy: "keep" });
      const pids = [await stopped.the("started"), await kept.the("started")];
      spawner.close();
      spawner.close();
      await until(() => !isAlive(pids[0]?.pid ?? 0));
      expect(isAlive(pids[1]?.pid ?? 0)).toBe(true);
      expect([stopped.kinds, kept.kinds]).toEqual([["started"], ["started"]]);
      const late = await Launched.start(spawner, ["/bin/true"]).over();
      expect((await late.the("not-started")).errno).toBe(108);
      process.kill(pids[1]?.launcherPid ?? 0, "SIGTERM");
      await until(() => !isAlive(pids[1]?.pid ?? 0));
      // The runtime keeps one for each process that it has started, until that has ended.
      await until(() => openFds() <= before);
    });

    test("shows name and label to ps", async () => {
      const spawner = spawnerOf(image);
      const labels = ["p_7k3x9q2m: sleep 100", "x".repeat(1_000), "né", ""];
      const shown = ["ctl-launcher p_7k3x9q2m: sleep 100", `ctl-launcher ${"x".repeat(127)}`];
      for (const [index, label] of labels.entries()) {
        const launched = Launched.start(spawner, ["/bin/sleep", "100"], { label });
        const { launcherPid } = await launched.the("started");
        await until(() => openFds(launcherPid) === 3);
        const line = Buffer.from(readProc(`${launcherPid}/cmdline`) ?? "", "latin1").toString();
        expect(line.replace(/\0$/, "")).toBe(shown[index] ?? `ctl-launcher ${label}`);
        expect(readProc(`${launcherPid}/comm`)).toBe("ctl-launcher\n");
        launched.child.stop(0);
        await launched.over();
      }
      spawner.close();
    });

    test("costs at most 128 kB per waiting launcher, and no wake-up", async () => {
      await using waiting = new WaitingLaunchers(image, 200);
      const pids = waiting.launchers.map(({ pid }) => pid);
      await until(() => pids.every((pid) => /^State:\tS/m.test(readProc(`${pid}/status`) ?? "")));
      const costs = pids.map(ownKib);
      expect(Math.max(...costs)).toBeLessThanOrEqual(128);
      const before = wakeUps(pids);
      // Nothing is waited for: whatever happens in this second is what is measured.
      await Bun.sleep(1_000);
      expect(wakeUps(pids)).toBe(before);
    }, 30_000);

    test("costs at most 128 kB per launcher with a running child, and no wake-up", async () => {
      const spawner = spawnerOf(image);
      const all = Array.from({ length: 200 }, () =>
        Launched.start(spawner, ["/bin/sleep", "1000"]),
      );
      const pids: number[] = [];
      for (const launched of all) pids.push((await launched.the("started", 30_000)).launcherPid);
      await until(() => pids.every((pid) => /^State:\tS/m.test(readProc(`${pid}/status`) ?? "")));
      const costs = pids.map(ownKib);
      expect(Math.max(...costs)).toBeLessThanOrEqual(128);
      const before = wakeUps(pids);
      // Nothing is waited for: whatever happens in this second is what is measured.
      await Bun.sleep(1_000);
      expect(wakeUps(pids)).toBe(before);
      for (const launched of all) launched.child.stop(0);
      for (const launched of all) await launched.over(30_000);
      spawner.close();
    }, 60_000);
  });
}

afterAll(async () => {
  await until(() => waitingLaunchers().length === 0);
});
