// Hostile bytes: nothing of them reaches a terminal, and nothing harmless is touched.

import { describe, expect, test } from "bun:test";

import { cleanText, escapeText, quote } from "../../src/base/escape.ts";
import { withSeeds } from "../support/random.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("escapeText", () => {
  test.each([
    ["plain text, é € \u{1f600}", "plain text, é € \u{1f600}"],
    ["", ""],
    ["a\nb\tc\rd", "a\\nb\\tc\\x0dd"],
    ["\u001b[31mred\u001b[0m", "\\x1b[31mred\\x1b[0m"],
    ["\u0007\u007f", "\\x07\\x7f"],
    ["\u009b31m", "\\xc2\\x9b31m"],
    ["abc\u202edcba", "abc\\xe2\\x80\\xaedcba"],
    ["zero\u200bwidth", "zero\\xe2\\x80\\x8bwidth"],
    ["\u{feff}bom", "\\xef\\xbb\\xbfbom"],
    ["back\\slash", "back\\\\slash"],
    ['"quoted"', '"quoted"'],
  ])("%j becomes %j", (text, escaped) => {
    expect(escapeText(text)).toBe(escaped);
    expect(escapeText(Buffer.from(text))).toBe(escaped);
  });

  test("a file name that says \\x1b cannot be mistaken for one that has an escape", () => {
    expect(escapeText("\\x1b")).not.toBe(escapeText("\u001b"));
  });

  test("bytes that are not UTF-8 are shown one by one", () => {
    expect(escapeText(bytes(0x61, 0xff, 0x62, 0xc3))).toBe("a\\xffb\\xc3");
    expect(escapeText(bytes(0xe2, 0x82, 0x61))).toBe("\\xe2\\x82a");
    expect(escapeText(bytes(0xff, 0xc3, 0xa9))).toBe("\\xffé");
  });

  test("a megabyte becomes one line that can be read", () => {
    const line = escapeText(Buffer.alloc(1_000_000, "é"));
    expect(line.length).toBeLessThan(2_000);
    expect(line.endsWith("…")).toBe(true);
  });
});

test("quote() escapes the quotes inside", () => {
  expect(quote('say "hi"\\')).toBe('"say \\"hi\\"\\\\"');
  expect(quote(bytes(0xff))).toBe('"\\xff"');
});

test("cleanText() leaves quotes and backslashes of a sentence alone", () => {
  expect(cleanText('Cannot open "a\\b"\nreally')).toBe('Cannot open "a\\b"\\nreally');
});

test("whatever comes in, one printable line comes out", async () => {
  // oxlint-disable-next-line no-control-regex -- these must not be there
  const hostile = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/;
  await withSeeds({ count: 2_000 }, (random) => {
    const input = random.bytes(random.integer(0, 40));
    for (const escape of [escapeText, quote, cleanText]) expect(escape(input)).not.toMatch(hostile);
  });
});

test("different bytes never look the same", async () => {
  await withSeeds({ count: 2_000 }, (random) => {
    const one = random.bytes(random.integer(0, 6)).map((byte) => (byte % 3 === 0 ? 0x5c : byte));
    const other = random.bytes(random.integer(0, 6)).map((byte) => (byte % 3 === 0 ? 0x5c : byte));
    if (Buffer.from(one).equals(Buffer.from(other))) return;
    expect(escapeText(one)).not.toBe(escapeText(other));
  });
});
