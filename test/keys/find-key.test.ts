import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";

import { type Key, type Role } from "../../src/keys/contract.ts";
import {
  findKey,
  type KeySearch,
  placeText,
  roleText,
  surveyKeys,
} from "../../src/keys/find-key.ts";
import { issueKey } from "../../src/keys/issue.ts";
import { printKey } from "../../src/keys/key-file.ts";
import { packedTail } from "../../src/keys/packed.ts";
import { type Folder, node, observer, openFolder, operator, refusalOf } from "./cluster.ts";

const secondNode = await issueKey(operator, { role: "node", name: "second" });
const secondObserver = await issueKey(operator, { role: "observer", name: "second" });

const keys: Record<string, Key> = { operator, observer, node, secondNode, secondObserver };

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
  mkdirSync(folder.at("user"));
  mkdirSync(folder.at("machine"));
});
afterEach(() => folder[Symbol.dispose]());

/** "user/operator" and the like -> the key in it. */
type Laid = Record<string, string>;

function lay(laid: Laid): void {
  for (const [place, word] of Object.entries(laid)) {
    const key = keys[word];
    if (!key) throw new Error(`There is no key ${word}`);
    const content =
      place === "packed"
        ? Buffer.concat([Buffer.from("\u007fELF program"), packedTail(printKey(key))])
        : printKey(key);
    writeFileSync(pathOf(place), content, { mode: place === "packed" ? 0o700 : 0o600 });
  }
}

const pathOf = (place: string): string => folder.at(place === "packed" ? "ctl" : `${place}.key`);

interface Named {
  explicit?: string;
  variable?: string;
}

function searchOf(needed: Role, named: Named = {}): KeySearch {
  return {
    needed,
    explicit: named.explicit === undefined ? null : pathOf(named.explicit),
    env: named.variable === undefined ? {} : { CTL_KEY: pathOf(named.variable) },
    directories: [folder.at("user"), folder.at("machine")],
    executable: folder.at("ctl"),
  };
}

const everywhere: Laid = {
  packed: "node",
  "user/operator": "operator",
  "user/observer": "observer",
  "user/node": "secondNode",
  "machine/operator": "operator",
  "machine/observer": "secondObserver",
  "machine/node": "secondNode",
};

const lookUps: [string, Laid, Role, Named, string][] = [
  ["a node's is packed", everywhere, "node", {}, "packed"],
  ["the packed one does not fit", everywhere, "operator", {}, "user/operator"],
  ["an operator may look too", everywhere, "observer", {}, "user/operator"],
  ["the user has an observer's", { "user/observer": "observer" }, "observer", {}, "user/observer"],
  ["the machine has one", { "machine/observer": "observer" }, "observer", {}, "machine/observer"],
  [
    "an observer's comes before the machine's operator's",
    { "user/observer": "observer", "machine/operator": "operator" },
    "observer",
    {},
    "user/observer",
  ],
  [
    "an observer's is passed over for commands",
    { "user/observer": "observer", "machine/operator": "operator" },
    "operator",
    {},
    "machine/operator",
  ],
  [
    "an operator's is packed",
    { packed: "operator", "user/operator": "operator" },
    "operator",
    {},
    "packed",
  ],
  [
    "the user's node key comes before the machine's",
    { "user/node": "node", "machine/node": "secondNode" },
    "node",
    {},
    "user/node",
  ],
  [
    "--key is first",
    { ...everywhere, other: "observer" },
    "observer",
    { explicit: "other" },
    "other",
  ],
  [
    "CTL_KEY is first",
    { ...everywhere, other: "observer" },
    "observer",
    { variable: "other" },
    "other",
  ],
  [
    "--key comes before CTL_KEY",
    { ...everywhere, a: "node", b: "secondNode" },
    "node",
    { explicit: "a", variable: "b" },
    "a",
  ],
  [
    "what is in a file counts, not its name",
    { "user/operator": "observer", "machine/operator": "operator" },
    "operator",
    {},
    "machine/operator",
  ],
];

test.each(lookUps)("%s", (_, ...row) => {
  const [laid, needed, named, expected] = row;
  lay(laid);
  const found = findKey(searchOf(needed, named));
  const isPacked = expected === "packed";
  expect(found).toEqual({
    key: keys[laid[expected] ?? ""] ?? node,
    from: isPacked ? "the packed key" : `"${pathOf(expected)}"`,
    path: isPacked ? null : pathOf(expected),
  });
});

const misses: [string, Laid, Role, (at: (place: string) => string) => string][] = [
  [
    "nothing at all",
    {},
    "operator",
    () =>
      `No key that may run commands: none is packed into ctl, and there is none in "${folder.at("user")}" or "${folder.at("machine")}"`,
  ],
  [
    "nothing for a daemon",
    {},
    "node",
    () =>
      `No key for a daemon: none is packed into ctl, and there is none in "${folder.at("user")}" or "${folder.at("machine")}"`,
  ],
  [
    "a node's only",
    { packed: "node" },
    "operator",
    () => "No key that may run commands: the packed key is a node's",
  ],
  [
    "keys that may not",
    { packed: "node", "machine/observer": "observer" },
    "operator",
    (at) =>
      `No key that may run commands: the packed key is a node's, "${at("machine/observer")}" is an observer's`,
  ],
  [
    "an operator's for a daemon",
    { "user/operator": "operator" },
    "node",
    (at) => `No key for a daemon: "${at("user/operator")}" is an operator's`,
  ],
  [
    "a node's to look",
    { "user/node": "node" },
    "observer",
    (at) => `No key that may look: "${at("user/node")}" is a node's`,
  ],
];

test.each(misses)("%s: every key that was passed over is named", (_, ...row) => {
  const [laid, needed, expected] = row;
  lay(laid);
  const refusal = refusalOf(() => findKey(searchOf(needed)));
  expect({ code: refusal.code, message: refusal.message }).toEqual({
    code: "key-missing",
    message: expected(pathOf),
  });
  expect(refusal.hint).toContain("ctl init");
});

test("a key that was named is never passed over for another", () => {
  lay({ ...everywhere, other: "observer" });
  const byOption = refusalOf(() => findKey(searchOf("operator", { explicit: "other" })));
  expect(byOption).toMatchObject({
    code: "key-missing",
    message: `The key "${pathOf("other")}" is an observer's: it is no key that may run commands`,
  });
  const byVariable = refusalOf(() => findKey(searchOf("node", { variable: "other" })));
  expect(byVariable).toMatchObject({
    code: "key-missing",
    message: `The key "${pathOf("other")}", which $CTL_KEY names, is an observer's: it is no key for a daemon`,
  });
});

test("a key that was named must be there", () => {
  lay(everywhere);
  const byOption = refusalOf(() => findKey(searchOf("operator", { explicit: "missing" })));
  expect(byOption).toMatchObject({
    code: "key-missing",
    message: `There is no key "${pathOf("missing")}"`,
  });
  const byVariable = refusalOf(() => findKey(searchOf("operator", { variable: "missing" })));
  expect(byVariable.message).toContain("which $CTL_KEY names");
});

test("an unsafe key stops the search, because its owner believes that it is used", () => {
  lay(everywhere);
  chmodSync(pathOf("user/operator"), 0o644);
  for (const needed of ["operator", "observer"] as const) {
    const refusal = refusalOf(() => findKey(searchOf(needed)));
    expect(refusal.code).toBe("key-unsafe");
    expect(refusal.message).toContain(pathOf("user/operator"));
  }
  // It is none that a daemon would take.
  expect(findKey(searchOf("node")).path).toBeNull();
});

test("so do an executable with a key that others can read, and a broken file", () => {
  lay(everywhere);
  chmodSync(pathOf("packed"), 0o755);
  const unsafe = refusalOf(() => findKey(searchOf("node")));
  expect(unsafe).toMatchObject({ code: "key-unsafe", hint: `chmod 700 ${pathOf("packed")}` });
  chmodSync(pathOf("packed"), 0o700);
  writeFileSync(pathOf("user/operator"), "nonsense");
  expect(refusalOf(() => findKey(searchOf("operator"))).code).toBe("key-unreadable");
});

test("a key that is not wanted is not even opened", () => {
  lay({ "user/observer": "observer", "user/node": "node", "machine/operator": "operator" });
  chmodSync(pathOf("user/observer"), 0o644);
  writeFileSync(pathOf("user/node"), "nonsense");
  expect(findKey(searchOf("operator")).path).toBe(pathOf("machine/operator"));
});

test("the survey says of each place what stands there and what for", () => {
  lay({ packed: "node", "user/operator": "operator", "machine/observer": "observer" });
  chmodSync(pathOf("machine/observer"), 0o640);
  writeFileSync(pathOf("machine/node"), "nonsense", { mode: 0o600 });
  const { needed: _, ...options } = searchOf("node");
  const rows = surveyKeys(options).map(({ place, standing, usedFor }) => [
    placeText(place).replace(`${folder.path}/`, ""),
    standing.kind === "refused" ? standing.error.code : standing.kind,
    usedFor.join(" "),
  ]);
  expect(rows).toEqual([
    ["the packed key", "key", "node"],
    ['"user/operator.key"', "key", "observer operator"],
    ['"user/observer.key"', "none", ""],
    ['"user/node.key"', "none", ""],
    ['"machine/operator.key"', "none", ""],
    ['"machine/observer.key"', "key-unsafe", ""],
    ['"machine/node.key"', "key-unreadable", ""],
  ]);
});

test("the survey agrees with the look-up, whatever stands where", () => {
  const layouts: Laid[] = [{}, everywhere, ...lookUps.map(([, laid]) => laid)];
  for (const laid of layouts) {
    lay(laid);
    for (const needed of ["node", "observer", "operator"] as const) {
      const { needed: _, ...options } = searchOf(needed);
      const used = surveyKeys(options).find(({ usedFor }) => usedFor.includes(needed));
      if (used) expect(findKey(searchOf(needed)).from).toBe(placeText(used.place));
      else expect(refusalOf(() => findKey(searchOf(needed))).code).toBe("key-missing");
    }
    folder[Symbol.dispose]();
    folder = openFolder();
    mkdirSync(folder.at("user"));
    mkdirSync(folder.at("machine"));
  }
});

test("a key that was named keeps all others from being used", () => {
  lay({ ...everywhere, other: "observer" });
  const { needed: _, ...options } = searchOf("node", { variable: "other" });
  const used = surveyKeys(options).filter(({ usedFor }) => usedFor.length > 0);
  expect(used.map(({ place, usedFor }) => [place.kind, usedFor])).toEqual([
    ["variable", ["observer"]],
  ]);
});

test("roles are told as whose the key is", () => {
  expect([roleText("node"), roleText("observer"), roleText("operator")]).toEqual([
    "a node's",
    "an observer's",
    "an operator's",
  ]);
});
