// The status file: what it says, that it is complete or not there, and that it never replaces what is no file.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  lstat,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CtlError } from "../../src/base/errors.ts";
import { outcomeOf } from "../../src/capability/process/outcome.ts";
import { statusJson, writeStatusFile } from "../../src/cli/status-file.ts";
import { endOf, notFound, refusedBy, unknownEnd } from "./node-ends.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctl-status-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const rest =
  '"started_ns":1700000000000000001,"ended_ns":1700000001000000003,"rusage":{"cpu_user":1500000,"cpu_sys":250000,' +
  '"mem_peak":2097152,"mem_peak_src":"rusage","minor_faults":7,"major_faults":0,"voluntary_switches":3,' +
  '"involuntary_switches":1},"bytes":{"stdout":24,"stderr":0}}';

test("a line has everything about one node", () => {
  expect(statusJson(endOf("node3"))).toBe(
    `{"node":"node3","process":"p_7k3x9q2m","pid":4121,"outcome":"exited","code":0,"cause":"app","exit_code":0,"complete":true,${rest}`,
  );
  expect(statusJson(endOf("n", outcomeOf(0x80 | 6, "app")))).toContain(
    '"outcome":"signaled","signal":"SIGABRT","core":true,"cause":"app","exit_code":134',
  );
  expect(statusJson(endOf("n", notFound(Uint8Array.of(0xff))))).toContain('"path_b64":"/w=="');
  expect(statusJson(endOf("n", unknownEnd))).toContain(
    '"outcome":"unknown","why":"The connection was lost","cause":"fault","exit_code":255,"complete":false',
  );
});

test("a command's own 255 and an unknown outcome are told apart", () => {
  const own = JSON.parse(statusJson(endOf("n", outcomeOf(255 << 8, "app"))));
  const unknown = JSON.parse(statusJson(endOf("n", unknownEnd)));
  expect([own.exit_code, own.outcome]).toEqual([255, "exited"]);
  expect([unknown.exit_code, unknown.outcome]).toEqual([255, "unknown"]);
});

test("there is one line per node, and nothing else is left in the folder", async () => {
  const path = join(folder, "status");
  await writeFile(path, "old\n");
  const ends = [endOf("a"), endOf("b", refusedBy("refused", "Full"), { process: null })];
  await writeStatusFile(Buffer.from(path), ends);
  const text = await readFile(path, "utf8");
  expect(text.split("\n").map((line) => (line ? JSON.parse(line).node : null))).toEqual([
    "a",
    "b",
    null,
  ]);
  expect(await readdir(folder)).toEqual(["status"]);
});

test("its name may be any bytes", async () => {
  const path = Buffer.concat([Buffer.from(`${folder}/`), Uint8Array.of(0xff, 0xfe)]);
  await writeStatusFile(path, [endOf("a")]);
  expect(await readdir(folder, { encoding: "buffer" })).toEqual([Buffer.of(0xff, 0xfe)]);
});

test("a link stays a link, and what it leads to is replaced", async () => {
  const path = join(folder, "link");
  await writeFile(join(folder, "real"), "old");
  await symlink("real", path);
  await writeStatusFile(Buffer.from(path), [endOf("a")]);
  expect(await readlink(path)).toBe("real");
  expect(JSON.parse(await readFile(join(folder, "real"), "utf8")).node).toBe("a");
});

test("a pipe or a descriptor is written to, not replaced", async () => {
  const script = `
    import { writeStatusFile } from ${JSON.stringify(join(import.meta.dir, "../../src/cli/status-file.ts"))};
    import { endOf } from ${JSON.stringify(join(import.meta.dir, "node-ends.ts"))};
    await writeStatusFile(Buffer.from("/proc/self/fd/1"), [endOf("a")]);`;
  const out = join(folder, "out");
  await writeFile(out, "");
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: Bun.file(out) });
  expect(await child.exited).toBe(0);
  expect(JSON.parse(await readFile(out, "utf8")).node).toBe("a");

  const pipe = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  const [text] = await Promise.all([
    readFile(pipe, "utf8"),
    writeStatusFile(Buffer.from(pipe), [endOf("b")]),
  ]);
  expect(JSON.parse(text).node).toBe("b");
  expect((await lstat(pipe)).isFIFO()).toBe(true);
});

test.each([
  ["no/such/folder/status", "ENOENT"],
  [".", "EISDIR"],
])("what cannot be written is said: %s", async (name, errno) => {
  const path = Buffer.from(join(folder, name));
  const error = await writeStatusFile(path, [endOf("a")]).catch((caught: unknown) => caught);
  if (!(error instanceof CtlError)) throw new Error("It was written");
  expect([error.code, error.errno]).toEqual(["io-failed", errno]);
  expect(error.message).toBe(`Cannot write --status-file "${path.toString()}": ${errno}`);
  expect(await readdir(folder)).toEqual([]);
});
