// The numbers that benchmarks are judged by.

import { expect, test } from "bun:test";

import { summaryOf } from "../../scripts/bench/statistics.ts";

test("the median of an odd count is the one in the middle, of an even count lies between two", () => {
  expect(summaryOf([9, 1, 5]).median).toBe(5);
  expect(summaryOf([4, 1, 2, 3]).median).toBe(2.5);
});

test("the 95th percentile lies between its neighbours, in proportion", () => {
  const samples = Array.from({ length: 101 }, (_, index) => 100 - index);
  expect(summaryOf(samples)).toEqual({ count: 101, median: 50, p95: 95 });
  expect(summaryOf([0, 10]).p95).toBeCloseTo(9.5);
});

test("one sample is all of them, and none is not a number", () => {
  expect(summaryOf([7])).toEqual({ count: 1, median: 7, p95: 7 });
  expect(summaryOf([]).median).toBeNaN();
});
