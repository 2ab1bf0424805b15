// Whole lines with a prefix: every way of cutting the input gives the same output, and nothing is lost or torn.

import { describe, expect, test } from "bun:test";

import { linePieceBytes, LinePrefixer } from "../../src/base/lines.ts";
import { decodeUtf8 } from "../../src/base/utf8.ts";
import { type Random, withSeeds } from "../support/random.ts";

function prefixed(
  chunks: readonly Uint8Array[],
  prefix = "n: ",
  pieceBytes = linePieceBytes,
): string {
  const lines = new LinePrefixer(Buffer.from(prefix), pieceBytes);
  // Copied at once: what it gave must not change afterwards, and what it got may be used again.
  const out = chunks.map((chunk) => {
    const given = Uint8Array.from(chunk);
    const bytes = Buffer.from(lines.push(given));
    given.fill(0x21);
    return bytes;
  });
  return Buffer.concat([...out, Buffer.from(lines.end())]).toString("latin1");
}

const text = (value: string): Uint8Array => Buffer.from(value, "latin1");

describe("a prefixer", () => {
  test.each([
    ["", ""],
    ["a", "n: a\n"],
    ["a\n", "n: a\n"],
    ["\n", "n: \n"],
    ["\n\n", "n: \nn: \n"],
    ["a\nb", "n: a\nn: b\n"],
    ["a\r\nb\r\n", "n: a\r\nn: b\r\n"],
    ["a\u0000b\n", "n: a\u0000b\n"],
  ])("turns %j into %j, however it is cut", (input, output) => {
    const whole = text(input);
    for (let first = 0; first <= whole.length; first += 1) {
      for (let second = first; second <= whole.length; second += 1) {
        const chunks = [
          whole.subarray(0, first),
          whole.subarray(first, second),
          whole.subarray(second),
        ];
        expect(prefixed(chunks)).toBe(output);
      }
    }
  });

  test("holds a line back until it is complete", () => {
    const lines = new LinePrefixer(Buffer.from("n: "));
    expect(lines.push(text("a\nhalf"))).toEqual(Buffer.from("n: a\n"));
    expect(lines.push(text(" and"))).toEqual(Buffer.from(""));
    expect(lines.push(text(" half\n"))).toEqual(Buffer.from("n: half and half\n"));
    expect(lines.end().length).toBe(0);
    expect(lines.end().length).toBe(0);
  });

  test("an empty prefix leaves bytes alone but for the last newline", () => {
    expect(prefixed([text("a\nb")], "")).toBe("a\nb\n");
  });

  test("a line of exactly one piece is not cut", () => {
    expect(prefixed([text("12345678\nx\n")], "n: ", 8)).toBe("n: 12345678\nn: x\n");
    expect(prefixed([text("12345678"), text("\nx\n")], "n: ", 8)).toBe("n: 12345678\nn: x\n");
    expect(prefixed([text("12345678")], "n: ", 8)).toBe("n: 12345678\n");
  });

  test("a longer one comes in pieces, each a line of its own", () => {
    expect(prefixed([text("123456789\n")], "n: ", 8)).toBe("n: 12345678\nn: 9\n");
    expect(prefixed([text("12345678123456781\n")], "n: ", 8)).toBe(
      "n: 12345678\nn: 12345678\nn: 1\n",
    );
  });

  test("pieces are cut between code points", () => {
    const euros = Buffer.from("€€€€€€€€€€");
    const out = Buffer.from(prefixed([euros], "", 8), "latin1");
    expect(decodeUtf8(out)?.replaceAll("\n", "")).toBe("€€€€€€€€€€");
  });

  test("continuation bytes without end are cut all the same", () => {
    const out = prefixed([Buffer.alloc(100, 0x80)], "", 8);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(11);
    expect(out.replaceAll("\n", "").length).toBe(100);
  });

  test("a line without end is given out as it comes: what is held stays bounded", () => {
    const lines = new LinePrefixer(Buffer.from("n: "));
    const chunk = Buffer.alloc(100_000, "x");
    let out = 0;
    for (let index = 0; index < 100; index += 1) out += lines.push(chunk).length;
    expect(out).toBeGreaterThan(100 * chunk.length - 2 * linePieceBytes);
  });
});

test("whatever the input and the cuts, the output is that of the definition", async () => {
  await withSeeds({ count: 1_500 }, (random) => {
    const pieceBytes = random.pick([4, 16, linePieceBytes]);
    const input = randomLines(random);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < input.length;) {
      const next = Math.min(input.length, at + random.integer(0, 12));
      chunks.push(input.subarray(at, next));
      at = next;
    }
    const out = prefixed(chunks, "", pieceBytes);
    expect(out).toBe(prefixed([input], "", pieceBytes));
    if (pieceBytes === linePieceBytes) {
      const original = Buffer.from(input).toString("latin1");
      expect(out).toBe(original === "" || original.endsWith("\n") ? original : `${original}\n`);
      const labelled = out.replace(/^(?=[^\n]*\n)/gm, "n: ");
      expect(prefixed(chunks, "n: ", pieceBytes)).toBe(labelled);
    }
  });
});

function randomLines(random: Random): Buffer {
  const parts = Array.from({ length: random.integer(0, 12) }, () =>
    random.pick(["\n", "a", "é", "€", "\u{1f600}", "line\n", "\n\n", "0123456789"]),
  );
  return Buffer.from(parts.join(""));
}
