// `ctl init` and `ctl pack` from outside: executables with a key in them, what they can do, and who may not have them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";

import { readPackedKey } from "../../src/keys/packed.ts";
import {
  json,
  keyAt,
  modeOf,
  openCluster,
  openDesk,
  openOperator,
  secretsBelow,
  succeed,
} from "./support/desk.ts";
import { expectFailure } from "./support/failure-line.ts";
import { said, start } from "./support/running.ts";
import { openSandbox, type Sandbox } from "./support/sandbox.ts";

/** All that was said, and all words that were typed. */
const heard: string[] = [];

let box: Sandbox;
beforeAll(async () => {
  box = await openSandbox();
});
afterAll(() => box[Symbol.asyncDispose]());

test("init makes the operator's key and ctl for the nodes, both for their owner alone", async () => {
  const desk = openDesk(box, heard);
  const text = await succeed(desk.ctl(["init"]));
  const operator = keyAt(join(desk.keys, "operator.key"));
  const node = readPackedKey(desk.at("ctl-node"));
  expect(operator.identity).toMatchObject({ role: "operator", name: "operator" });
  expect(node?.identity).toMatchObject({
    role: "node",
    name: "node",
    cluster: operator.identity.cluster,
  });
  expect([operator.authorityKey !== null, node?.authorityKey ?? null]).toEqual([true, null]);
  expect([modeOf(join(desk.keys, "operator.key")), modeOf(desk.at("ctl-node"))]).toEqual([
    "600",
    "700",
  ]);
  expect([modeOf(desk.keys), modeOf(desk.at("home/.config"))]).toEqual(["700", "700"]);
  expect(readdirSync(desk.keys)).toEqual(["operator.key"]);
  expect(readdirSync(desk.path).toSorted()).toEqual(["ctl-node", "home"]);
  for (const part of [
    `cluster ${operator.identity.cluster}`,
    "scp ctl-node NODE:ctl",
    "./ctl daemon --port 9000",
    "ctl exec NODE hostname",
  ]) {
    expect(text).toContain(part);
  }
});

test("init goes where it is told, and says so to scripts too", async () => {
  const desk = openDesk(box, heard);
  const made = await json(desk.ctl(["init", "--dir", "a/b/", "-o", "out/ctl-n", "--json"]));
  const operator = keyAt(desk.at("a/b/operator.key"));
  expect(made).toEqual({
    cluster: operator.identity.cluster,
    operator: { path: "a/b/operator.key", ...operator.identity },
    node: { path: "out/ctl-n", ...readPackedKey(desk.at("out/ctl-n"))?.identity },
  });
  expect([modeOf(desk.at("a")), modeOf(desk.at("a/b")), modeOf(desk.at("out"))]).toEqual([
    "700",
    "700",
    "700",
  ]);
  expect(existsSync(desk.keys)).toBe(false);
  rmSync(desk.at("out/ctl-n"));
});

test("init in XDG_CONFIG_HOME, and told with the option that finds a key elsewhere", async () => {
  const desk = openDesk(box, heard);
  const env = { XDG_CONFIG_HOME: desk.at("xdg") };
  expect(await succeed(desk.ctl(["init"], { env }))).toContain("ctl exec NODE hostname");
  keyAt(desk.at("xdg/ctl/operator.key"));
  rmSync(desk.at("ctl-node"));
  const elsewhere = await succeed(desk.ctl(["init", "--dir", "d"], { env }));
  expect(elsewhere).toContain("ctl exec --key d/operator.key NODE hostname");
  rmSync(desk.at("ctl-node"));
});

test("init overwrites neither file, and makes neither when one is there", async () => {
  for (const taken of ["home/.config/ctl/operator.key", "ctl-node"]) {
    const desk = openDesk(box, heard);
    mkdirSync(desk.keys, { recursive: true });
    symlinkSync("/nowhere/at/all", desk.at(taken));
    expectFailure(await desk.ctl(["init"]), 1, ["exists already", "nothing was made"]);
    expect(lstatSync(desk.at(taken)).isSymbolicLink()).toBe(true);
    expect(readdirSync(desk.keys).length + readdirSync(desk.path).length).toBe(2);
  }
});

test("init leaves no operator's key behind when ctl for the nodes cannot be made", async () => {
  const desk = openDesk(box, heard);
  expectFailure(await desk.ctl(["init", "-o", "/proc/ctl-node"]), 1, [
    'Cannot make "/proc/ctl-node": E',
  ]);
  expect(readdirSync(desk.keys)).toEqual([]);
});

test("the copy runs, and finds its own key", async () => {
  const desk = await openCluster(box, heard);
  const executable = desk.at("ctl-node");
  const version = await succeed(desk.ctl(["version"]));
  expect(await succeed(desk.ctl(["version"], { executable }))).toBe(version);
  expect(await succeed(desk.ctl(["exec", "local", "echo", "hello"], { executable }))).toBe(
    "hello\n",
  );
  const shown = await succeed(desk.ctl(["key", "show"], { executable }));
  expect(shown).toMatch(/^packed into ctl +found: a node's key, used by ctl daemon$/m);
  expect(shown).toMatch(
    /operator\.key +found: an operator's key, used to look and used to run commands$/m,
  );
  const { places, keys } = await json(desk.ctl(["key", "show", "--json"], { executable }));
  expect(places).toMatchObject([
    { place: "packed", standing: "found", used_for: ["node"], role: "node" },
    { place: "directory", standing: "found", used_for: ["observer", "operator"] },
    ...Array.from({ length: 5 }, () => ({ place: "directory", standing: "none", used_for: [] })),
  ]);
  expect(keys).toMatchObject([
    { role: "node", issues: false, sound: true, problem: null },
    { role: "operator", issues: true, sound: true, problem: null },
  ]);
});

test("a copy that others can read keeps its key to itself: 77", async () => {
  const desk = await openCluster(box, heard);
  const executable = desk.at("ctl-node");
  chmodSync(executable, 0o755);
  const daemon = [
    "daemon",
    "--port",
    "0",
    "--socket",
    desk.at("s"),
    "--state-dir",
    desk.at("state"),
  ];
  const ended = await desk.ctl(daemon, { executable });
  expectFailure(ended, 77, ["The key in", "is not safe", "mode 0755", "chmod 700"]);
  const shown = await desk.ctl(["key", "show"], { executable });
  expect(shown.code).toBe(77);
  expect(shown.text).toMatch(/^packed into ctl +unsafe$/m);
  // What needs no key is not disturbed.
  expect((await desk.ctl(["exec", "local", "true"], { executable })).code).toBe(0);
});

test("a daemon with a packed key serves the operator of its cluster, and says nothing of the key", async () => {
  const desk = await openCluster(box, heard);
  const words = [
    "daemon",
    "--port",
    "0",
    "--listen",
    "127.0.0.1",
    "--socket",
    desk.at("s"),
    "--state-dir",
    desk.at("state"),
  ];
  const env = { PATH: process.env["PATH"], HOME: desk.at("nobody") };
  const run = start([desk.at("ctl-node"), ...words], { cwd: desk.path, env });
  const [, port = ""] = await said(run, /listening on 127\.0\.0\.1:(\d+)$/m);
  expect(await succeed(desk.ctl(["exec", `127.0.0.1:${port}`, "echo", "hello"]))).toBe("hello\n");
  heard.push(
    readFileSync(`/proc/${run.pid}/cmdline`, "utf8"),
    readFileSync(`/proc/${run.pid}/environ`, "utf8"),
  );
  run.signal("SIGTERM");
  const { code, text, stderr } = await run.ended;
  heard.push(text, stderr);
  expect(code).toBe(0);
});

test("pack puts any key into a copy, of itself or of another ctl, in place of the one before", async () => {
  const desk = await openCluster(box, heard);
  await succeed(desk.ctl(["key", "observer"]));
  const words = ["pack", "--key", "observer.key", "--binary", "ctl-node", "-o", "ctl-tv", "--json"];
  const { identity } = keyAt(desk.at("observer.key"));
  expect(await json(desk.ctl(words))).toEqual({ path: "ctl-tv", ...identity });
  expect(readPackedKey(desk.at("ctl-tv"))?.identity).toEqual(identity);
  expect(modeOf(desk.at("ctl-tv"))).toBe("700");
  const growth = statSync(desk.at("ctl-tv")).size - statSync(box.executable).size;
  expect(growth).toBeLessThan(4_096);
  rmSync(desk.at("ctl-node"));
  expect(
    await succeed(desk.ctl(["exec", "local", "echo", "x"], { executable: desk.at("ctl-tv") })),
  ).toBe("x\n");
  expectFailure(await desk.ctl(["pack", "--key", "observer.key", "-o", "ctl-tv"]), 1, [
    "exists already",
  ]);
  expectFailure(
    await desk.ctl(["pack", "--key", "observer.key", "--binary", "observer.key", "-o", "x"]),
    1,
    ['"observer.key" is not an executable of ctl'],
  );
  expectFailure(await desk.ctl(["pack", "-o", "x"]), 78, [
    "No key for a daemon",
    "is an operator's",
  ]);
  expect(readdirSync(desk.path).toSorted()).toEqual(["ctl-tv", "home", "observer.key"]);
});

test("pack without --key takes the node's key that is found", async () => {
  const desk = await openOperator(box, heard);
  await succeed(desk.ctl(["key", "node", "--name", "n7", "-o", join(desk.keys, "node.key")]));
  const text = await succeed(desk.ctl(["pack", "-o", "ctl-n7"]));
  expect(text).toContain("ctl-n7: ctl with a node's key, name n7");
  expect(readPackedKey(desk.at("ctl-n7"))?.identity.name).toBe("n7");
});

test("no byte of a key was ever said, in all of the above", () => {
  const secrets = secretsBelow(box.directory);
  expect(secrets.size).toBeGreaterThan(10);
  const all = heard.join("\n");
  expect(all.length).toBeGreaterThan(2_000);
  expect(all).not.toContain("-----BEGIN");
  expect([...secrets].filter((line) => all.includes(line))).toEqual([]);
});
