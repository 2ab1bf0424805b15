// What launchers do when the daemon is killed: real daemons, reduced to their spawner, are.

import { dlopen } from "bun:ffi";
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";
import { isAlive } from "./launching.ts";

const program = join(import.meta.dir, "../programs/spawning-daemon.ts");
const directory = mkdtempSync(join(tmpdir(), "ctl-orphans-"));
afterAll(() => rmSync(directory, { recursive: true }));

interface Daemon {
  daemonPid: number;
  /** The child's. */
  pid: number;
  launcherPid: number;
  kill(): Promise<void>;
}

async function daemonWith(options: {
  policy: "stop" | "keep";
  graceMs?: number;
  next?: "nothing" | "leave" | "spare";
  script: string;
}): Promise<Daemon> {
  const { policy, graceMs = 200, next = "nothing", script } = options;
  const daemon = Bun.spawn([process.execPath, program, policy, `${graceMs}`, next, script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const reader = daemon.stdout.getReader();
  let line = "";
  while (!line.endsWith("\n")) {
    const { value } = await reader.read();
    if (!value) throw new Error("The daemon has ended");
    line += new TextDecoder().decode(value);
  }
  const started = JSON.parse(line) as { pid: number; launcherPid: number };
  return {
    ...started,
    daemonPid: daemon.pid,
    kill: async () => {
      daemon.kill("SIGKILL");
      await daemon.exited;
    },
  };
}

const textIn = (name: string): string =>
  existsSync(join(directory, name)) ? readFileSync(join(directory, name), "utf8") : "";

function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).map((fd) => readlinkSync(join(folder, fd)));
}

describe("when the daemon is killed, the launcher", () => {
  test("sends TERM to the tree at once under the policy stop", async () => {
    const script = [
      // The shell would say that its own child was terminated, into a pipe that nobody reads any more.
      "exec 2> /dev/null",
      `trap 'echo term > ${directory}/term; exit 0' TERM`,
      `echo ready > ${directory}/ready; while :; do sleep 0.01; done`,
    ].join("; ");
    const daemon = await daemonWith({ policy: "stop", graceMs: 60_000, script });
    await until(() => textIn("ready") !== "");
    await daemon.kill();
    await until(() => textIn("term") === "term\n");
    await until(() => !isAlive(daemon.launcherPid));
  });

  test("sends KILL after the grace to who ignores TERM, wherever it went", async () => {
    const deaf = "trap '' TERM HUP INT; while :; do sleep 100; done";
    const script = `(setsid sh -c "${deaf}" &); ${deaf}`;
    const daemon = await daemonWith({ policy: "stop", graceMs: 100, script });
    const members = await until(() => {
      const found = descendantsOf(daemon.launcherPid, 10);
      return found.length === 4 ? found : null;
    });
    await daemon.kill();
    await until(() => !isAlive(daemon.launcherPid));
    expect(members.filter(({ pid }) => isAlive(pid))).toEqual([]);
  });

  test("lets the child write on and end by itself under the policy keep", async () => {
    const script = [
      `while [ ! -e ${directory}/go ]; do sleep 0.01; done`,
      // More than the pipes can hold, on both.
      "head -c 2000000 /dev/zero && head -c 2000000 /dev/zero >&2",
      `echo "code $?" > ${directory}/kept`,
    ].join("; ");
    const daemon = await daemonWith({ policy: "keep", script });
    await daemon.kill();
    const files = await until(() => {
      const found = descriptorsOf(daemon.launcherPid);
      return found.length === 3 ? found : null;
    });
    expect(files.filter((file) => file.startsWith("pipe:"))).toHaveLength(2);
    expect(files).toContain("anon_inode:[signalfd]");
    await Bun.write(join(directory, "go"), "");
    await until(() => textIn("kept") !== "");
    expect(textIn("kept")).toBe("code 0\n");
    await until(() => !isAlive(daemon.launcherPid));
  });

  test("keeps a tree that was left, and no descriptor but its own", async () => {
    const script = `trap '' PIPE; while [ ! -e ${directory}/end ]; do sleep 0.01; echo x; done 2>/dev/null`;
    const daemon = await daemonWith({ policy: "stop", next: "leave", script });
    await daemon.kill();
    await until(() => descriptorsOf(daemon.launcherPid).length === 1);
    expect(descriptorsOf(daemon.launcherPid)).toEqual(["anon_inode:[signalfd]"]);
    expect(isAlive(daemon.pid)).toBe(true);
    await Bun.write(join(directory, "end"), "");
    await until(() => !isAlive(daemon.launcherPid));
  });

  test("gives SIGPIPE to a kept child whose output was released", async () => {
    const script = `trap 'echo pipe > ${directory}/pipe' EXIT; while :; do sleep 0.01; echo x; done`;
    const daemon = await daemonWith({ policy: "keep", next: "leave", script });
    await until(() => !isAlive(daemon.pid));
    await until(() => !isAlive(daemon.launcherPid));
    await daemon.kill();
  });

  test("ends silently if it was only a spare", async () => {
    const daemon = await daemonWith({ policy: "keep", next: "spare", script: "sleep 100" });
    // The next spare is started after a while; its argument is still padding.
    const spare = await until(
      () =>
        descendantsOf(daemon.daemonPid, 10).find(({ command }) =>
          /^ctl-launcher +…?$/.test(command),
        )?.pid,
    );
    await daemon.kill();
    await until(() => !isAlive(spare));
    expect(isAlive(daemon.pid)).toBe(true);
    queueCommand(daemon.launcherPid, { operation: 2, graceMs: 0 });
    await until(() => !isAlive(daemon.pid));
  });

  test("still takes commands as queued signals", async () => {
    const script = [
      `trap 'echo usr1 > ${directory}/usr1' USR1`,
      `echo ready > ${directory}/armed; while :; do sleep 0.01; done`,
    ].join("; ");
    const daemon = await daemonWith({ policy: "keep", script });
    await until(() => textIn("armed") !== "");
    await daemon.kill();
    queueCommand(daemon.launcherPid, { operation: 1, scope: 1, signal: 10 });
    await until(() => textIn("usr1") === "usr1\n");
    expect(isAlive(daemon.pid)).toBe(true);
    // A plain signal of that number, without a value, is no command.
    process.kill(daemon.launcherPid, 34);
    queueCommand(daemon.launcherPid, { operation: 2, graceMs: 5_000 });
    await until(() => !isAlive(daemon.launcherPid));
    expect(isAlive(daemon.pid)).toBe(false);
  });
});

interface Command {
  operation: number;
  scope?: number;
  signal?: number;
  graceMs?: number;
}

/** As a daemon that was started again would do it. */
function queueCommand(
  pid: number,
  { operation, scope = 0, signal = 0, graceMs = 0 }: Command,
): void {
  const { sigqueue } = dlopen("libc.so.6", {
    sigqueue: { args: ["i32", "i32", "u64"], returns: "i32" },
  }).symbols;
  const value =
    BigInt(operation) | (BigInt(scope) << 8n) | (BigInt(signal) << 16n) | (BigInt(graceMs) << 32n);
  expect(sigqueue(pid, 34, value)).toBe(0);
}
