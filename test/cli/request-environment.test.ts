import { describe, expect, test } from "bun:test";

import { requestedEnvironment } from "../../src/cli/request-environment.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = (entries: readonly Uint8Array[]): string[] =>
  entries.map((entry) => Buffer.from(entry).toString("latin1"));

const none = { exported: { kind: "none" }, envFiles: [], env: [] } as const;

function sourcesOf(caller: readonly string[], files: Readonly<Record<string, string>> = {}) {
  return {
    caller: () => caller.map((entry) => Buffer.from(entry, "latin1")),
    readFile: (path: Uint8Array) => bytes(files[Buffer.from(path).toString()] ?? ""),
  };
}

const ask = (env: string): unknown =>
  requestedEnvironment({ ...none, env: [bytes(env)] }, sourcesOf([]));

describe("the variables of a request", () => {
  test("are none, and nobody looks at the caller's, unless asked for", () => {
    const sources = {
      ...sourcesOf([]),
      caller: () => {
        throw new Error("Nobody asked");
      },
    };
    expect(requestedEnvironment(none, sources)).toEqual([]);
    expect(texts(requestedEnvironment({ ...none, env: [bytes("A=1")] }, sources))).toEqual(["A=1"]);
  });

  test("come in the order --export, --env-file, -e, so that the more particular wins", () => {
    const wishes = {
      exported: { kind: "names", names: [bytes("A")] },
      envFiles: [bytes("file")],
      env: [bytes("A=3")],
    } as const;
    const sources = sourcesOf(["A=1", "B=9"], { file: "A=2\nB\n" });
    expect(texts(requestedEnvironment(wishes, sources))).toEqual(["A=1", "A=2", "B=9", "A=3"]);
  });

  test("are bytes: what is not UTF-8 comes through as it is", () => {
    const wishes = { ...none, env: [bytes("ODD")] };
    expect(texts(requestedEnvironment(wishes, sourcesOf(["ODD=a\xff\xfeb"])))).toEqual([
      "ODD=a\xff\xfeb",
    ]);
  });

  test("never hand on what another ctl told this one", () => {
    const wishes = { ...none, exported: { kind: "all" } } as const;
    const sources = sourcesOf(["CTL_NODE=there", "CTL_ID=p_00000000", "HOME=/h"]);
    expect(texts(requestedEnvironment(wishes, sources))).toEqual(["HOME=/h"]);
  });

  test("must be set here when only their names are given, and must have names", () => {
    expect(() => ask("MISSING")).toThrow('-e "MISSING": this variable is not set here');
    expect(() => ask("=x")).toThrow("names no variable");
    expect(() => ask("")).toThrow("names no variable");
  });
});
