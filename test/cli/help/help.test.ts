// Help: it fits a terminal, says nothing that is not so, and leaves out nothing that is.

import { describe, expect, test } from "bun:test";

import { CtlError } from "../../../src/base/errors.ts";
import { parseArguments } from "../../../src/cli/argv.ts";
import { helpOf } from "../../../src/cli/help/command-help.ts";
import { columns, wrap } from "../../../src/cli/help/layout.ts";
import { commandNames, helpText, unknownCommand } from "../../../src/cli/help/topics.ts";
import type { CommandSyntax } from "../../../src/cli/syntax/command-syntax.ts";
import { daemonSyntax } from "../../../src/cli/syntax/daemon.ts";
import { execSyntax } from "../../../src/cli/syntax/exec.ts";
import { pingSyntax } from "../../../src/cli/syntax/ping.ts";
import { versionSyntax } from "../../../src/cli/syntax/version.ts";

const syntaxes: readonly CommandSyntax[] = [execSyntax, daemonSyntax, pingSyntax, versionSyntax];
const pages = ["exit-codes", "json"];

const texts: readonly (readonly [string, string])[] = [
  ["ctl help", helpText(null)],
  ...pages.map((page) => [`ctl help ${page}`, helpText(page)] as const),
  ...syntaxes.map((syntax) => [`ctl ${syntax.name} --help`, helpText(syntax.name)] as const),
  ...syntaxes.map((syntax) => [`ctl ${syntax.name} -h`, helpOf(syntax, false)] as const),
];

describe.each(texts)("%s", (_, text) => {
  test("fits into 80 columns", () => {
    // Length in UTF-16 units is the width only as long as nothing wider than ASCII, "…" and "·" is used.
    expect(text).toMatch(/^[\u0020-\u007e\n…·±]*$/);
    expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("has no blanks at the ends of lines, and ends with one newline", () => {
    expect(text).not.toMatch(/ \n|\n\n\n|^\n/);
    expect(text).toMatch(/[^\n]\n$/);
  });
});

describe.each(syntaxes.map((syntax) => [syntax.name, syntax] as const))("ctl %s", (_, syntax) => {
  test("shows every option in both forms of its help, and examples first", () => {
    for (const text of [helpOf(syntax, true), helpOf(syntax, false)]) {
      for (const { name, letter } of Object.values(syntax.options)) {
        expect(text).toContain(letter === null ? `--${name}` : `-${letter}, --${name}`);
      }
      expect(text).toContain("-h, --help");
      expect(text.indexOf("ctl ", 1)).toBeLessThan(text.indexOf("Usage:"));
      expect(text.indexOf("Usage:")).toBeLessThan(text.indexOf("Options:"));
    }
  });

  test("mentions no option that it does not have", () => {
    const known = new Set(["help", ...Object.values(syntax.options).map((option) => option.name)]);
    const others = new Set(
      syntaxes.flatMap((one) => Object.values(one.options).map((o) => o.name)),
    );
    for (const [, name = ""] of helpOf(syntax, true).matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)) {
      expect(known.has(name) || others.has(name)).toBe(true);
    }
  });

  test("has examples that its own parser accepts", () => {
    for (const { command } of syntax.examples) {
      const [, ours = ""] = new RegExp(`ctl ${syntax.name}(.*)$`).exec(command) ?? [];
      const words = [...ours.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) =>
        Buffer.from(quoted ?? bare ?? ""),
      );
      expect(parseArguments(syntax, words).kind).toBe("run");
    }
  });

  test("has a table without two options of one name or letter, and conflicts that exist", () => {
    const all = Object.values(syntax.options);
    const names = ["help", ...all.map((option) => option.name)];
    const letters = ["h", ...all.flatMap((option) => option.letter ?? [])];
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(letters).size).toBe(letters.length);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z-]*[a-z]$/);
    for (const letter of letters) expect(letter).toMatch(/^[A-Za-z]$/);
    for (const key of syntax.conflicts.flat()) expect(Object.keys(syntax.options)).toContain(key);
  });
});

describe("ctl help", () => {
  test("names every command and every page", () => {
    for (const { name } of syntaxes) expect(helpText(null)).toContain(`ctl ${name} `);
    for (const page of pages) expect(helpText(null)).toContain(`ctl help ${page}`);
    expect(helpText("help")).toBe(helpText(null));
  });

  test("names no command that there is not", () => {
    const ours = new Set([...commandNames, "COMMAND"]);
    for (const [name, text] of texts) {
      for (const [, command = ""] of text.matchAll(/\bctl ([a-z]+)\b(?! --)/g)) {
        const isProse = ["again", "could", "exits", "leaves", "tries", "that", "is"].includes(
          command,
        );
        if (!isProse && !ours.has(command)) throw new Error(`${name} mentions "ctl ${command}"`);
      }
    }
    expect(ours.size).toBe(11);
  });

  test.each([
    ["exce", 'Unknown command "exce"', 'did you mean "exec"?'],
    ["run", 'Unknown command "run"', "see: ctl help"],
    ["constructor", 'Unknown command "constructor"', "see: ctl help"],
    ["\u001b[2J", 'Unknown command "\\x1b[2J"', "see: ctl help"],
  ])("the unknown command %j is refused with the nearest one", (word, message, hint) => {
    const error = unknownCommand(word);
    expect(error).toBeInstanceOf(CtlError);
    expect([error.code, error.message, error.hint]).toEqual(["usage", message, hint]);
  });

  test.each(["exit-code", "exits", "jsno", "nodesets", "constructor"])(
    "the unknown page %s is refused",
    (topic) => {
      expect(() => helpText(topic)).toThrow(`There is no help on "${topic}"`);
    },
  );
});

describe("layout", () => {
  test("wrap() breaks at blanks only, and loses no word", () => {
    const words = Array.from({ length: 60 }, (_, index) => "w".repeat((index % 13) + 1));
    const lines = wrap(words.join(" "), 7);
    expect(lines.every((line) => line.startsWith("       ") && line.length <= 80)).toBe(true);
    expect(lines.map((line) => line.trim()).join(" ")).toBe(words.join(" "));
    expect(wrap("x".repeat(100), 2)).toEqual([`  ${"x".repeat(100)}`]);
  });

  test("columns() puts what is too wide on a line of its own", () => {
    const rows = [
      { left: "a", right: "first" },
      { left: "much-too-wide", right: "second" },
      { left: "bcd", right: "third" },
    ];
    expect(columns(rows, 5)).toEqual([
      "  a    first",
      "  much-too-wide",
      "       second",
      "  bcd  third",
    ]);
  });
});
