// What people see of a failure: exactly one line on stderr, said by ctl.

import { expect } from "bun:test";

import type { Ended } from "./running.ts";

/** The only line on stderr, without "ctl: ". Fails when there is more, less, or another's. */
export function failureLine(ended: Ended): string {
  const lines = ended.stderr.split("\n");
  expect({ stderr: ended.stderr, lines: lines.length }).toMatchObject({ lines: 2 });
  expect(ended.stderr).toMatch(/^ctl: [^\n]+\n$/);
  return (lines[0] ?? "").slice("ctl: ".length);
}

/** Fails unless it ended with this code and one line that has all of these parts, in this order. */
export function expectFailure(ended: Ended, code: number, parts: readonly string[]): void {
  const line = failureLine(ended);
  let from = 0;
  for (const part of parts) {
    const at = line.indexOf(part, from);
    if (at < 0) throw new Error(`"${part}" is missing, or in the wrong place, in: ${line}`);
    from = at + part.length;
  }
  expect({ line, code: ended.code }).toEqual({ line, code });
}
