// Files of variables: what a line may be, and that a mistake names its line.

import { expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { parseEnvFile } from "../../src/cli/env-file.ts";
import { withSeeds } from "../support/random.ts";

const path = Buffer.from("vars.env");

const parse = (content: string | Uint8Array, values: Record<string, string> = {}): string[] =>
  parseEnvFile(typeof content === "string" ? Buffer.from(content) : content, path, (name) => {
    const value = values[Buffer.from(name).toString("latin1")];
    return value === undefined ? null : Buffer.from(value);
  }).map((entry) => Buffer.from(entry).toString("latin1"));

test.each([
  ["", []],
  ["\n\n", []],
  ["A=1", ["A=1"]],
  ["A=1\n", ["A=1"]],
  ["A=1\nB=2\n", ["A=1", "B=2"]],
  ["A=1\r\nB=2\r\n", ["A=1", "B=2"]],
  ["# a comment\n  # another\nA=1", ["A=1"]],
  ["  A=1\n\tB=2", ["A=1", "B=2"]],
  ["A= spaces stay \n", ["A= spaces stay "]],
  ['A="quotes stay"', ['A="quotes stay"']],
  ["A=$HOME", ["A=$HOME"]],
  ["A=b=c", ["A=b=c"]],
  ["A=", ["A="]],
  ["A=1 # no comment", ["A=1 # no comment"]],
  ["A=1\nA=2", ["A=1", "A=2"]],
  ["\u{feff}A=1", ["A=1"]],
  ["a.b-c=1", ["a.b-c=1"]],
])("%j holds %j", (content, entries) => {
  expect(parse(content)).toEqual(entries);
});

test("a name alone takes the caller's value", () => {
  expect(parse("HOME\nA=1", { HOME: "/srv" })).toEqual(["HOME=/srv", "A=1"]);
});

test("bytes that are not UTF-8 stay as they are", () => {
  expect(parse(Uint8Array.of(0x41, 0x3d, 0xff, 0xfe, 0x0a))).toEqual(["A=\u00ff\u00fe"]);
});

test.each([
  ["A=1\n=2", 2, "there is no name before the ="],
  ["\n\n\nA B=1", 4, 'the name "A B" has blanks in it'],
  ["export A=1", 1, 'the name "export A" has blanks in it'],
  ["A=1\r\nNOPE\r\n", 2, '"NOPE" has no value, and is not set here'],
  ["A=\u0000", 1, "a NUL byte cannot be part of a variable"],
  ["\u001b[2J", 1, '"\\x1b[2J" has no value, and is not set here'],
])("%j is refused at line %d: %s", (content, line, problem) => {
  expect(() => parse(content)).toThrow(
    new CtlError("usage", `--env-file "vars.env", line ${line}: ${problem}`),
  );
});

test("random files give entries with a name and =, or name the line", async () => {
  await withSeeds({ count: 1_000 }, (random) => {
    const content = random
      .bytes(random.integer(0, 40))
      .map((byte) => (byte % 7 === 0 ? 0x0a : byte));
    try {
      for (const entry of parse(content)) expect(entry.indexOf("=")).toBeGreaterThan(0);
    } catch (error) {
      if (!(error instanceof CtlError)) throw error;
      expect(error.message).toMatch(/^--env-file "vars\.env", line \d+: /);
    }
  });
});
