// Where the daemon's socket goes by default, and whose directories are refused.

import { describe, expect, test } from "bun:test";

import { prepareSocketPath, usualSocketPath } from "../../src/daemon/socket-path.ts";
import type { DirectoryFacts } from "../../src/os/private-directory.ts";

const uid = 1000;
const ours = { isDirectory: true, uid, mode: 0o40700 };

function pathWith(
  directories: Record<string, DirectoryFacts>,
  options: { runtime?: string; port?: number } = {},
): string {
  return usualSocketPath({
    env: { XDG_RUNTIME_DIR: options.runtime },
    port: options.port ?? null,
    uid,
    inspect: (path) => directories[path] ?? null,
  });
}

describe("usualSocketPath", () => {
  test("prefers XDG_RUNTIME_DIR", () => {
    const directories = { "/run/mine": ours, "/run/user/1000": ours };
    expect(pathWith(directories, { runtime: "/run/mine" })).toBe("/run/mine/ctl/daemon.sock");
    expect(pathWith({ "/run/mine/": ours }, { runtime: "/run/mine/" })).toBe(
      "/run/mine/ctl/daemon.sock",
    );
  });

  test("goes to /run/user when the variable is unset, empty, relative or names nothing", () => {
    for (const runtime of [undefined, "", "run", "/gone"]) {
      const path = pathWith(
        { "/run/user/1000": ours, run: ours },
        runtime === undefined ? {} : { runtime },
      );
      expect(path).toBe("/run/user/1000/ctl/daemon.sock");
    }
  });

  test("passes over a directory that sudo left in the environment", () => {
    const directories = { "/run/user/0": { ...ours, uid: 0 }, "/run/user/1000": ours };
    expect(pathWith(directories, { runtime: "/run/user/0" })).toBe(
      "/run/user/1000/ctl/daemon.sock",
    );
  });

  test("falls back to a directory of ours in /tmp, there or not", () => {
    expect(pathWith({})).toBe("/tmp/ctl-1000/daemon.sock");
    expect(pathWith({ "/tmp/ctl-1000": ours })).toBe("/tmp/ctl-1000/daemon.sock");
  });

  test.each([
    [{ ...ours, uid: 1001 }, "belongs to user id 1001"],
    [{ ...ours, mode: 0o40770 }, "can be written by others (mode 770)"],
    [{ ...ours, mode: 0o41777 }, "can be written by others (mode 1777)"],
    [{ ...ours, isDirectory: false }, "is not a directory"],
  ])("refuses a directory in /tmp that is not ours alone (%#)", (facts, reason) => {
    expect(() => pathWith({ "/tmp/ctl-1000": facts })).toThrow(reason);
  });

  test("has the port in its name, unless it is the usual one", () => {
    const directories = { "/run/user/1000": ours };
    expect(pathWith(directories, { port: 9000 })).toBe("/run/user/1000/ctl/daemon.sock");
    expect(pathWith(directories, { port: 9001 })).toBe("/run/user/1000/ctl/daemon-9001.sock");
  });

  test("is found on this machine too", () => {
    expect(usualSocketPath({ env: {}, port: null })).toEndWith("/daemon.sock");
  });
});

describe("prepareSocketPath", () => {
  test("takes the path that was given, made absolute", () => {
    expect(prepareSocketPath({ given: "/a/../b/s", env: {}, port: 1 })).toBe("/b/s");
    expect(prepareSocketPath({ given: "s", env: {}, port: 1 })).toBe(`${process.cwd()}/s`);
  });

  test("else the usual one", () => {
    const usual = usualSocketPath({ env: {}, port: 9001 });
    expect(prepareSocketPath({ given: null, env: {}, port: 9001 })).toBe(usual);
  });
});
