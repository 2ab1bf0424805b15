// Files without a name: in memory, and on disk where those may not be executed.

import { describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync, statSync } from "node:fs";

import { closeFd, libc, OsError } from "../../src/os/libc.ts";
import { createMemfd } from "../../src/os/memfd.ts";
import { createExecutable } from "../../src/os/unnamed-file.ts";

const F_GETFD = 1;
const F_GET_SEALS = 1034;
const FD_CLOEXEC = 1;
const bytes = new TextEncoder().encode("#!/bin/sh\necho from memory\n");

describe("a memory file", () => {
  test("holds its bytes, bears its name, and is closed in children", () => {
    const fd = createMemfd(bytes, { name: "a-name", executable: false });
    expect(readFileSync(`/proc/self/fd/${fd}`)).toEqual(Buffer.from(bytes));
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe("/memfd:a-name (deleted)");
    expect(libc().fcntl(fd, F_GETFD, 0) & FD_CLOEXEC).toBe(FD_CLOEXEC);
    closeFd(fd);
  });

  test("is executable and sealed only when asked for", () => {
    const plain = createMemfd(bytes, { name: "plain", executable: false });
    const sealed = createMemfd(bytes, { name: "sealed", executable: true });
    const modes = [plain, sealed].map((fd) => statSync(`/proc/self/fd/${fd}`).mode & 0o111);
    const seals = [plain, sealed].map((fd) => libc().fcntl(fd, F_GET_SEALS, 0) & 15);
    expect(modes[1]).toBe(0o111);
    expect(seals[1]).toBe(15);
    expect(seals[0]).toBe(0);
    closeFd(plain);
    closeFd(sealed);
  });

  test("may be empty", () => {
    const fd = createMemfd(new Uint8Array(0), { name: "empty", executable: false });
    expect(readFileSync(`/proc/self/fd/${fd}`)).toHaveLength(0);
    closeFd(fd);
  });
});

describe("an executable without a name", () => {
  test("can be executed through its descriptor and leaves nothing in its directory", () => {
    const before = readdir("/tmp");
    const fd = createExecutable(readFileSync("/bin/echo"), "/tmp");
    expect(
      readdir("/tmp").filter((name) => !before.includes(name) && /deleted|#/.test(name)),
    ).toEqual([]);
    const run = Bun.spawnSync([`/proc/self/fd/${fd}`, "hello"]);
    expect(run.stdout.toString()).toBe("hello\n");
    closeFd(fd);
  });

  test("cannot be made where there is no such directory, and says so", () => {
    expect(() => createExecutable(bytes, "/no/such/directory")).toThrow(OsError);
    expect(() => createExecutable(bytes, "/proc")).toThrow(OsError);
  });
});

function readdir(path: string): string[] {
  return process.getBuiltinModule("node:fs").readdirSync(path);
}
