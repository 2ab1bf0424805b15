import { expect, test } from "bun:test";

import { configDirectory, keyPlaces } from "../../src/keys/places.ts";
import { account } from "../../src/os/machine.ts";

const directories = ["/people/ada/.config/ctl", "/etc/ctl"];
const usual = [
  "packed",
  "/people/ada/.config/ctl/operator.key",
  "/people/ada/.config/ctl/observer.key",
  "/people/ada/.config/ctl/node.key",
  "/etc/ctl/operator.key",
  "/etc/ctl/observer.key",
  "/etc/ctl/node.key",
];

const shown = (options: Parameters<typeof keyPlaces>[0]): string[] =>
  keyPlaces(options).map(({ kind, path }) =>
    kind === "directory" ? `${path}` : `${kind}${path === null ? "" : ` ${path}`}`,
  );

const orders: [string, { explicit?: string; variable?: string }, string[]][] = [
  ["nothing is named", {}, usual],
  ["--key names a file", { explicit: "a.key" }, ["option a.key", ...usual]],
  ["CTL_KEY names one", { variable: "b.key" }, ["variable b.key", ...usual]],
  ["both do", { explicit: "a", variable: "b" }, ["option a", "variable b", ...usual]],
  ["CTL_KEY is empty", { variable: "" }, usual],
];

test.each(orders)("when %s, the order is right", (_, { explicit = null, variable }, expected) => {
  const env = variable === undefined ? {} : { CTL_KEY: variable };
  expect(shown({ explicit, env, directories, executable: null })).toEqual(expected);
});

test("the files of a directory are named for roles, the most able first", () => {
  const places = keyPlaces({ explicit: null, env: {}, directories: ["/d"], executable: null });
  expect(places.map(({ path, role }) => ({ path, role }))).toEqual([
    { path: null, role: null },
    { path: "/d/operator.key", role: "operator" },
    { path: "/d/observer.key", role: "observer" },
    { path: "/d/node.key", role: "node" },
  ]);
});

test("an executable is looked into when there is one", () => {
  const options = { explicit: null, env: {}, directories: [] };
  expect(shown({ ...options, executable: "/bin/ctl" })).toEqual(["packed /bin/ctl"]);
  // These tests run from sources, and the executable is the runtime's.
  expect(shown(options)).toEqual(["packed"]);
});

const homes: [Record<string, string>, string][] = [
  [{ HOME: "/people/ada" }, "/people/ada/.config/ctl"],
  [{ HOME: "/people/ada/" }, "/people/ada/.config/ctl"],
  [{ HOME: "/people/ada///" }, "/people/ada/.config/ctl"],
  [{ HOME: "/" }, "/.config/ctl"],
  [{ HOME: "/people/ada", XDG_CONFIG_HOME: "/conf" }, "/conf/ctl"],
  [{ HOME: "/people/ada", XDG_CONFIG_HOME: "/conf/" }, "/conf/ctl"],
  [{ XDG_CONFIG_HOME: "/conf" }, "/conf/ctl"],
  // What is relative would be another directory for every start.
  [{ HOME: "/people/ada", XDG_CONFIG_HOME: "conf" }, "/people/ada/.config/ctl"],
  [{ HOME: "/people/ada", XDG_CONFIG_HOME: "" }, "/people/ada/.config/ctl"],
];

test.each(homes)("with %p the user's keys are in %p", (env, expected) => {
  expect(configDirectory(env)).toBe(expected);
});

test("without a home in the environment it is the one of the user database", () => {
  const home = account().home.replace(/\/+$/, "");
  for (const env of [{}, { HOME: "" }, { HOME: "relative" }]) {
    expect(configDirectory(env)).toBe(`${home}/.config/ctl`);
  }
});

test("the usual directories are the user's and the machine's, in this order", () => {
  const env = { HOME: "/people/ada" };
  expect(shown({ explicit: null, env, executable: null })).toEqual(usual);
});
