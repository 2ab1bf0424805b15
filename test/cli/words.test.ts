// The command line under chance, and the way in which its words reach us: not a byte of the remote command is lost.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";

import { CtlError } from "../../src/base/errors.ts";
import { cleanText } from "../../src/base/escape.ts";
import { parseArguments, wordsOf } from "../../src/cli/argv.ts";
import { execSyntax } from "../../src/cli/syntax/exec.ts";
import { type Random, withSeeds } from "../support/random.ts";

type Word = string | Uint8Array;

describe("over many random command lines", () => {
  test("the words of the command come out exactly as they went in", async () => {
    await withSeeds({ count: 2_000 }, (random) => {
      const command = [randomFirstWord(random), ...randomWords(random)];
      const ours = randomOptions(random);
      const cut = random.integer(0, ours.length);
      const before = ours.slice(0, cut).flat();
      const between = ours.slice(cut).flat();
      const dashes = random.chance(0.5) || startsOption(command[0]) ? ["--"] : [];
      const words = [...before, "node3", ...between, ...dashes, ...command];
      const parsed = parseArguments(execSyntax, words.map(asBytes));
      if (parsed.kind !== "run") throw new Error("Help was asked for");
      expect(parsed.operands).toEqual(["node3"]);
      expect(parsed.command).toEqual(command);
      expect(parsed.options.quiet).toBe(ours.some(([option]) => option === "-q"));
    });
  });

  test("nothing but a usage error ever comes of nonsense", async () => {
    await withSeeds({ count: 2_000 }, (random) => {
      const words = Array.from({ length: random.integer(0, 6) }, () =>
        random.chance(0.3) ? random.bytes(random.integer(0, 5)) : Buffer.from(random.pick(pieces)),
      );
      try {
        parseArguments(execSyntax, words);
      } catch (error) {
        if (!(error instanceof CtlError) || error.code !== "usage") throw error;
        expect(error.message).toBe(cleanText(error.message));
      }
    });
  });
});

const pieces = [
  "-",
  "--",
  "-e",
  "-qnz",
  "--env",
  "--env=",
  "--timeout=1s",
  "-C",
  "a",
  "",
  "--json",
  "--x",
];

function randomOptions(random: Random): Word[][] {
  return Array.from({ length: random.integer(0, 4) }, () =>
    random.pick<Word[]>([
      ["-q"],
      ["-n"],
      ["-e", Buffer.concat([Buffer.from("A="), nonZero(random, 4)])],
      ["-eB=2"],
      ["--timeout", "5s"],
      ["--grace=1ms"],
      ["-C", "--"],
      ["--status-file", "-q"],
    ]),
  );
}

function randomFirstWord(random: Random): Uint8Array {
  return random.chance(0.2) ? Buffer.from(random.pick(pieces)) : nonZero(random, 6);
}

const randomWords = (random: Random): Uint8Array[] =>
  Array.from({ length: random.integer(0, 5) }, () =>
    random.chance(0.4) ? Buffer.from(random.pick(pieces)) : nonZero(random, 8),
  );

const nonZero = (random: Random, max: number): Uint8Array =>
  Buffer.from(random.bytes(random.integer(0, max)).map((byte) => byte || 1));

const startsOption = (word: Uint8Array | undefined): boolean => word?.[0] === 0x2d;

const asBytes = (word: Word): Uint8Array => (typeof word === "string" ? Buffer.from(word) : word);

const asText = (words: readonly Uint8Array[]): string[] =>
  words.map((word) => Buffer.from(word).toString("latin1"));

describe("readArguments", () => {
  test("gives every word byte for byte, whatever it holds", async () => {
    const program = join(import.meta.dir, "programs/print-arguments.ts");
    // A shell hands bytes over that no string of ours could hold.
    const words =
      "'' 'a b' '' \"$(printf '\\377\\376')\" \"$(printf '\\355\\240\\200')\" 'é€' '--' '-x' ''";
    const script = `exec "$0" "$1" ${words}`;
    const child = Bun.spawn(["/bin/sh", "-c", script, process.execPath, program], {
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(JSON.parse(await new Response(child.stdout).text())).toEqual([
      "",
      Buffer.from("a b").toString("hex"),
      "",
      "fffe",
      "eda080",
      Buffer.from("é€").toString("hex"),
      Buffer.from("--").toString("hex"),
      Buffer.from("-x").toString("hex"),
      "",
    ]);
    expect(await child.exited).toBe(0);
  });

  test("wordsOf() keeps empty words, the last one too", () => {
    expect(asText(wordsOf(Buffer.from("a\0\0b\0\0")))).toEqual(["a", "", "b", ""]);
    expect(wordsOf(Buffer.alloc(0))).toEqual([]);
    expect(asText(wordsOf(Buffer.from("a\0b")))).toEqual(["a", "b"]);
  });
});
