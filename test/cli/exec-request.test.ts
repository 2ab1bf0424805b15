// A request that no node could take is refused before one is asked, in one line that says how much is possible.

import { expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/cli/argv.ts";
import { requestOf } from "../../src/cli/exec-request.ts";
import { execSyntax } from "../../src/cli/syntax/exec.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function refusalOf(options: readonly string[], command: Uint8Array[]): Promise<string> {
  const parsed = parseArguments(execSyntax, [...options, "node3", "x"].map(bytes), {});
  if (parsed.kind === "help") throw new Error("Help instead of options");
  try {
    await requestOf(parsed.options, command);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    expect({ code: error.code, errno: error.errno }).toEqual({ code: "usage", errno: "E2BIG" });
    return error.message;
  }
  return "";
}

const words = (count: number, length: number): Uint8Array[] =>
  Array.from({ length: count }, () => new Uint8Array(length).fill(0x61));

test("more bytes than a start may have are refused by what Linux counts", async () => {
  expect(await refusalOf([], words(2, 600_000))).toBe(
    "request: E2BIG: arguments and environment have 1200003 bytes, at most 1048576 are possible",
  );
  expect(await refusalOf(["-C", `/${"d".repeat(100)}`], words(1, 1_048_500))).toContain("E2BIG");
  expect(await refusalOf(["-e", `A=${"v".repeat(100)}`], words(1, 1_048_500))).toContain("E2BIG");
});

test("more short words than a frame holds are refused by what they take in it", async () => {
  expect(await refusalOf([], words(100_000, 1))).toBe(
    "request: E2BIG: 100000 arguments and variables take 2000192 bytes to send, at most 1114112 are possible",
  );
  expect(await refusalOf(["-e", "A=1"], words(55_700, 1))).toContain("55701 arguments");
});

test("what fits is not refused", async () => {
  expect(await refusalOf([], words(55_000, 1))).toBe("");
  expect(await refusalOf([], words(1, 1_048_574))).toBe("");
});
