// Help and version as people see them: complete, at most 80 columns wide, on stdout; and every option that help names exists.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { openSandbox, type Sandbox } from "./support/sandbox.ts";

const columnsMax = 80;
const commands = ["exec", "ping", "daemon", "init", "key", "pack", "rekey", "revoke", "version"];
const pages = ["exit-codes", "json"];

let box: Sandbox;

beforeAll(async () => {
  box = await openSandbox();
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});

async function printed(words: readonly string[]): Promise<string> {
  const ended = await box.ctl(words);
  expect({ words, stderr: ended.stderr, code: ended.code }).toEqual({ words, stderr: "", code: 0 });
  return ended.text;
}

interface Listed {
  long: string;
  letter: string | null;
  /** "D", "FILE"; null for a flag. */
  value: string | null;
}

/** The options in a help text. */
function optionsIn(text: string): Listed[] {
  const pattern =
    /^ {2}(?:-(?<letter>\w), | {4})--(?<long>[a-z-]+)(?: (?<value>[A-Za-z[\]:|,=…]+))?(?: {2}|$)/gm;
  return [...text.matchAll(pattern)].map(({ groups = {} }) => ({
    long: groups["long"] ?? "",
    letter: groups["letter"] ?? null,
    value: groups["value"] ?? null,
  }));
}

test.each([[["help"]], [["--help"]], [["-h"]]])(
  "%j shows every command and page",
  async (words) => {
    const text = await printed(words);
    for (const name of [...commands.map((command) => `ctl ${command}`), ...pages]) {
      expect(text).toContain(name);
    }
  },
);

test("ctl alone shows the same, and is a mistake", async () => {
  const ended = await box.ctl([]);
  expect(ended.code).toBe(2);
  expect(ended.text).toBe(await printed(["help"]));
});

test.each([...commands, ...pages])(
  "help on %s fits into 80 columns and has no loose ends",
  async (topic) => {
    const text = await printed(["help", topic]);
    const lines = text.split("\n");
    expect(lines.filter((line) => line.length > columnsMax)).toEqual([]);
    expect(lines.filter((line) => /\s$/.test(line))).toEqual([]);
    expect(text).toEndWith("\n");
    expect(text).not.toContain("\u001b");
    expect(text).not.toMatch(/\bundefined\b|\[object/);
  },
);

describe.each(commands)("ctl %s", (command) => {
  test("has a short and a full help, wherever it is asked for", async () => {
    const full = await printed(["help", command]);
    expect(await printed([command, "--help"])).toBe(full);
    const short = await printed([command, "-h"]);
    expect(optionsIn(short)).toEqual(optionsIn(full));
  });

  test("takes every option that its help names", async () => {
    const text = await printed([command, "-h"]);
    const listed = optionsIn(text);
    // None was overlooked.
    expect(text.match(/^ +(-\w, )?--/gm)).toHaveLength(listed.length);
    expect(listed.map(({ long }) => long)).toContain("help");
    for (const { long, letter, value } of listed) {
      for (const typed of letter === null ? [`--${long}`] : [`--${long}`, `-${letter}`]) {
        // --help behind it: what is in front must be understood, and nothing is done.
        const given = value === null ? [typed] : [typed, sampleOf(value)];
        const ended = await box.ctl([command, ...given, "--help"]);
        expect({ typed, stderr: ended.stderr, code: ended.code }).toEqual({
          typed,
          stderr: "",
          code: 0,
        });
      }
    }
  });
});

/** A value that an option of this word takes. */
function sampleOf(word: string): string {
  const samples: Record<string, string> = {
    N: "7",
    D: "3s",
    "NAME=VALUE": "A=1",
    ADDR: "::1",
    CIDR: "10.1.0.0/16",
  };
  return samples[word] ?? word.split(/[|,[]/, 1)[0] ?? word;
}

test("the help of exec names the defaults that hold", async () => {
  const text = await printed(["help", "exec"]);
  for (const part of ["kill:10s", "default: 10s", "default: 5s", "default: leave", "no limit"]) {
    expect(text).toContain(part);
  }
});

test("the examples in help are understood", async () => {
  for (const command of commands.filter((name) => name !== "version")) {
    const text = await printed(["help", command]);
    const examples = text.match(/^ {2}ctl .*?(?= {2}|$)/gm) ?? [];
    expect(examples.length).toBeGreaterThan(command === "init" ? 0 : 1);
    for (const example of examples) {
      const words = example.trim().split(" ").slice(1);
      // In front of everything else, or it would belong to the command of exec.
      const [name = "", ...rest] = words;
      const ended = await box.ctl([name, "--help", ...rest]);
      expect({ example, code: ended.code }).toEqual({ example, code: 0 });
    }
  }
});

test.each([[["version"]], [["--version"]], [["-V"]]])("%j says what this is", async (words) => {
  const text = await printed(words);
  expect(text).toMatch(/^ctl \d+\.\d+\.\d+\nprotocol 1\nplatform linux-(x64|arm64), Bun \S+\n$/);
});

test("version --json is one object", async () => {
  const facts: unknown = JSON.parse(await printed(["version", "--json"]));
  expect(facts).toMatchObject({ protocol_min: 1, protocol_max: 1 });
});
