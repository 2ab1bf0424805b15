// `ctl init`, `key`, `pack` and `rekey` from outside: what they make, with which modes, what they refuse, and that no byte of a key
// is ever said.

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { checkKey } from "../../src/keys/check-key.ts";
import type { Key } from "../../src/keys/contract.ts";
import { createCluster } from "../../src/keys/issue.ts";
import { parseKey, printKey } from "../../src/keys/key-file.ts";
import { readPackedKey } from "../../src/keys/packed.ts";
import { expectFailure, failureLine } from "./support/failure-line.ts";
import { type Ended, said, start } from "./support/running.ts";
import { openSandbox, type Sandbox } from "./support/sandbox.ts";

let box: Sandbox;
beforeAll(async () => {
  box = await openSandbox();
});
afterAll(() => box[Symbol.asyncDispose]());

/** A machine of its own: a home without keys, a working directory, and all that was said there. */
interface Desk {
  readonly path: string;
  readonly keys: string;
  at(name: string): string;
  /** Runs ctl, or another executable. */
  ctl(args: readonly string[], how?: How): Promise<Ended>;
}

interface How {
  executable?: string;
  env?: Record<string, string | undefined>;
}

const everythingSaid: string[] = [];

function openDesk(): Desk {
  const path = mkdtempSync(join(box.directory, "desk-"));
  const at = (name: string): string => join(path, name);
  mkdirSync(at("home"));
  return {
    path,
    keys: at("home/.config/ctl"),
    at,
    ctl: async (args, { executable = box.executable, env = {} } = {}) => {
      const whole = { PATH: process.env["PATH"], HOME: at("home"), ...env };
      const ended = await start([executable, ...args], { cwd: path, env: whole }).ended;
      everythingSaid.push(ended.text, ended.stderr, args.join("\n"));
      return ended;
    },
  };
}

async function openCluster(): Promise<Desk> {
  const desk = openDesk();
  await succeed(desk.ctl(["init"]));
  return desk;
}

/** The same without the copy, which is a hundred megabytes. */
async function openOperator(): Promise<Desk> {
  const desk = openDesk();
  mkdirSync(desk.keys, { recursive: true, mode: 0o700 });
  const text = printKey(await createCluster());
  writeFileSync(join(desk.keys, "operator.key"), text, { mode: 0o600 });
  return desk;
}

async function succeed(run: Promise<Ended>): Promise<string> {
  const { text, stderr, code } = await run;
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  return text;
}

async function json(run: Promise<Ended>): Promise<Record<string, unknown>> {
  const text = await succeed(run);
  expect(text.trimEnd()).not.toContain("\n");
  return JSON.parse(text) as Record<string, unknown>;
}

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

function keyAt(path: string): Key {
  const key = parseKey(readFileSync(path, "utf8"), path);
  checkKey(key, path);
  return key;
}

test("init makes the operator's key and ctl for the nodes, both for their owner alone", async () => {
  const desk = openDesk();
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
  const desk = openDesk();
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
  const desk = openDesk();
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
    const desk = openDesk();
    mkdirSync(desk.keys, { recursive: true });
    symlinkSync("/nowhere/at/all", desk.at(taken));
    expectFailure(await desk.ctl(["init"]), 1, ["exists already", "nothing was made"]);
    expect(lstatSync(desk.at(taken)).isSymbolicLink()).toBe(true);
    expect(readdirSync(desk.keys).length + readdirSync(desk.path).length).toBe(2);
  }
});

test("init leaves no operator's key behind when ctl for the nodes cannot be made", async () => {
  const desk = openDesk();
  expectFailure(await desk.ctl(["init", "-o", "/proc/ctl-node"]), 1, [
    'Cannot make "/proc/ctl-node": E',
  ]);
  expect(readdirSync(desk.keys)).toEqual([]);
});

test("the copy runs, and finds its own key", async () => {
  const desk = await openCluster();
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
  const desk = await openCluster();
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
  const desk = await openCluster();
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
  everythingSaid.push(
    readFileSync(`/proc/${run.pid}/cmdline`, "utf8"),
    readFileSync(`/proc/${run.pid}/environ`, "utf8"),
  );
  run.signal("SIGTERM");
  const { code, text, stderr } = await run.ended;
  everythingSaid.push(text, stderr);
  expect(code).toBe(0);
});

test("key issues each role, under the name and in the file that it is told", async () => {
  const desk = await openOperator();
  const { cluster } = keyAt(join(desk.keys, "operator.key")).identity;
  for (const role of ["node", "observer", "operator"] as const) {
    const usual = await succeed(desk.ctl(["key", role]));
    const key = keyAt(desk.at(`${role}.key`));
    expect(key.identity).toMatchObject({ role, name: role, cluster });
    expect(key.authorityKey !== null).toBe(role === "operator");
    expect(modeOf(desk.at(`${role}.key`))).toBe("600");
    expect(usual).toContain(`${role}.key: `);
    expect(usual).toContain(key.identity.fingerprint);
    const told = await json(
      desk.ctl(["key", role, "--name", "N_1.a-b", "-o", `new/${role}`, "--json"]),
    );
    expect(told).toEqual({ path: `new/${role}`, ...keyAt(desk.at(`new/${role}`)).identity });
    expect(told).toMatchObject({ role, name: "N_1.a-b", cluster });
  }
  expect(modeOf(desk.at("new"))).toBe("700");
  // A further operator issues as well.
  await succeed(desk.ctl(["key", "node", "--key", "operator.key", "-o", "third.key"]));
  expect(keyAt(desk.at("third.key")).identity.cluster).toBe(cluster);
});

test("key overwrites nothing", async () => {
  const desk = await openOperator();
  writeFileSync(desk.at("node.key"), "mine");
  expectFailure(await desk.ctl(["key", "node"]), 1, ['"node.key" exists already']);
  expect(readFileSync(desk.at("node.key"), "utf8")).toBe("mine");
});

test("only an operator's key issues: 78 for others and for none, 77 for one that others can read", async () => {
  const desk = await openOperator();
  await succeed(desk.ctl(["key", "observer"]));
  await succeed(desk.ctl(["key", "node"]));
  expectFailure(await desk.ctl(["key", "node", "--key", "observer.key", "-o", "x"]), 78, [
    'The key "observer.key" is an observer\'s',
  ]);
  expectFailure(await desk.ctl(["key", "node", "-o", "x"], { env: { CTL_KEY: "node.key" } }), 78, [
    'The key "node.key", which $CTL_KEY names, is a node\'s',
  ]);
  expectFailure(await desk.ctl(["key", "node", "--key", "missing", "-o", "x"]), 78, [
    'no key "missing"',
  ]);
  const bare = openDesk();
  expectFailure(await bare.ctl(["key", "node"]), 78, ["No key that may run commands", "ctl init"]);
  chmodSync(join(desk.keys, "operator.key"), 0o640);
  expectFailure(await desk.ctl(["key", "node", "-o", "x"]), 77, [
    "not safe",
    "mode 0640",
    "chmod 600",
  ]);
  expectFailure(await desk.ctl(["key", "show", "home/.config/ctl/operator.key"]), 77, ["not safe"]);
  expectFailure(await desk.ctl(["rekey"]), 77, ["not safe"]);
  expect(existsSync(desk.at("x"))).toBe(false);
});

const usageErrors: [readonly string[], readonly string[]][] = [
  [["key"], ["ctl key needs"]],
  [
    ["key", "nodes"],
    ['"nodes"', 'did you mean "node"'],
  ],
  [
    ["key", "node", "x.key"],
    ['Unexpected "x.key"', "-o FILE"],
  ],
  [["key", "node", "--name", "a b"], ['--name "a b"']],
  [
    ["key", "node", "--name", "x".repeat(65)],
    ["--name", "1 to 64"],
  ],
  [["key", "show", "--name", "x"], ["--name"]],
  [["key", "show", "a", "b"], ['Unexpected "b"']],
  [["pack"], ["ctl pack needs -o FILE"]],
  [["pack", "-o", ""], ["--output"]],
  [["init", "x"], ['Unexpected "x"']],
  [["init", "--port", "1"], ["--port"]],
  [["rekey", "x"], ['Unexpected "x"']],
];

test.each(usageErrors)(
  "%p is a wrong command line: 2, and nothing is made",
  async (words, parts) => {
    const desk = openDesk();
    expectFailure(await desk.ctl(words), 2, parts);
    expect(readdirSync(desk.path)).toEqual(["home"]);
  },
);

test("show tells of a file who it is, where it stands and that it is sound", async () => {
  const desk = await openOperator();
  await succeed(desk.ctl(["key", "observer", "--name", "tv"]));
  const { cluster, fingerprint } = keyAt(desk.at("observer.key")).identity;
  const text = await succeed(desk.ctl(["key", "show", "observer.key"]));
  const rows = Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => line.split(/ {2,}|(?<=^issues keys) /)),
  );
  expect(rows).toMatchObject({
    role: "observer",
    name: "tv",
    cluster,
    fingerprint,
    "issues keys": "no",
    found: "observer.key",
    sound: "yes",
  });
  expect(rows["authority"]).toMatch(/^[0-9a-f]{64}$/);
  const told = await json(desk.ctl(["key", "show", "observer.key", "--json"]));
  expect(told).toEqual({
    ...keyAt(desk.at("observer.key")).identity,
    authorities: [rows["authority"]],
    issues: false,
    found: "observer.key",
    sound: true,
    problem: null,
  });
});

test("show says what is wrong with a key: 1, and 78 when there is none", async () => {
  const desk = await openOperator();
  await succeed(desk.ctl(["key", "node"]));
  const text = readFileSync(desk.at("node.key"), "utf8");
  writeFileSync(desk.at("renamed.key"), text.replace("name: node", "name: other"), { mode: 0o600 });
  const renamed = await desk.ctl(["key", "show", "renamed.key"]);
  expectFailure(renamed, 1, ['The key "renamed.key" is not sound', "names somebody else"]);
  expect(renamed.text).toMatch(/^sound +no$/m);
  writeFileSync(desk.at("steering.key"), text.replace("name: node", "name: \u001b[2Jx"), {
    mode: 0o600,
  });
  expectFailure(await desk.ctl(["key", "show", "steering.key"]), 1, ["is not a key of ctl"]);
  expectFailure(await desk.ctl(["key", "show", "missing"]), 78, ['There is no key "missing"']);
  expectFailure(await desk.ctl(["key", "show", "home"]), 1, ['"home" is not a file']);
  const none = await openDesk().ctl(["key", "show"]);
  expectFailure(none, 78, ["There is no key", "ctl init"]);
  expect(none.text.trim().split("\n")).toHaveLength(7);
  // An unsound key is not issued from, nor packed.
  writeFileSync(
    join(desk.keys, "operator.key"),
    unsound(readFileSync(join(desk.keys, "operator.key"), "utf8")),
  );
  expectFailure(await desk.ctl(["key", "node", "-o", "x"]), 1, ["is not sound"]);
  expectFailure(await desk.ctl(["pack", "--key", "renamed.key", "-o", "x"]), 1, ["is not sound"]);
  expect(existsSync(desk.at("x"))).toBe(false);
});

const unsound = (text: string): string => text.replace("name: operator", "name: other");

test("a name that steers a terminal is escaped wherever it is said", async () => {
  const desk = await openOperator();
  const odd = "odd\u001b[31m\nname.key";
  await succeed(desk.ctl(["key", "node"]));
  copyFileSync(desk.at("node.key"), desk.at(odd));
  chmodSync(desk.at(odd), 0o600);
  const { text } = await desk.ctl(["key", "show", odd]);
  expect(text).toContain(String.raw`odd\x1b[31m\nname.key`);
  expect(failureLine(await desk.ctl(["key", "node", "-o", odd]))).toContain(String.raw`\x1b`);
  const survey = await desk.ctl(["key", "show"], { env: { CTL_KEY: odd } });
  expect(`${survey.text}${survey.stderr}`).not.toContain("\u001b");
});

test("pack puts any key into a copy, of itself or of another ctl, in place of the one before", async () => {
  const desk = await openCluster();
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
  const desk = await openOperator();
  await succeed(desk.ctl(["key", "node", "--name", "n7", "-o", join(desk.keys, "node.key")]));
  const text = await succeed(desk.ctl(["pack", "-o", "ctl-n7"]));
  expect(text).toContain("ctl-n7: ctl with a node's key, name n7");
  expect(readPackedKey(desk.at("ctl-n7"))?.identity.name).toBe("n7");
});

test("rekey in two steps: same cluster, both authorities in between, every file before it is kept", async () => {
  const desk = await openOperator();
  const file = join(desk.keys, "operator.key");
  const before = keyAt(file);
  expectFailure(await desk.ctl(["rekey", "--finish"]), 1, ["not being re-keyed", "ctl rekey"]);

  expect(await succeed(desk.ctl(["rekey"]))).toContain("ctl rekey --finish");
  const between = keyAt(file);
  expect(between.identity).toEqual(before.identity);
  expect(between.authorities).toEqual([between.authorities[0] ?? "", before.authorities[0] ?? ""]);
  expect(between.authorityKey).not.toBe(before.authorityKey);
  expect(keyAt(`${file}.1`)).toEqual(before);
  expectFailure(await desk.ctl(["rekey"]), 1, ["being re-keyed already", "--finish"]);
  await succeed(desk.ctl(["key", "node"]));
  expect(keyAt(desk.at("node.key")).authorities).toEqual(between.authorities);

  const told = await json(desk.ctl(["rekey", "--finish", "--json"]));
  const after = keyAt(file);
  expect(told).toMatchObject({
    step: "finished",
    path: file,
    kept: `${file}.2`,
    ...after.identity,
  });
  expect(after.authorities).toEqual([between.authorities[0] ?? ""]);
  expect(after.identity).toMatchObject({
    cluster: before.identity.cluster,
    role: "operator",
    name: "operator",
  });
  expect(keyAt(`${file}.2`)).toEqual(between);
  expect(readdirSync(desk.keys).toSorted()).toEqual([
    "operator.key",
    "operator.key.1",
    "operator.key.2",
  ]);
  expect(readdirSync(desk.keys).map((name) => modeOf(join(desk.keys, name)))).toEqual([
    "600",
    "600",
    "600",
  ]);
});

test("rekey replaces the file that is named, and never a key inside an executable", async () => {
  const desk = await openOperator();
  await succeed(desk.ctl(["key", "operator", "-o", "second.key"]));
  await succeed(desk.ctl(["rekey", "--key", "second.key"]));
  expect(keyAt(desk.at("second.key")).authorities).toHaveLength(2);
  expect(keyAt(join(desk.keys, "operator.key")).authorities).toHaveLength(1);
  expectFailure(await desk.ctl(["rekey", "--key", "missing"]), 78, ['There is no key "missing"']);
  await succeed(desk.ctl(["pack", "--key", join(desk.keys, "operator.key"), "-o", "ctl-op"]));
  expectFailure(await desk.ctl(["rekey"], { executable: desk.at("ctl-op") }), 1, [
    "packed into ctl",
    "--key",
  ]);
});

test("no byte of a key was ever said, in all of the above", () => {
  const secrets = secretsBelow(box.directory);
  expect(secrets.size).toBeGreaterThan(20);
  const all = everythingSaid.join("\n");
  expect(all.length).toBeGreaterThan(5_000);
  expect(all).not.toContain("-----BEGIN");
  expect([...secrets].filter((line) => all.includes(line))).toEqual([]);
});

/** The lines of every private key and authority's key in a file below. */
function secretsBelow(directory: string): Set<string> {
  const secrets = new Set<string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || statSync(path).size > 100_000) continue;
    const blocks = readFileSync(path, "latin1").matchAll(/BEGIN PRIVATE KEY-----\n([^-]*)/g);
    for (const [, block = ""] of blocks) {
      for (const line of block.trim().split("\n")) secrets.add(line);
    }
  }
  return secrets;
}
