import { expect, test } from "bun:test";

import { keepable } from "../../src/base/keepable.ts";

test("bytes that are a good part of their buffer are kept as they are", () => {
  const buffer = new Uint8Array(524_288);
  const bytes = buffer.subarray(100, 100 + 65_536);
  expect(keepable(bytes)).toBe(bytes);
});

test("bytes that would pin a much larger buffer are copied, unchanged", () => {
  const buffer = Uint8Array.from({ length: 10_000 }, (_, index) => index & 255);
  const kept = keepable(buffer.subarray(5_000, 5_010));
  expect([...kept]).toEqual([...buffer.subarray(5_000, 5_010)]);
  expect(kept.buffer.byteLength).toBe(10);
});
