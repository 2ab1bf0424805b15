import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";

import {
  createFile,
  createTextFile,
  isTaken,
  removeFile,
  replaceTextFile,
} from "../../src/keys/new-file.ts";
import { type Folder, openFolder, refusalOf } from "./cluster.ts";

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
const contentOf = (name: string): string => readFileSync(folder.at(name), "utf8");
const always = (): boolean => true;

test("a new file is its owner's alone, and so are the directories on the way", () => {
  createTextFile(folder.at("a/b/c.key"), "secret");
  expect(contentOf("a/b/c.key")).toBe("secret");
  expect(modeOf(folder.at("a/b/c.key"))).toBe("600");
  expect(modeOf(folder.at("a/b"))).toBe("700");
  expect(modeOf(folder.at("a"))).toBe("700");
  expect(readdirSync(folder.at("a/b"))).toEqual(["c.key"]);
});

test("a program can be run by its owner, whatever the umask", () => {
  const before = process.umask(0o777);
  try {
    createFile({ path: folder.at("program"), mode: 0o700, fill: (fd) => void writeSync(fd, "x") });
    createTextFile(folder.at("text"), "y");
  } finally {
    process.umask(before);
  }
  expect([modeOf(folder.at("program")), modeOf(folder.at("text"))]).toEqual(["700", "600"]);
});

test("a directory that exists keeps its mode", () => {
  mkdirSync(folder.at("there"));
  chmodSync(folder.at("there"), 0o755);
  createTextFile(folder.at("there/k"), "x");
  expect(modeOf(folder.at("there"))).toBe("755");
});

const takers: [string, (path: string) => void][] = [
  ["a file", (path) => writeFileSync(path, "before")],
  ["an empty file", (path) => writeFileSync(path, "")],
  ["a directory", (path) => mkdirSync(path)],
  ["a link to a file", (path) => symlinkSync("/dev/null", path)],
  ["a link to nowhere", (path) => symlinkSync("/nowhere/at/all", path)],
];

test.each(takers)("%s is never overwritten", (_, take) => {
  const path = folder.at("taken");
  take(path);
  const before = lstatSync(path);
  expect(isTaken(path)).toBe(true);
  const refusal = refusalOf(() => createTextFile(path, "after"));
  expect(refusal).toMatchObject({
    code: "io-failed",
    message: `"${path}" exists already, and is left as it is`,
  });
  expect(lstatSync(path).ino).toBe(before.ino);
  expect(lstatSync(path).size).toBe(before.size);
  expect(readdirSync(folder.path)).toEqual(["taken"]);
});

test("of two that make the same file at once, one has made it and the other says so", () => {
  const path = folder.at("both");
  const refusal = refusalOf(() =>
    createFile({
      path,
      mode: 0o600,
      fill: (fd) => {
        createTextFile(path, "the faster one");
        writeSync(fd, "the slower one");
      },
    }),
  );
  expect(refusal.code).toBe("io-failed");
  expect(contentOf("both")).toBe("the faster one");
  expect(readdirSync(folder.path)).toEqual(["both"]);
});

test("what cannot be filled is not there", () => {
  const path = folder.at("half");
  expect(() => createFile({ path, mode: 0o600, fill: failing })).toThrow("no more");
  expect(readdirSync(folder.path)).toEqual([]);
  expect(isTaken(path)).toBe(false);
});

test("where nothing can be made, the system's reason is told", () => {
  writeFileSync(folder.at("file"), "");
  const below = refusalOf(() => createTextFile(folder.at("file/below"), "x"));
  expect(below).toMatchObject({ code: "io-failed" });
  expect(below.message).toMatch(/^Cannot make ".*file\/below": E(NOTDIR|EXIST): /);
  const proc = refusalOf(() => createTextFile("/proc/ctl.key", "x"));
  expect(proc.message).toMatch(/^Cannot make "\/proc\/ctl\.key": E[A-Z]+: /);
});

test("a replaced file is kept beside, with the first number that is free", () => {
  const path = folder.at("k");
  createTextFile(path, "one");
  expect(replaceTextFile(path, "two", always)).toBe(`${path}.1`);
  expect(replaceTextFile(path, "three", always)).toBe(`${path}.2`);
  writeFileSync(`${path}.3`, "a stranger's");
  expect(replaceTextFile(path, "four", always)).toBe(`${path}.4`);
  expect(["k", "k.1", "k.2", "k.3", "k.4"].map(contentOf)).toEqual([
    "four",
    "one",
    "two",
    "a stranger's",
    "three",
  ]);
  expect(readdirSync(folder.path)).toHaveLength(5);
  expect([modeOf(path), modeOf(`${path}.1`)]).toEqual(["600", "600"]);
});

test("a file that somebody else has changed meanwhile is left alone", () => {
  const path = folder.at("k");
  createTextFile(path, "theirs");
  const refusal = refusalOf(() => replaceTextFile(path, "ours", (before) => before === "mine"));
  expect(refusal.message).toContain("was changed by somebody else");
  expect(contentOf("k")).toBe("theirs");
  expect(readdirSync(folder.path)).toEqual(["k"]);
});

test("the file that a link names is replaced, and the link stays", () => {
  createTextFile(folder.at("real/k"), "one");
  symlinkSync(folder.at("real/k"), folder.at("link"));
  expect(replaceTextFile(folder.at("link"), "two", always)).toBe(`${folder.at("real/k")}.1`);
  expect(lstatSync(folder.at("link")).isSymbolicLink()).toBe(true);
  expect(contentOf("real/k")).toBe("two");
});

test("nothing is replaced that is not there", () => {
  const refusal = refusalOf(() => replaceTextFile(folder.at("missing"), "x", always));
  expect(refusal).toMatchObject({ code: "io-failed", errno: "ENOENT" });
  expect(readdirSync(folder.path)).toEqual([]);
});

test("removing is harmless when repeated", () => {
  createTextFile(folder.at("k"), "x");
  removeFile(folder.at("k"));
  removeFile(folder.at("k"));
  expect(isTaken(folder.at("k"))).toBe(false);
});

function failing(): void {
  throw new Error("no more");
}
