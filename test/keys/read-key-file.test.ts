import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";

import { CtlError } from "../../src/base/errors.ts";
import { keyBytesMax, printKey } from "../../src/keys/key-file.ts";
import { loadKey, readKeyFile, refuseUnsafe } from "../../src/keys/read-key-file.ts";
import { node, openFolder, refusalOf } from "./cluster.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const ownUid = process.geteuid?.() ?? 0;

function keyFile(
  name: string,
  mode: number,
  content: string | Uint8Array = printKey(node),
): string {
  const path = folder.at(name);
  writeFileSync(path, content, { mode: 0o600 });
  chmodSync(path, mode);
  return path;
}

test.each([0o600, 0o400, 0o700, 0o500])(
  "a key that only its owner can get at is read (%o)",
  (mode) => {
    expect(readKeyFile(keyFile(`safe-${mode}`, mode))).toEqual(node);
  },
);

const unsafeModes = [
  0o640, 0o604, 0o660, 0o606, 0o666, 0o644, 0o620, 0o602, 0o610, 0o601, 0o755, 0o777, 0o440,
];

test.each(unsafeModes)("a key that others can get at is refused (%o)", (mode) => {
  const path = keyFile(`unsafe-${mode}`, mode);
  const refusal = refusalOf(() => readKeyFile(path));
  expect(refusal.code).toBe("key-unsafe");
  expect(refusal.message).toContain(`"${path}"`);
  expect(refusal.message).toContain(`mode 0${mode.toString(8)}`);
  expect(refusal.hint).toBe(`chmod ${(mode & 0o100) === 0 ? "600" : "700"} ${path}`);
});

test("it is refused before a byte of it is looked at", () => {
  const path = keyFile("unsafe-nonsense", 0o644, "this is no key");
  expect(refusalOf(() => readKeyFile(path)).code).toBe("key-unsafe");
});

test("whose a key may be is a table", () => {
  const facts = { isRegular: true, mode: 0o600, bytes: 10 };
  const isRefused = (uid: number): boolean => {
    try {
      refuseUnsafe({ ...facts, uid }, "k");
      return false;
    } catch (error) {
      return error instanceof CtlError && error.code === "key-unsafe";
    }
  };
  expect([ownUid, 0, ownUid + 1, 65_534].map(isRefused)).toEqual([false, false, true, true]);
});

test("a stranger's key is refused with what would make it ours", () => {
  const refusal = refusalOf(() =>
    refuseUnsafe({ isRegular: true, mode: 0o600, bytes: 10, uid: 4_711 }, "some/key"),
  );
  expect(refusal.message).toContain("belongs to user id 4711");
  expect(refusal.hint).toBe(`chown ${ownUid} some/key`);
});

test("a file that was given to somebody else is refused for that", () => {
  const path = keyFile("given-away", 0o600);
  // Only root can give a file away; for others the table above has to do.
  if (ownUid !== 0) return expect(ownUid).toBeGreaterThan(0);
  chownSync(path, 65_534, 65_534);
  expect(refusalOf(() => readKeyFile(path)).message).toContain("user id 65534");
});

test("a path that would have to be quoted in a shell is quoted in the hint", () => {
  const path = keyFile("with blank", 0o644);
  expect(refusalOf(() => readKeyFile(path)).hint).toBe(`chmod 600 "${path}"`);
});

test("no file is no key", () => {
  expect(readKeyFile(folder.at("missing"))).toBeNull();
  expect(readKeyFile(`${keyFile("plain", 0o600)}/below`)).toBeNull();
  symlinkSync(folder.at("missing"), folder.at("dangling"));
  expect(readKeyFile(folder.at("dangling"))).toBeNull();
});

test("a key that must be there is asked for by its name", () => {
  const refusal = refusalOf(() => loadKey(folder.at("missing")));
  expect(refusal.code).toBe("key-missing");
  expect(refusal.message).toBe(`There is no key "${folder.at("missing")}"`);
  const path = keyFile("loaded", 0o600);
  expect(loadKey(path)).toEqual({ key: node, from: `"${path}"` });
});

test("a link to a key is the key, with the key's own mode", () => {
  symlinkSync(keyFile("linked", 0o600), folder.at("link"));
  expect(readKeyFile(folder.at("link"))).toEqual(node);
  symlinkSync(keyFile("open", 0o644), folder.at("open-link"));
  expect(refusalOf(() => readKeyFile(folder.at("open-link"))).code).toBe("key-unsafe");
});

test("what is no file is no key", () => {
  mkdirSync(folder.at("directory"), { mode: 0o700 });
  Bun.spawnSync(["mkfifo", "-m", "600", folder.at("pipe")]);
  for (const path of [folder.at("directory"), folder.at("pipe"), "/dev/null"]) {
    const refusal = refusalOf(() => readKeyFile(path));
    expect(refusal).toMatchObject({ code: "key-unreadable", message: `"${path}" is not a file` });
  }
});

test("neither is what is far too large, or no text", () => {
  const large = keyFile("large", 0o600, Buffer.alloc(keyBytesMax + 1, 0x61));
  expect(refusalOf(() => readKeyFile(large)).message).toContain("too large");
  const binary = keyFile("binary", 0o600, new Uint8Array([0x63, 0xff, 0xfe]));
  expect(refusalOf(() => readKeyFile(binary)).message).toContain("not text");
  const empty = keyFile("empty", 0o600, "");
  expect(refusalOf(() => readKeyFile(empty)).code).toBe("key-unreadable");
});

test("what the system says is passed on with its name", () => {
  const loop = folder.at("loop");
  symlinkSync(loop, loop);
  const refusal = refusalOf(() => readKeyFile(loop));
  expect(refusal).toMatchObject({ code: "key-unreadable", errno: "ELOOP" });
  expect(refusal.message).toContain("ELOOP: too many levels of symbolic links");
});
