// `ctl key` and `ctl rekey` from outside: what they make, with which modes, what they refuse, and that no byte of a key is ever said.

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import {
  json,
  keyAt,
  modeOf,
  openDesk,
  openOperator,
  secretsBelow,
  succeed,
} from "./support/desk.ts";
import { expectFailure, failureLine } from "./support/failure-line.ts";
import { openSandbox, type Sandbox } from "./support/sandbox.ts";

/** All that was said, and all words that were typed. */
const heard: string[] = [];

let box: Sandbox;
beforeAll(async () => {
  box = await openSandbox();
});
afterAll(() => box[Symbol.asyncDispose]());

test("key issues each role, under the name and in the file that it is told", async () => {
  const desk = await openOperator(box, heard);
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
  const desk = await openOperator(box, heard);
  writeFileSync(desk.at("node.key"), "mine");
  expectFailure(await desk.ctl(["key", "node"]), 1, ['"node.key" exists already']);
  expect(readFileSync(desk.at("node.key"), "utf8")).toBe("mine");
});

test("only an operator's key issues: 78 for others and for none, 77 for one that others can read", async () => {
  const desk = await openOperator(box, heard);
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
  const bare = openDesk(box, heard);
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
    const desk = openDesk(box, heard);
    expectFailure(await desk.ctl(words), 2, parts);
    expect(readdirSync(desk.path)).toEqual(["home"]);
  },
);

test("show tells of a file who it is, where it stands and that it is sound", async () => {
  const desk = await openOperator(box, heard);
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
  const desk = await openOperator(box, heard);
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
  const none = await openDesk(box, heard).ctl(["key", "show"]);
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
  const desk = await openOperator(box, heard);
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

test("rekey in two steps: same cluster, both authorities in between, every file before it is kept", async () => {
  const desk = await openOperator(box, heard);
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
  const desk = await openOperator(box, heard);
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
  const all = heard.join("\n");
  expect(all.length).toBeGreaterThan(5_000);
  expect(all).not.toContain("-----BEGIN");
  expect([...secrets].filter((line) => all.includes(line))).toEqual([]);
});
