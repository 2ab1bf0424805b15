// ctl revoke: keys that are refused from now on, here and on nodes, and what happens to those who are in with them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { issueKey } from "../../src/keys/issue.ts";
import { printKey } from "../../src/keys/key-file.ts";
import { said } from "./support/running.ts";
import { type Daemon, keysOfTests, openSandbox, type Sandbox } from "./support/sandbox.ts";

let box: Sandbox;
let daemon: Daemon;
const nobody = "127.0.0.1:1";

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
});

afterAll(async () => {
  await daemon.stop();
  await box[Symbol.asyncDispose]();
});

/** A further key of the cluster, as a file. */
async function another(
  role: "operator" | "observer",
  name: string,
): Promise<{ file: string; fingerprint: string }> {
  const { operator } = await keysOfTests();
  const key = await issueKey(operator, { role, name });
  const file = join(box.directory, `${name}.key`);
  writeFileSync(file, printKey(key), { mode: 0o600 });
  return { file, fingerprint: key.identity.fingerprint };
}

test("a key that a node was told of gets nobody in there any more, and the others still do", async () => {
  const { file, fingerprint } = await another("operator", "lost");
  expect((await box.ctl(["exec", "--key", file, daemon.address, "true"])).code).toBe(0);
  const told = await box.ctl(["revoke", file, "-w", daemon.address]);
  expect(told).toMatchObject({ code: 0, stderr: "" });
  expect(told.text).toBe(
    `${fingerprint} is on the list ${join(box.keys, "revoked")}\n` +
      `${daemon.address}: refuses it from now on; sessions ended: 0\n`,
  );
  const refused = await box.ctl(["exec", "--key", file, daemon.address, "true"]);
  expect(refused.code).toBe(125);
  expect(refused.stderr.match(/[0-9a-f]{64}/g)).toContain(fingerprint);
  expect(daemon.run.stderrText()).toContain(`was revoked (fingerprint ${fingerprint})`);
  expect((await box.ctl(["exec", daemon.address, "echo", "in"])).text).toBe("in\n");
  const again = await box.ctl(["revoke", fingerprint.toUpperCase(), "-w", daemon.address]);
  expect(again.text).toContain("is on the list");
  expect(again.text).toContain(`${daemon.address}: knew it already`);
});

test("who is in with it is dismissed, and hears why", async () => {
  const { file, fingerprint } = await another("operator", "inside");
  const words = ["exec", "--key", file, "--on-disconnect", "kill:100ms", daemon.address];
  const inside = box.start([...words, "sh", "-c", "echo ready; exec sleep 600"]);
  await said(inside, /ready/);
  const told = await box.ctl(["revoke", fingerprint, "-w", daemon.address, "--json"]);
  const events = told.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events).toEqual([
    { ev: "key.revoked", fingerprint, path: join(box.keys, "revoked"), known: false },
    { ev: "node.revoked", node: daemon.address, known: false, sessions: 1 },
  ]);
  const ended = await inside.ended;
  expect(ended.code).toBe(255);
  expect(ended.stderr).toContain("this key was revoked");
});

test("nobody locks himself out", async () => {
  const { operator } = await keysOfTests();
  const { fingerprint } = operator.identity;
  const refused = await box.ctl(["revoke", fingerprint, "-w", daemon.address]);
  expect(refused).toMatchObject({ code: 1, text: "" });
  expect(refused.stderr).toContain("the key in use here");
  expect((await box.ctl(["exec", daemon.address, "true"])).code).toBe(0);
});

test("a node that is not told is named, and the exit code says so", async () => {
  const { fingerprint } = await another("observer", "absent");
  const some = await box.ctl(["revoke", fingerprint, "-w", `${nobody},${daemon.address}`]);
  expect(some.code).toBe(1);
  expect(some.stderr).toContain(`ctl: ${nobody}: `);
  const none = await box.ctl(["revoke", fingerprint, "-w", nobody]);
  expect(none.code).toBe(255);
});

test("what is no fingerprint and no key is refused", async () => {
  expect(await box.ctl(["revoke"])).toMatchObject({ code: 2, text: "" });
  const file = await box.ctl(["revoke", join(box.directory, "nowhere.key")]);
  expect(file.code).toBe(78);
  expect(file.stderr).toContain("nowhere.key");
  writeFileSync(join(box.directory, "not-a.key"), "hello\n", { mode: 0o600 });
  expect((await box.ctl(["revoke", join(box.directory, "not-a.key")])).code).toBe(1);
});

test("a list of revoked keys that others could have written, or that is broken, lets nobody in", async () => {
  const state = join(box.directory, "lists");
  const words = ["--port", "0", "--listen", "127.0.0.1", "--state-dir", state];
  const socket = join(box.directory, "lists.sock");
  const other = await box.startDaemon({ args: [...words, "--socket", socket] });
  const list = join(state, "revoked");
  const enter = async (): Promise<number | null> =>
    (await box.ctl(["exec", other.address, "true"])).code;
  expect(await enter()).toBe(0);
  writeFileSync(list, "# none\n", { mode: 0o600 });
  expect(await enter()).toBe(0);
  appendFileSync(list, "not a fingerprint\n");
  expect(await enter()).toBe(125);
  expect(other.run.stderrText()).toContain(list);
  writeFileSync(list, "");
  expect(await enter()).toBe(0);
  chmodSync(list, 0o666);
  expect(await enter()).toBe(125);
  rmSync(list);
  expect(await enter()).toBe(0);
  await other.stop();
});

test("the audit log has all of it", () => {
  const lines = readFileSync(join(box.directory, "state-1", "audit.log"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const revokes = lines.filter(({ kind }) => kind === "revoke");
  expect(revokes.length).toBeGreaterThan(2);
  for (const { ev, fingerprint } of revokes) {
    expect(ev).toBe("request.allowed");
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  }
  expect(lines.some(({ ev, code }) => ev === "session.refused" && code === "revoked")).toBe(true);
});
