// JSON text: exact numbers, one line, readable by everybody, harmless to a terminal.

import { expect, test } from "bun:test";

import { type JsonValue, toJson } from "../../src/base/json-text.ts";
import { withSeeds } from "../support/random.ts";

test.each<[JsonValue, string]>([
  [null, "null"],
  [true, "true"],
  [1.5, "1.5"],
  [-0, "0"],
  [Number.NaN, "null"],
  [Number.POSITIVE_INFINITY, "null"],
  [1_700_000_000_123_456_789n, "1700000000123456789"],
  [-(2n ** 63n), "-9223372036854775808"],
  ['a\n"\\', '"a\\n\\"\\\\"'],
  [[], "[]"],
  [[1, [2n], { a: null }], '[1,[2],{"a":null}]'],
  [{}, "{}"],
  [{ a: undefined, b: 1 }, '{"b":1}'],
  [{ 'x"y': 1 }, '{"x\\"y":1}'],
])("%p is %s", (value, text) => {
  expect(toJson(value)).toBe(text);
});

test("a nanosecond is not lost beyond 2^53", () => {
  const text = toJson({ r: 1_700_000_000_000_000_001n });
  expect(text).toBe('{"r":1700000000000000001}');
});

test("every string means the same afterwards, and none can steer a terminal", async () => {
  // oxlint-disable-next-line no-control-regex -- these must not be there
  const hostile = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
  await withSeeds({ count: 2_000 }, (random) => {
    const units = Array.from({ length: random.integer(0, 20) }, () =>
      random.chance(0.5) ? random.integer(0, 0xff) : random.integer(0x2000, 0x2070),
    );
    const value = String.fromCharCode(...units);
    const text = toJson(value);
    expect(JSON.parse(text)).toBe(value);
    expect(text).not.toMatch(hostile);
  });
});
