// The nearest word: found for typing errors, and not made up for anything else.

import { expect, test } from "bun:test";

import { nearest } from "../../src/cli/suggest.ts";

const commands = ["exec", "daemon", "ping", "version", "help"];
const options = ["timeout", "grace", "tree", "env", "env-file", "connect-timeout", "quiet", "json"];

test.each([
  ["exce", commands, "exec"],
  ["exe", commands, "exec"],
  ["execc", commands, "exec"],
  ["EXEC", commands, "exec"],
  ["deamon", commands, "daemon"],
  ["demon", commands, "daemon"],
  ["pnig", commands, "ping"],
  ["versoin", commands, "version"],
  ["timout", options, "timeout"],
  ["time-out", options, "timeout"],
  ["conect-timeout", options, "connect-timeout"],
  ["envfile", options, "env-file"],
  ["qiuet", options, "quiet"],
  ["connect", options, "connect-timeout"],
])("%s is probably meant for one of %j: %s", (word, known, meant) => {
  expect(nearest(word, known)).toBe(meant);
});

test.each(["frobnicate", "", "x", "zz", "run", "ps", "--------"])("%j is like none", (word) => {
  expect(nearest(word, [...commands, ...options])).toBe(null);
});

test("a long word costs no time worth speaking of", () => {
  expect(nearest("x".repeat(100_000), options)).toBe(null);
});

test("a word that is known is nearest to itself", () => {
  for (const word of options) expect(nearest(word, options)).toBe(word);
});
