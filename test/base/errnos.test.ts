// Error numbers: our table is the kernel's.

import { expect, test } from "bun:test";
import { constants } from "node:os";

import { errnoName, errnoNumber, errnoPhrase } from "../../src/base/errnos.ts";

test("the names are those that the runtime of this very machine knows", () => {
  const entries = Object.entries(constants.errno);
  expect(entries.length).toBeGreaterThan(50);
  for (const [name, number] of entries) expect(errnoNumber(name)).toBe(number);
});

test("every name leads back to its number, and has a phrase", () => {
  for (let errno = 1; errno <= 133; errno += 1) {
    const name = errnoName(errno);
    // Linux has left these out.
    if (errno === 41 || errno === 58) {
      expect(name).toBe(`errno ${errno}`);
      continue;
    }
    expect(name).toMatch(/^E[A-Z0-9]+$/);
    expect(errnoNumber(name)).toBe(errno);
    expect(errnoPhrase(errno)).toMatch(/^(?!an error that has no name)\S.*[^.]$/);
  }
});

test("a number without a name is still told", () => {
  expect(errnoName(0)).toBe("errno 0");
  expect(errnoName(999)).toBe("errno 999");
  expect(errnoPhrase(999)).toBe("an error that has no name");
  expect(errnoNumber("ENOSUCH")).toBe(null);
  expect(errnoNumber("constructor")).toBe(null);
});
