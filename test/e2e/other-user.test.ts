// A daemon of a user without rights: what it may not do, and what it says when that user's limit of processes is reached.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expectFailure } from "./support/failure-line.ts";
import { type OtherUser, otherUser } from "./support/other-user.ts";
import { isAlive } from "./support/processes.ts";
import { type Running, said } from "./support/running.ts";
import { openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";

let box: Sandbox;
let other: OtherUser;

beforeAll(async () => {
  box = await openSandbox();
  other = await otherUser(box);
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});

/** Words for a daemon with a socket of this name. */
const daemonOf = (name: string, words: readonly string[] = []): string[] => {
  const socket = join(other.home, `${name}.sock`);
  return [other.executable, "daemon", "--socket", socket, ...state(), ...words];
};

const state = (): string[] => ["--state-dir", join(other.home, "state")];

/** Of a running process, by its own user: root without all its capabilities may not. */
async function limitProcesses(run: Running, soft: number): Promise<void> {
  const words = ["prlimit", "--pid", `${run.pid}`, `--nproc=${soft}:`];
  expect(await other.run(words)).toMatchObject({ stderr: "", code: 0 });
}

test("a limit of processes that is reached is said, survived, and over when it is over", async () => {
  const run = other.start(daemonOf("limited", ["--port", "0"]));
  const [, port = ""] = await said(run, /listening on \S+:(\d+)$/m);
  const node = `127.0.0.1:${port}`;
  const uid = await box.ctl(["exec", node, "id", "-u"]);
  expect(uid).toMatchObject({ text: `${other.uid}\n`, code: 0 });
  await limitProcesses(run, 1);
  // Often enough that the runtime wants a thread for its compiler in between, if it may have any.
  for (let round = 0; round < 40; round += 1) {
    const ended = await box.ctl(["exec", node, "true"]);
    expectFailure(ended, 125, [`${node}: clone: EAGAIN`, "limit of processes", "ulimit -u"]);
  }
  expect(isAlive(run.pid)).toBe(true);
  await limitProcesses(run, 4_096);
  expect((await box.ctl(["exec", node, "--sh", "true & wait"])).code).toBe(0);
  run.signal("SIGTERM");
  expect((await run.ended).code).toBe(0);
  await untilNothingIsLeft(box);
});

test("a port below those for everybody needs a right", async () => {
  const first = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  // Where everybody may have every port there is nothing to refuse; port 0 is no port.
  const port = first > 1 ? first - 1 : 0;
  const run = other.start(daemonOf("low", ["--listen", "127.0.0.1", "--port", `${port}`]));
  if (port === 0) {
    await said(run, /listening/);
    run.signal("SIGTERM");
    expect((await run.ended).code).toBe(0);
    return;
  }
  expectFailure(await run.ended, 1, [`127.0.0.1:${port}`, "permission denied", "--port"]);
});

test("a directory of somebody else needs a right", async () => {
  const socket = "/proc/1/d.sock";
  const ended = await other.run([other.executable, "daemon", "--socket", socket, ...state()]);
  expectFailure(ended, 1, ["/proc/1"]);
});

test("a key of somebody else is of no use: it cannot be read, or is not trusted", async () => {
  const key = join(box.directory, "shared.key");
  copyFileSync(join(box.keys, "node.key"), key);
  const words = daemonOf("foreign", ["--port", "0", "--key", key]);
  chmodSync(key, 0o644);
  expectFailure(await other.run(words), 77, [`"${key}"`]);
  if (process.getuid?.() !== 0) return;
  chmodSync(key, 0o600);
  expectFailure(await other.run(words), 1, [`"${key}"`, "EACCES"]);
});

test("without a place for its state a daemon says that it writes nothing down, and serves", async () => {
  const socket = join(other.home, "stateless.sock");
  const run = other.start([
    other.executable,
    "daemon",
    "--socket",
    socket,
    "--state-dir",
    "/proc/1",
  ]);
  await said(run, /listening on unix:/);
  expect((await box.ctl(["exec", `unix:${socket}`, "true"])).code).toBe(0);
  run.signal("SIGTERM");
  const ended = await run.ended;
  expectFailure(ended, 0, ['"/proc/1"', "--state-dir", "nothing is written down"]);
});

test("another user's socket answers root and its owner only", async () => {
  const run = other.start(daemonOf("private"));
  const [, path = ""] = await said(run, /listening on unix:(\S+)$/m);
  const words = ["exec", `unix:${path}`, "id", "-u"];
  expect((await box.ctl(words)).text).toBe(`${other.uid}\n`);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    const ours = await box.startDaemon();
    const ended = await other.run([other.executable, "exec", `unix:${ours.socket}`, "true"]);
    expectFailure(ended, 255, ["EACCES", "only its owner and root"]);
    await ours.stop();
  }
  run.signal("SIGTERM");
  expect((await run.ended).code).toBe(0);
});
