// One holder per lock file, whatever happens to the holder.

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import { FileLock } from "../../src/os/file-lock.ts";

const directory = mkdtempSync("/tmp/file-lock-test-");
afterAll(() => rmSync(directory, { recursive: true }));

test("a lock has one holder until it is released", () => {
  const path = join(directory, "released");
  const lock = FileLock.tryAcquire(path);
  expect(lock).not.toBeNull();
  expect(FileLock.tryAcquire(path)).toBeNull();
  lock?.release();
  lock?.release();
  const next = FileLock.tryAcquire(path);
  expect(next).not.toBeNull();
  next?.release();
  expect(existsSync(path)).toBeTrue();
});

test("a killed holder lets go, and a child that it started does not hold on", async () => {
  const path = join(directory, "killed");
  const code = `
    import { FileLock } from "${import.meta.dir}/../../src/os/file-lock.ts";
    const lock = FileLock.tryAcquire(${JSON.stringify(path)});
    const child = Bun.spawn(["sleep", "30"], { stdio: ["ignore", "ignore", "ignore"] });
    console.log(child.pid);`;
  const holder = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  const { value } = await holder.stdout.getReader().read();
  const childPid = Number(new TextDecoder().decode(value));
  expect(FileLock.tryAcquire(path)).toBeNull();
  holder.kill("SIGKILL");
  await holder.exited;
  const lock = FileLock.tryAcquire(path);
  expect(lock).not.toBeNull();
  lock?.release();
  process.kill(childPid, "SIGKILL");
});

test("a lock in a directory that is not there is an error", () => {
  expect(() => FileLock.tryAcquire(join(directory, "missing", "lock"))).toThrow("ENOENT");
});
