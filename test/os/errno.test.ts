// Names of error numbers against the runtime's own table.

import { expect, test } from "bun:test";
import { constants } from "node:os";

import { errnoName } from "../../src/os/errno.ts";

test("errno numbers have the names that the machine's own headers give them", () => {
  // Several names may share a number; ours is one of them.
  for (const number of new Set(Object.values(constants.errno))) {
    const names = Object.entries(constants.errno).filter(([, each]) => each === number);
    expect(names.map(([name]) => name)).toContain(errnoName(number));
  }
});

test("numbers without a name are shown as numbers", () => {
  for (const number of [0, 41, 58, 134, 999]) expect(errnoName(number)).toBe(`errno ${number}`);
});

test("numbers at the ends of the list are right", () => {
  expect([errnoName(1), errnoName(2), errnoName(133)]).toEqual(["EPERM", "ENOENT", "EHWPOISON"]);
});
