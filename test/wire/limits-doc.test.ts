// docs/limits.md names every limit with its value, and tests that exist.

import { expect, test } from "bun:test";
import { join } from "node:path";

import { strangerLinesPerSecond } from "../../src/base/rate-limit.ts";
import { shownWordBytesMax, shownWordsMax } from "../../src/daemon/redaction.ts";
import { revocationBytesMax } from "../../src/keys/revocations.ts";
import {
  appendFileBytesMax,
  appendFilesKept,
  failureReportSeconds,
} from "../../src/os/append-file.ts";
import * as transportLimits from "../../src/transport/limits.ts";
import * as limits from "../../src/wire/limits.ts";

const root = join(import.meta.dir, "../..");

interface Entry {
  name: string;
  /** NaN when it is no plain number. */
  value: number;
  tests: string[];
}

/** "- **`name`: 1,024.** Why. _At it:_ what happens. _Proved by_ `test/…`, `test/…`.", over several lines. */
function entryOf(text: string): Entry {
  const [, name = "", value = ""] = /^([^:]+): ([^*]+)\.\*\*/.exec(text) ?? [];
  const [, proofs = ""] = text.split("_Proved by_");
  return {
    name: name.replaceAll("`", ""),
    value: Number(value.replaceAll(",", "")),
    tests: [...proofs.matchAll(/`(test\/[^`]+)`/g)].map(([, path = ""]) => path),
  };
}

const document = await Bun.file(join(root, "docs/limits.md")).text();
// Lines are filled up, so a break may stand anywhere.
const entries = document
  .split(/^- \*\*/m)
  .slice(1)
  .map((text) => entryOf(text.replaceAll(/\s+/g, " ")));
const valueOf = (name: string): number | undefined =>
  entries.find((one) => one.name === name)?.value;

/** Beside the protocol's: what one machine decides for itself. */
const ownLimits = {
  ...transportLimits,
  appendFileBytesMax,
  appendFilesKept,
  failureReportSeconds,
  revocationBytesMax,
  shownWordBytesMax,
  shownWordsMax,
  strangerLinesPerSecond,
};

const constants = Object.entries<unknown>({ ...limits, ...ownLimits }).filter(
  ([name, value]) => typeof value === "number" && !name.startsWith("PROTOCOL_"),
);

test("every limit that hello tells stands there with its value", () => {
  for (const { name, value } of limits.namedLimits) {
    expect({ name, value: valueOf(name) }).toEqual({ name, value });
  }
});

test("every other number of the protocol stands there by its constant", () => {
  const told = new Set<unknown>(limits.namedLimits.map(({ value }) => value));
  const missing = constants.filter(
    ([name, value]) => valueOf(name) !== value && !(told.has(value) && valueOf(name) === undefined),
  );
  expect(constants.length).toBeGreaterThan(limits.namedLimits.length);
  expect(missing).toEqual([]);
});

test("nothing stands there that is no limit any more", () => {
  const names = [...limits.namedLimits, ...constants.map(([name]) => ({ name }))];
  const known = new Set(names.map(({ name }) => name));
  const gone = entries.filter(({ name }) => !known.has(name) && !name.includes(" "));
  expect(gone).toEqual([]);
});

test("every limit is proved by tests that exist", async () => {
  expect(entries.length).toBeGreaterThan(limits.namedLimits.length);
  for (const { name, tests } of entries) {
    expect({ name, count: tests.length }).not.toEqual({ name, count: 0 });
    const exist = await Promise.all(tests.map((path) => Bun.file(join(root, path)).exists()));
    expect({ name, missing: tests.filter((_, index) => !exist[index]) }).toEqual({
      name,
      missing: [],
    });
  }
});
