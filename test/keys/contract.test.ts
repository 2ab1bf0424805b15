import { expect, test } from "bun:test";

import {
  clusterPattern,
  identityUri,
  namePattern,
  parseIdentityUri,
  type Role,
  roles,
  suffices,
} from "../../src/keys/contract.ts";

test("what a role may do is a table", () => {
  const may = roles.flatMap((role) =>
    roles.filter((needed) => suffices(role, needed)).map((needed) => `${role} as ${needed}`),
  );
  expect(may).toEqual([
    "node as node",
    "observer as observer",
    "operator as observer",
    "operator as operator",
  ]);
});

test("every identity comes back from its URI", () => {
  for (const role of roles) {
    for (const name of ["a", "n7", "A-b_c.d", "x".repeat(64)]) {
      const identity = { role, name, cluster: "c_0123456789" };
      expect(parseIdentityUri(identityUri(identity))).toEqual(identity);
    }
  }
});

const wrongUris = [
  "",
  "ctl://",
  "http://c_0123456789/role/node/n7",
  "ctl://c_012345678/role/node/n7",
  "ctl://c_01234567890/role/node/n7",
  "ctl://c_ABCDEFGHIJ/role/node/n7",
  "ctl://d_0123456789/role/node/n7",
  "ctl://c_0123456789/role/root/n7",
  "ctl://c_0123456789/role/Node/n7",
  "ctl://c_0123456789/role/node/",
  "ctl://c_0123456789/role/node/a b",
  "ctl://c_0123456789/role/node/a/b",
  "ctl://c_0123456789/role/node/n7\n",
  " ctl://c_0123456789/role/node/n7",
  `ctl://c_0123456789/role/node/${"x".repeat(65)}`,
];

test.each(wrongUris)("%p is nobody's URI", (uri) => {
  expect(parseIdentityUri(uri)).toBeNull();
});

test("names and clusters have no room for anything that steers a terminal or a shell", () => {
  for (const name of ["", "a b", "a\n", "\u001b[31m", "ä", "a/b", "$(x)", "x".repeat(65)]) {
    expect({ name, isName: namePattern.test(name) }).toEqual({ name, isName: false });
  }
  for (const cluster of ["", "c_", "c_012345678", "c_0123456789\n", "C_0123456789"]) {
    expect({ cluster, isOne: clusterPattern.test(cluster) }).toEqual({ cluster, isOne: false });
  }
});

test("a role that is not in the list is no role", () => {
  const odd = "admin" as Role;
  expect(suffices(odd, "operator")).toBe(false);
  expect(suffices("operator", odd)).toBe(false);
});
