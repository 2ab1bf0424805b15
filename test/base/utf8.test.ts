// UTF-8 at its edges: where code points end, and what is none.

import { expect, test } from "bun:test";

import { codePointLength, decodeUtf8, incompleteTail } from "../../src/base/utf8.ts";
import { withSeeds } from "../support/random.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("a byte order mark stays where it is", () => {
  expect(decodeUtf8(bytes(0xef, 0xbb, 0xbf, 0x61))).toBe("\u{feff}a");
});

test.each([
  [[0x80]],
  [[0xc0, 0x80]],
  [[0xed, 0xa0, 0x80]],
  [[0xf4, 0x90, 0x80, 0x80]],
  [[0xe2, 0x82]],
  [[0xff]],
])("%p is not text", (values) => {
  expect(decodeUtf8(bytes(...values))).toBe(null);
  expect(codePointLength(bytes(...values), 0)).toBe(0);
});

test.each([
  ["a", 1],
  ["é", 2],
  ["€", 3],
  ["\u{1f600}", 4],
])("%s is %d bytes long, and every cut in it is an incomplete tail", (text, length) => {
  const encoded = Buffer.from(text);
  expect(codePointLength(encoded, 0)).toBe(length);
  expect(codePointLength(Buffer.concat([Buffer.from("x"), encoded]), 1)).toBe(length);
  for (let cut = 1; cut < length; cut += 1) {
    expect(incompleteTail(encoded.subarray(0, cut))).toBe(cut);
    expect(incompleteTail(Buffer.concat([Buffer.from("abc"), encoded.subarray(0, cut)]))).toBe(cut);
  }
  expect(incompleteTail(encoded)).toBe(0);
});

test("bytes that begin nothing are not waited for", () => {
  expect(incompleteTail(bytes())).toBe(0);
  expect(incompleteTail(bytes(0x80, 0x80, 0x80, 0x80))).toBe(0);
  expect(incompleteTail(bytes(0xff))).toBe(0);
  expect(incompleteTail(bytes(0xc0))).toBe(0);
});

test("cut anywhere and joined again, valid text stays whole", async () => {
  await withSeeds({ count: 500 }, (random) => {
    const text = Array.from({ length: random.integer(1, 20) }, () =>
      random.pick(["a", "é", "€", "\u{1f600}", "\n"]),
    ).join("");
    const encoded = Buffer.from(text);
    const cut = random.integer(0, encoded.length);
    const first = encoded.subarray(0, cut);
    const tail = incompleteTail(first);
    expect(decodeUtf8(first.subarray(0, cut - tail))).not.toBe(null);
    expect(decodeUtf8(encoded.subarray(cut - tail))).not.toBe(null);
  });
});
