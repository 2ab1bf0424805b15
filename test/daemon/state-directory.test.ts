// Where state goes by default, whose directories are refused, and that a daemon without one hears why.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import {
  prepareStateDirectory,
  type StateDirectoryOptions,
  stateDirectoryPath,
} from "../../src/daemon/state-directory.ts";
import { account } from "../../src/os/machine.ts";
import type { DirectoryFacts } from "../../src/os/private-directory.ts";

const root = mkdtempSync("/tmp/state-directory-test-");
afterAll(() => rmSync(root, { recursive: true }));

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);
const prepare = (
  given: string,
  more: Partial<StateDirectoryOptions> = {},
): ReturnType<typeof prepareStateDirectory> => prepareStateDirectory({ given, env: {}, ...more });

describe("the usual place", () => {
  const uid = 1000;
  const ours = { isDirectory: true, uid, mode: 0o40755 };
  const usual = (named?: string, facts: DirectoryFacts | null = null): string =>
    stateDirectoryPath({
      given: null,
      env: { XDG_STATE_HOME: named },
      uid,
      home: "/h/ann",
      inspect: () => facts,
    });

  test("is /var/lib/ctl for root, whatever the environment says", () => {
    const env = { XDG_STATE_HOME: "/x" };
    expect(stateDirectoryPath({ given: null, env, uid: 0 })).toBe("/var/lib/ctl");
  });

  test("is in XDG_STATE_HOME for others, there or not", () => {
    expect(usual("/x/state")).toBe("/x/state/ctl");
    expect(usual("/x/state/", ours)).toBe("/x/state/ctl");
  });

  test("is in the home directory when the variable is unset, empty or relative", () => {
    for (const named of [undefined, "", "x/state"]) {
      expect(usual(named)).toBe("/h/ann/.local/state/ctl");
    }
  });

  test("passes over a directory that sudo left in the environment", () => {
    expect(usual("/x/state", { ...ours, uid: 0 })).toBe("/h/ann/.local/state/ctl");
  });

  test("takes the home directory from the user database", () => {
    const path = stateDirectoryPath({ given: null, env: { HOME: "/elsewhere" }, uid });
    expect(path).toBe(join(account().home, ".local/state/ctl"));
  });

  test("gives way to what was named, made absolute", () => {
    expect(stateDirectoryPath({ given: "/a/../b", env: {}, uid: 0 })).toBe("/b");
    expect(stateDirectoryPath({ given: "b", env: {}, uid: 0 })).toBe(join(process.cwd(), "b"));
  });
});

describe("a directory", () => {
  test("is made with its parents, for us alone", () => {
    const path = join(root, "deep/er/state");
    expect(prepare(path)).toEqual({ path, refusal: null });
    for (const made of ["deep", "deep/er", "deep/er/state"]) {
      expect(modeOf(join(root, made))).toBe("700");
    }
  });

  test("that is there is used as it is", () => {
    const path = join(root, "there");
    mkdirSync(path, { mode: 0o755 });
    expect(prepare(path)).toEqual({ path, refusal: null });
    expect(prepare(path)).toEqual({ path, refusal: null });
    expect(modeOf(path)).toBe("755");
  });

  test("that others can write is refused, with what to do", () => {
    const path = join(root, "open");
    mkdirSync(path);
    chmodSync(path, 0o770);
    const { path: none, refusal } = prepare(path);
    expect(none).toBeNull();
    expect(refusal?.code).toBe("io-failed");
    expect(refusal?.message).toBe(
      `The state directory "${path}" cannot be used: it can be written by others (mode 770)`,
    );
    expect(refusal?.hint).toContain("--state-dir");
  });

  test("of somebody else is refused", () => {
    const path = join(root, "foreign");
    const facts: DirectoryFacts = { isDirectory: true, uid: 4_711, mode: 0o40700 };
    const { refusal } = prepare(path, { inspect: () => facts });
    expect(refusal?.message).toEndWith("it belongs to user id 4711");
  });

  test("that is a file, or a link to a directory, is refused", () => {
    const file = join(root, "file");
    Bun.spawnSync(["touch", file]);
    expect(prepare(file).refusal?.message).toEndWith("it is not a directory");
    const link = join(root, "link");
    mkdirSync(join(root, "target"));
    symlinkSync(join(root, "target"), link);
    expect(prepare(link).refusal?.message).toEndWith("it is not a directory");
  });

  test("that vanishes at once is refused too", () => {
    const path = join(root, "gone");
    expect(prepare(path, { inspect: () => null }).refusal?.message).toEndWith("it vanished");
  });

  test("that cannot be made is a value with the system's word for it, not an end", () => {
    const { path, refusal } = prepare("/proc/ctl/state");
    expect(path).toBeNull();
    expect(refusal?.message).toStartWith(
      'The state directory "/proc/ctl/state" could not be made: E',
    );
    expect(refusal?.errno).toStartWith("E");
    expect(refusal?.hint).toContain("--state-dir");
    const file = join(root, "plain");
    Bun.spawnSync(["touch", file]);
    expect(prepare(join(file, "state")).refusal?.errno).toBe("ENOTDIR");
  });
});
