import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { OsError } from "../../src/os/libc.ts";
import { withOwnedFile } from "../../src/os/owned-file.ts";

const folder = mkdtempSync(join(tmpdir(), "ctl-owned-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string, content: string | Uint8Array = ""): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

test.each([0o600, 0o644, 0o400, 0o777, 0o4755, 0o666])(
  "mode %o and size are the system's",
  (mode) => {
    const path = at(`mode-${mode}`, "12345");
    chmodSync(path, mode);
    const { uid } = statSync(path);
    const facts = withOwnedFile(path, (file) => file.facts);
    expect(facts).toEqual({ isRegular: true, mode, uid, bytes: 5 });
  },
);

test("a large file's size and any part of it can be had", () => {
  const content = Buffer.alloc(3_000_000);
  for (let index = 0; index < content.length; index += 1) content[index] = index % 251;
  const path = at("large", content);
  withOwnedFile(path, (file) => {
    expect(file.facts.bytes).toBe(content.length);
    for (const [offset, length] of [
      [0, 1],
      [0, content.length],
      [2_999_980, 20],
      [1_234_567, 70_000],
    ] as const) {
      const part = file.readAt(offset, length);
      expect(Buffer.compare(part, content.subarray(offset, offset + length))).toBe(0);
    }
  });
});

test("behind the end there is nothing, and across it only what is there", () => {
  const path = at("short", "abc");
  withOwnedFile(path, (file) => {
    expect(file.readAt(3, 10)).toHaveLength(0);
    expect(file.readAt(100, 10)).toHaveLength(0);
    expect(Buffer.from(file.readAt(1, 10)).toString()).toBe("bc");
    expect(file.readAt(0, 0)).toHaveLength(0);
  });
});

test("a link leads to the file that it names", () => {
  const path = at("target", "xy");
  symlinkSync(path, join(folder, "link"));
  expect(withOwnedFile(join(folder, "link"), (file) => file.facts.bytes)).toBe(2);
});

test("a directory, a device and a pipe without a writer are no files, and nobody waits", () => {
  mkdirSync(join(folder, "directory"));
  Bun.spawnSync(["mkfifo", join(folder, "pipe")]);
  for (const path of [join(folder, "directory"), "/dev/null", join(folder, "pipe")]) {
    expect(withOwnedFile(path, (file) => file.facts.isRegular)).toBe(false);
  }
});

test("what is not there is told with the system's number", () => {
  for (const [path, errno] of [
    [join(folder, "missing"), 2],
    [join(at("plain"), "below"), 20],
  ] as const) {
    let caught: unknown = null;
    try {
      withOwnedFile(path, () => 0);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(OsError);
    expect(caught).toMatchObject({ call: "open", errno });
  }
});

test("the descriptor is closed, also when its user fails", () => {
  const path = at("closed", "x");
  const before = openCount();
  for (let count = 0; count < 20; count += 1) {
    withOwnedFile(path, (file) => file.facts);
    expect(() =>
      withOwnedFile(path, () => {
        throw new Error("no");
      }),
    ).toThrow("no");
  }
  expect(openCount()).toBeLessThanOrEqual(before);
});

const openCount = (): number => readdirSync("/proc/self/fd").length;
