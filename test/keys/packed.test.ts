import { afterAll, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";

import { printKey } from "../../src/keys/key-file.ts";
import {
  ownExecutable,
  packedBytes,
  packedTail,
  packedTrailerBytes,
  programBytes,
  readPackedKey,
} from "../../src/keys/packed.ts";
import { node, openFolder, refusalOf } from "./cluster.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const program = Buffer.from("\u007fELF and so on, many megabytes of it");
const text = printKey(node);
const packed = Buffer.concat([program, packedTail(text)]);
const trailer = packed.subarray(-packedTrailerBytes);

function executable(name: string, content: Uint8Array, mode = 0o700): string {
  const path = folder.at(name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test("a packed key is read back", () => {
  expect(readPackedKey(executable("packed", packed))).toEqual(node);
});

test("the form is text, its length in four bytes, little end first, and sixteen bytes of mark", () => {
  expect(packedTrailerBytes).toBe(20);
  expect(packedTail("abc")).toEqual(Buffer.from("abc\u0003\u0000\u0000\u0000ctl packed key 1"));
  expect(packedBytes(packedTail("abc").subarray(3))).toBe(3);
});

test("no executable, and one without a key, have none, whoever may read them", () => {
  expect(readPackedKey(null)).toBeNull();
  expect(readPackedKey(folder.at("missing"))).toBeNull();
  expect(readPackedKey(executable("plain", program, 0o755))).toBeNull();
  expect(readPackedKey(executable("empty", new Uint8Array(), 0o755))).toBeNull();
  expect(readPackedKey(executable("tiny", Buffer.from("x"), 0o755))).toBeNull();
});

test("these tests run from sources, where the runtime's own executable is not looked into", () => {
  expect(ownExecutable()).toBeNull();
});

test.each([0o755, 0o711, 0o750, 0o701, 0o744])(
  "one that others can use is refused (%o)",
  (mode) => {
    const path = executable(`unsafe-${mode}`, packed, mode);
    const refusal = refusalOf(() => readPackedKey(path));
    expect(refusal).toMatchObject({ code: "key-unsafe", hint: `chmod 700 ${path}` });
  },
);

const notTrailers: [string, Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["one byte less", trailer.subarray(1)],
  ["one byte more", Buffer.concat([Buffer.from("x"), trailer])],
  ["zeros", new Uint8Array(20)],
  ["a length beyond what a key may have", withLength(64 * 1024 + 1)],
  ["the greatest length there is", withLength(0xffff_ffff)],
];

test.each(notTrailers)("%s is no trailer", (_, bytes) => {
  expect(packedBytes(bytes)).toBe(0);
});

test("every single changed byte of the mark makes it none", () => {
  for (let at = 4; at < trailer.length; at += 1) {
    const changed = Buffer.from(trailer);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(packedBytes(changed)).toBe(0);
  }
});

test("a trailer that lies about the length is refused, not believed", () => {
  for (const length of [1, text.length - 1, text.length + 1, 40_000]) {
    const lying = Buffer.concat([program, Buffer.from(text), withLength(length)]);
    const refusal = refusalOf(() => readPackedKey(executable(`lying-${length}`, lying)));
    expect(refusal.code).toBe("key-unreadable");
  }
});

test("the size of the program alone is known with and without a key", () => {
  expect(programBytes(packed.length, trailer)).toBe(program.length);
  expect(programBytes(program.length, program.subarray(-packedTrailerBytes))).toBe(program.length);
  // Never less than nothing, whatever the trailer says.
  expect(programBytes(30, withLength(1_000))).toBe(30);
});

function withLength(length: number): Uint8Array {
  const changed = Buffer.from(trailer);
  changed.writeUInt32LE(length);
  return changed;
}
