// Durations: what people write, what is refused and why, and that printing and parsing agree.

import { describe, expect, test } from "bun:test";

import { durationMsMax, parseDuration, printDuration } from "../../src/base/duration.ts";
import { withSeeds } from "../support/random.ts";

describe("parseDuration", () => {
  test.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["1.5s", 1_500],
    ["0.25m", 15_000],
    ["0s", 0],
    ["0ms", 0],
    ["0.001s", 1],
    ["007s", 7_000],
    ["576h", durationMsMax],
    ["1.000000000h", 3_600_000],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toEqual({ ms });
  });

  test("a bare number is refused, and both meanings are offered", () => {
    expect(parseDuration("5")).toEqual({ problem: "has no unit", hint: "write 5s or 5ms" });
    expect(parseDuration("1.5")).toEqual({ problem: "has no unit", hint: "write 1.5s or 1.5ms" });
  });

  test.each([
    ["-5s", "is negative"],
    ["-1", "is negative"],
    ["0.5ms", "is not a whole number of milliseconds"],
    ["1.0005s", "is not a whole number of milliseconds"],
    ["577h", "is too long"],
    ["999999999999999h", "is too long"],
    ["", "is not a duration"],
    ["s", "is not a duration"],
    [".5s", "is not a duration"],
    ["5.s", "is not a duration"],
    ["5 s", "is not a duration"],
    [" 5s", "is not a duration"],
    ["5S", "is not a duration"],
    ["5sec", "is not a duration"],
    ["1h30m", "is not a duration"],
    ["1e3s", "is not a duration"],
    ["+5s", "is not a duration"],
    ["٣s", "is not a duration"],
    ["5d", "is not a duration"],
    ["1234567890123456s", "is not a duration"],
  ])("%p is refused: %s", (text, problem) => {
    const parsed = parseDuration(text);
    expect(parsed).toMatchObject({ problem });
    expect("hint" in parsed && parsed.hint).toBeTruthy();
  });
});

describe("printDuration", () => {
  test.each([
    [0, "0s"],
    [1, "1ms"],
    [999, "999ms"],
    [1_000, "1s"],
    [1_234, "1234ms"],
    [1_500, "1.5s"],
    [59_900, "59.9s"],
    [90_000, "1.5m"],
    [61_000, "61s"],
    [3_600_000, "1h"],
    [5_400_000, "1.5h"],
    [durationMsMax, "576h"],
  ])("%d ms is %s", (ms, text) => {
    expect(printDuration(ms)).toBe(text);
  });

  test("whatever it prints parses back to the same number", async () => {
    await withSeeds({ count: 2_000 }, (random) => {
      const unitMs = random.pick([1, 100, 1_000, 6_000, 60_000, 360_000, 3_600_000]);
      const ms = Math.min(durationMsMax, random.integer(0, 5_000) * unitMs);
      expect(parseDuration(printDuration(ms))).toEqual({ ms });
    });
  });

  test("every number of milliseconds up to ten seconds survives the round trip", () => {
    for (let ms = 0; ms <= 10_000; ms += 1)
      expect(parseDuration(printDuration(ms))).toEqual({ ms });
  });
});

test("no text makes the parser throw", async () => {
  await withSeeds({ count: 2_000 }, (random) => {
    const letters = Array.from({ length: random.integer(0, 12) }, () =>
      random.pick([
        "0",
        "1",
        "5",
        "9",
        ".",
        "-",
        "+",
        "s",
        "m",
        "h",
        " ",
        "e",
        "\u0000",
        "\u{1f600}",
      ]),
    );
    const parsed = parseDuration(letters.join(""));
    if ("ms" in parsed) {
      expect(Number.isSafeInteger(parsed.ms)).toBe(true);
      expect(parsed.ms).toBeGreaterThanOrEqual(0);
      expect(parsed.ms).toBeLessThanOrEqual(durationMsMax);
    } else expect(parsed.problem.length).toBeGreaterThan(0);
  });
});
