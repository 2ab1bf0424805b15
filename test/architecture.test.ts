// The arrows of docs/architecture.md as a test: which folder may know which, and the finer rules inside a folder.

import { expect, test } from "bun:test";

import { type Import, importsOf, type SourceFile, sourceFiles } from "./support/source-tree.ts";

/** Who may import whom. A folder may always import itself; a folder that is not here may not exist. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  os: ["base"],
  launcher: ["base", "os"],
  keys: ["base", "os"],
  wire: ["base"],
  transport: ["base", "os", "keys"],
  session: ["base", "wire", "transport"],
  capability: ["base", "os", "launcher", "keys", "wire", "session"],
  daemon: ["base", "os", "launcher", "keys", "wire", "transport", "session", "capability"],
  controller: ["base", "os", "launcher", "keys", "wire", "transport", "session", "capability"],
  scenario: ["base", "os", "capability", "controller"],
  cli: "base os launcher keys wire transport session capability daemon controller scenario".split(
    " ",
  ),
  "main.ts": ["base", "os", "cli"],
};

/** Which layers may use a package, or a module of the runtime that must not spread. */
const packageUsers: Readonly<Record<string, readonly string[]>> = {
  "bun:ffi": ["os"],
  flatbuffers: ["wire", "session", "capability"],
  "@peculiar/x509": ["keys"],
  "reflect-metadata": ["keys"],
  citty: ["cli"],
  consola: ["cli"],
};

const isGenerated = (path: string): boolean => path.startsWith("src/wire/generated/");
const isContract = (path: string): boolean => path.endsWith("/contract.ts");
const layerOf = (path: string): string => path.split("/")[1] ?? path;
const capabilityOf = (path: string): string | null =>
  /^src\/capability\/([^/]+)\//.exec(path)?.[1] ?? null;

const files = await sourceFiles("src/**/*.ts");
const edges = files.flatMap((file) => importsOf(file).map((to) => ({ from: file.path, to })));

/** Every edge that breaks the rule, in words. */
function violations(isWrong: (from: string, to: Import & { target: string }) => boolean): string[] {
  return edges.flatMap(({ from, to }) => {
    const { target } = to;
    return target !== null && isWrong(from, { ...to, target }) ? [`${from} imports ${target}`] : [];
  });
}

test("there are sources, and their imports are seen", () => {
  expect(files.length).toBeGreaterThan(50);
  expect(edges.length).toBeGreaterThan(files.length);
});

test("the reader of imports sees every way to import", () => {
  const code = `
import { a } from "./static.ts";
import type { T } from "./type.ts";
import { b, type U }
  from "./lines.ts";
import "./side-effect.ts";
export { c } from "./re-export.ts";
export * from "./star.ts";
const lazy = await import("./lazy.ts");
const computed = await import(name);
`;
  const sample: SourceFile = { path: "src/base/sample.ts", text: code, code };
  expect(importsOf(sample).map(({ target, kind }) => `${kind} ${target}`)).toEqual([
    "static src/base/static.ts",
    "static src/base/type.ts",
    "static src/base/lines.ts",
    "side-effect src/base/side-effect.ts",
    "re-export src/base/re-export.ts",
    "re-export src/base/star.ts",
    "dynamic src/base/lazy.ts",
    "dynamic null",
  ]);
  expect(importsOf(sample).filter((entry) => entry.isTypeOnly)).toHaveLength(1);
});

test("every folder of src is in the table of arrows", () => {
  const layers = new Set(files.map((file) => layerOf(file.path)));
  expect([...layers].filter((layer) => !(layer in mayImport))).toEqual([]);
});

test("imports follow the arrows", () => {
  const against = violations((from, { target }) => {
    if (!target.startsWith("src/")) return false;
    const [here, there] = [layerOf(from), layerOf(target)];
    return here !== there && !mayImport[here]?.includes(there);
  });
  expect(against).toEqual([]);
});

test("nothing in src imports from outside src, but for the version in package.json", () => {
  const outside = violations((_, { target }) => !target.startsWith("src/"));
  expect(outside.filter((line) => !line.endsWith(" imports package.json"))).toEqual([]);
});

test("no module is chosen at run time, imported for its side effects, or passed through", () => {
  const odd = edges.filter(
    ({ to }) => to.specifier === null || to.kind === "side-effect" || to.kind === "re-export",
  );
  expect(odd.map(({ from, to }) => `${from}: ${to.kind} of ${to.specifier}`)).toEqual([]);
});

test("a package is used only where it belongs", () => {
  const misplaced = edges.filter(({ from, to }) => {
    const users = packageUsers[to.specifier ?? ""];
    return users !== undefined && !users.includes(layerOf(from));
  });
  expect(misplaced.map(({ from, to }) => `${from} uses ${to.specifier}`)).toEqual([]);
});

test("a package that is used is one we know", () => {
  const known = /^(node:|bun$|bun:)/;
  const unknown = edges.filter(({ to }) => {
    const { specifier } = to;
    if (specifier === null || specifier.startsWith(".")) return false;
    return !known.test(specifier) && !(specifier in packageUsers);
  });
  expect(unknown.map(({ from, to }) => `${from} uses ${to.specifier}`)).toEqual([]);
});

test("generated classes travel no further than the codecs", () => {
  const mayUse =
    /^src\/wire\/|\/([a-z]+-)?codec\.ts$|^src\/capability\/(messages|[a-z]+\/words)\.ts$/;
  expect(violations((from, { target }) => isGenerated(target) && !mayUse.test(from))).toEqual([]);
});

test("a contract imports only base and other contracts", () => {
  const impure = violations(
    (from, { target }) => isContract(from) && layerOf(target) !== "base" && !isContract(target),
  );
  expect(impure).toEqual([]);
});

test("the controller knows nothing of launchers but the types of their contract", () => {
  const known = violations(
    (from, { target, isTypeOnly }) =>
      layerOf(from) === "controller" &&
      layerOf(target) === "launcher" &&
      !(isContract(target) && isTypeOnly),
  );
  expect(known).toEqual([]);
});

test("one capability knows another only by its contract", () => {
  const across = violations((from, { target }) => {
    const [here, there] = [capabilityOf(from), capabilityOf(target)];
    return here !== null && there !== null && here !== there && !isContract(target);
  });
  expect(across).toEqual([]);
});

test("the two halves of a capability do not reach each other", () => {
  const daemonHalf = /\/(serve|table|record)\.ts$/;
  const controllerHalf = /\/call\.ts$/;
  const crossed = files.flatMap(({ path }) => {
    if (capabilityOf(path) === null) return [];
    if (controllerHalf.test(path)) return reaches(path, daemonHalf).map((to) => `${path} → ${to}`);
    return daemonHalf.test(path)
      ? reaches(path, controllerHalf).map((to) => `${path} → ${to}`)
      : [];
  });
  expect(crossed).toEqual([]);
});

test("every file of src is reached from main", () => {
  const reached = reachableFrom("src/main.ts");
  expect(files.map((file) => file.path).filter((path) => !reached.has(path))).toEqual([]);
});

const reaches = (start: string, goal: RegExp): string[] =>
  [...reachableFrom(start)].filter((path) => path !== start && goal.test(path));

function reachableFrom(start: string): Set<string> {
  const reached = new Set([start]);
  for (const path of reached) {
    for (const { from, to } of edges) if (from === path && to.target) reached.add(to.target);
  }
  return reached;
}
