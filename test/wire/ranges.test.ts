// What the schema cannot say is checked at the edge of every number, text and word.

import { expect, test } from "bun:test";

import { Builder, ByteBuffer } from "flatbuffers";

import {
  atMost,
  codes,
  entries,
  exactly,
  readCount,
  readSpan,
  readText,
  uint16,
  uint32,
  uint64,
  within,
  words,
  writeCount,
  writeText,
} from "../../src/wire/ranges.ts";
import { expectViolated } from "./expect-violated.ts";

const safe = Number.MAX_SAFE_INTEGER;

test("numbers pass up to their limit and never wrap or lose digits", () => {
  expect(uint16(65_535, "f")).toBe(65_535);
  expect(uint32(4_294_967_295, "f")).toBe(4_294_967_295);
  expect(uint64(2n ** 64n - 1n, "f")).toBe(2n ** 64n - 1n);
  expect(writeCount(safe, "f")).toBe(2n ** 53n - 1n);
  expect(readCount(2n ** 53n - 1n, "f")).toBe(safe);
  expectViolated(() => uint16(65_536, "f"));
  expectViolated(() => uint32(4_294_967_296, "f"));
  expectViolated(() => uint64(2n ** 64n, "f"));
  expectViolated(() => uint64(-1n, "f"));
  expectViolated(() => writeCount(safe + 1, "f"));
  expectViolated(() => readCount(2n ** 53n, "f"));
  expectViolated(() => readCount(2n ** 64n - 1n, "f"));
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expectViolated(() => within(value, 10, "f"));
  }
});

test("a stream stays countable up to the end of a piece", () => {
  expect(readSpan(BigInt(safe - 3), 3, "f")).toBe(safe - 3);
  expectViolated(() => readSpan(BigInt(safe - 3), 4, "f"));
});

test("bytes and lists have the length that they must have", () => {
  const three = Uint8Array.of(1, 2, 3);
  expect(exactly(three, 3, "f")).toBe(three);
  expect(atMost(three, 3, "f")).toBe(three);
  expect(entries(3, 3, "f")).toBe(3);
  expectViolated(() => exactly(three, 4, "f"));
  expectViolated(() => atMost(three, 2, "f"));
  expectViolated(() => entries(3, 2, "f"));
});

test("text is bounded in bytes before it is decoded, and its first character is kept even if it is U+FEFF", () => {
  const bytes = new TextEncoder().encode("\u{feff}über");
  expect(readText(bytes, bytes.length, "f")).toBe("\u{feff}über");
  expectViolated(() => readText(bytes, bytes.length - 1, "f"));
});

test("text that is not UTF-8 is shown with replacement characters", () => {
  expect(readText(Uint8Array.of(0x61, 0xff, 0x62), 10, "f")).toBe("a\u{fffd}b");
});

function written(text: string, max: number): string {
  const builder = new Builder();
  builder.finish(writeText(builder, text, max));
  const buffer = new ByteBuffer(builder.asUint8Array());
  const at = buffer.readInt32(0);
  return Buffer.from(buffer.bytes().subarray(at + 4, at + 4 + buffer.readInt32(at))).toString();
}

test("text that is too long is cut between two characters", () => {
  expect(written("straße", 7)).toBe("straße");
  expect(written("straße", 6)).toBe("straß");
  expect(written("straße", 5)).toBe("stra");
  expect(written("a😀", 4)).toBe("a");
});

test("words and codes of a closed list pass, others do not", () => {
  const colours = words<"red" | "blue", 0 | 3>("colour", { red: 0, blue: 3 });
  expect(colours.numberOf("blue")).toBe(3);
  expect(colours.wordOf(3)).toBe("blue");
  for (const number of [1, 2, 4, 255]) expectViolated(() => colours.wordOf(number));
  const names = codes<"done" | "dead">("code", { done: true, dead: true });
  expect(names.codeOf("dead")).toBe("dead");
  for (const text of ["", "Done", "toString", "__proto__"]) {
    expectViolated(() => names.codeOf(text));
  }
});
