import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";

import { packKey } from "../../src/keys/pack.ts";
import { readPackedKey } from "../../src/keys/packed.ts";
import { type Folder, node, observer, openFolder, operator, refusalOf } from "./cluster.ts";

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

function program(name: string, bytes: number, mode = 0o755): string {
  const content = Buffer.alloc(bytes);
  for (let index = 0; index < bytes; index += 1) content[index] = (index * 7) % 253;
  Buffer.from("\u007fELF").copy(content);
  writeFileSync(folder.at(name), content);
  chmodSync(folder.at(name), mode);
  return folder.at(name);
}

// Around the size of the pieces that are copied.
const sizes = [4, 19, 20, 21, 1_000, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3_500_000];

test.each(sizes)("a copy is the program of %p bytes, byte for byte, and the key", (bytes) => {
  const binary = program("ctl", bytes);
  const output = folder.at("ctl-node");
  packKey({ key: node, binary, output });
  const copied = readFileSync(output).subarray(0, bytes);
  expect(copied.equals(readFileSync(binary))).toBe(true);
  expect(readPackedKey(output)).toEqual(node);
});

test("the copy is its owner's alone, whatever the program was", () => {
  for (const mode of [0o755, 0o777, 0o500, 0o644]) {
    const output = folder.at(`copy-${mode}`);
    packKey({ key: node, binary: program(`ctl-${mode}`, 100, mode), output });
    expect((statSync(output).mode & 0o7777).toString(8)).toBe("700");
  }
});

test("packing again replaces the key, and leaves no trace of the one before", () => {
  const binary = program("ctl", 5_000);
  packKey({ key: node, binary, output: folder.at("one") });
  packKey({ key: operator, binary: folder.at("one"), output: folder.at("two") });
  packKey({ key: observer, binary: folder.at("two"), output: folder.at("three") });
  packKey({ key: observer, binary, output: folder.at("direct") });
  expect(readPackedKey(folder.at("two"))).toEqual(operator);
  expect(readPackedKey(folder.at("three"))).toEqual(observer);
  expect(readFileSync(folder.at("three")).equals(readFileSync(folder.at("direct")))).toBe(true);
});

test("what exists is not overwritten, and nothing is left behind", () => {
  const binary = program("ctl", 100);
  writeFileSync(folder.at("taken"), "before");
  const refusal = refusalOf(() => packKey({ key: node, binary, output: folder.at("taken") }));
  expect(refusal.code).toBe("io-failed");
  expect(refusal.message).toContain("exists already");
  expect(refusalOf(() => packKey({ key: node, binary, output: binary })).code).toBe("io-failed");
  expect(readFileSync(folder.at("taken"), "utf8")).toBe("before");
  expect(readdirSync(folder.path).toSorted()).toEqual(["ctl", "taken"]);
});

test("what is no program is refused, and nothing is made", () => {
  writeFileSync(folder.at("text"), "#!/bin/sh\n");
  writeFileSync(folder.at("empty"), "");
  mkdirSync(folder.at("directory"));
  Bun.spawnSync(["mkfifo", folder.at("pipe")]);
  for (const name of ["text", "empty", "directory", "pipe"]) {
    const binary = folder.at(name);
    const refusal = refusalOf(() => packKey({ key: node, binary, output: folder.at("out") }));
    expect(refusal).toMatchObject({
      code: "io-failed",
      message: `"${binary}" is not an executable of ctl`,
    });
  }
  expect(readdirSync(folder.path)).not.toContain("out");
});

test("a program that is not there is told with the system's reason", () => {
  const binary = folder.at("missing");
  const refusal = refusalOf(() => packKey({ key: node, binary, output: folder.at("out") }));
  expect(refusal).toMatchObject({ code: "io-failed", errno: "ENOENT" });
  expect(refusal.message).toBe(`Cannot read "${binary}": ENOENT: no such file or directory`);
});

test("from sources there is no executable to copy, which is said", () => {
  const refusal = refusalOf(() => packKey({ key: node, binary: null, output: folder.at("out") }));
  expect(refusal.message).toContain("this one runs from sources");
  expect(refusal.hint).toContain("--binary");
});
