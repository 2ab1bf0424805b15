// Nothing is lost and nothing is torn while files are rotated, and a disk that says no is counted and told, never thrown.

import { afterAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import {
  AppendFile,
  appendFileBytesMax,
  type AppendFileOptions,
  appendFilesKept,
  failureReportSeconds,
} from "../../src/os/append-file.ts";
import { FileLock } from "../../src/os/file-lock.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const root = mkdtempSync("/tmp/append-file-test-");
afterAll(() => rmSync(root, { recursive: true }));
const program = join(import.meta.dir, "programs/append-records.ts");

let directories = 0;
function fresh(): string {
  const path = join(root, `${(directories += 1)}`);
  mkdirSync(path);
  return join(path, "log");
}

function opened(path: string, more: Partial<AppendFileOptions> = {}) {
  const clock = new VirtualClock();
  const reports: string[] = [];
  const report = (text: string): number => reports.push(text);
  const file = new AppendFile({ path, clock, heading: () => "heading", report, ...more });
  return { file, clock, reports };
}

const linesOf = (path: string): string[] => readFileSync(path, "utf8").trimEnd().split("\n");

/** All files, the oldest first. */
function filesOf(path: string): string[] {
  const count = readdirSync(join(path, "..")).filter((name) => /^log\.\d+$/.test(name)).length;
  return [...Array.from({ length: count }, (_, index) => `${path}.${count - index}`), path];
}

describe("a file", () => {
  test("is made with its heading, for us alone, and grows by lines", () => {
    const path = fresh();
    const { file, reports } = opened(path);
    expect(existsSync(path)).toBeFalse();
    expect(file.append("one")).toBeTrue();
    expect(file.append("two")).toBeTrue();
    expect(readFileSync(path, "utf8")).toBe("heading\none\ntwo\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(path, "..")).toSorted()).toEqual(["log", "log.lock"]);
    expect(reports).toEqual([]);
  });

  test("that is there is continued, without another heading", () => {
    const path = fresh();
    opened(path).file.append("one");
    const { file } = opened(path);
    file.append("two");
    file.close();
    file.append("three");
    expect(linesOf(path)).toEqual(["heading", "one", "two", "three"]);
  });

  test("that ends in a piece of a record gets a line end first", () => {
    const path = fresh();
    writeFileSync(path, "heading\n{half");
    opened(path).file.append("whole");
    expect(linesOf(path)).toEqual(["heading", "{half", "whole"]);
  });

  test("is written by two at once, each line whole", () => {
    const path = fresh();
    const [first, second] = [opened(path).file, opened(path).file];
    for (let number = 0; number < 100; number += 1) {
      first.append(`a${number}`);
      second.append(`b${number}`);
    }
    expect(linesOf(path)).toHaveLength(201);
    expect(linesOf(path).filter((line) => line === "heading")).toHaveLength(1);
  });

  test("has the sizes that docs/limits.md names", () => {
    expect([appendFileBytesMax, appendFilesKept]).toEqual([16 * 1024 * 1024, 4]);
    expect(failureReportSeconds).toBe(60);
  });
});

describe("rotation", () => {
  test("keeps every file below its size, and only so many old ones", () => {
    const path = fresh();
    const { file } = opened(path, { bytesMax: 100, filesKept: 3 });
    for (let number = 100; number < 200; number += 1) file.append(`record ${number}`);
    const files = filesOf(path);
    expect(files).toHaveLength(4);
    for (const name of files) {
      expect(statSync(name).size).toBeLessThanOrEqual(100);
      expect(linesOf(name)[0]).toBe("heading");
      expect(statSync(name).mode & 0o777).toBe(0o600);
    }
    const records = files.flatMap((name) => linesOf(name).slice(1));
    expect(records).toEqual(
      Array.from(
        { length: records.length },
        (_, index) => `record ${200 - records.length + index}`,
      ),
    );
    expect(existsSync(`${path}.new`)).toBeFalse();
  });

  test("without old files starts anew", () => {
    const path = fresh();
    const { file } = opened(path, { bytesMax: 30, filesKept: 0 });
    for (let number = 0; number < 10; number += 1) file.append(`record ${number}`);
    expect(readdirSync(join(path, "..")).toSorted()).toEqual(["log", "log.lock"]);
    expect(linesOf(path)).toEqual(["heading", "record 8", "record 9"]);
  });

  test("by another is noticed at the next record, even after many", () => {
    const path = fresh();
    const idle = opened(path, { bytesMax: 100, filesKept: 2 }).file;
    idle.append("first");
    const busy = opened(path, { bytesMax: 100, filesKept: 2 }).file;
    for (let number = 0; number < 100; number += 1) busy.append(`record ${number}`);
    idle.append("last");
    expect(linesOf(path).at(-1)).toBe("last");
  });

  test("by hand is noticed too: a moved file is left alone, a removed one is made again", () => {
    const path = fresh();
    const { file } = opened(path);
    file.append("one");
    renameSync(path, `${path}.old`);
    file.append("two");
    rmSync(path);
    file.append("three");
    expect(linesOf(`${path}.old`)).toEqual(["heading", "one"]);
    expect(linesOf(path)).toEqual(["heading", "three"]);
  });

  test("that was cut short by a kill between its two steps is finished, and nothing is doubled", () => {
    const path = fresh();
    opened(path).file.append("one");
    // What the first step does; see #shift.
    Bun.spawnSync(["ln", path, `${path}.1`]);
    writeFileSync(`${path}.new`, "half a head");
    const { file } = opened(path, { bytesMax: 15 });
    file.append("two");
    expect(filesOf(path).map(linesOf)).toEqual([
      ["heading", "one"],
      ["heading", "two"],
    ]);
  });

  test("fills a gap that somebody left, and does not move what is behind it", () => {
    const path = fresh();
    for (const number of [1, 3]) writeFileSync(`${path}.${number}`, `old ${number}\n`);
    writeFileSync(path, "x".repeat(100));
    opened(path, { bytesMax: 50 }).file.append("new");
    expect([2, 3].map((number) => linesOf(`${path}.${number}`)[0])).toEqual(["old 1", "old 3"]);
    expect(linesOf(path)).toEqual(["heading", "new"]);
  });

  test("waits for nobody: while another has the lock, the file grows to twice its size and no further", () => {
    const path = fresh();
    const { file, reports } = opened(path, { bytesMax: 100 });
    file.append("first");
    const lock = FileLock.tryAcquire(`${path}.lock`);
    let written = 0;
    while (file.append("record")) written += 1;
    expect(written).toBeGreaterThan(20);
    expect(statSync(path).size).toBeGreaterThan(190);
    expect(statSync(path).size).toBeLessThanOrEqual(200);
    expect(reports).toEqual([`Cannot write to "${path}": EAGAIN; 1 record was lost so far`]);
    lock?.release();
    expect(file.append("after")).toBeTrue();
    expect(linesOf(path)).toEqual(["heading", "after"]);
    expect(reports.at(-1)).toBe(`"${path}" can be written again; 1 record was lost`);
  });

  test("loses and tears nothing while two processes write and rotate at once", async () => {
    const path = fresh();
    const count = 100_000;
    const writers = ["a", "b"].map((name) =>
      Bun.spawn([process.execPath, program, path, name, `${count}`, "200000", "1000"], {
        stdout: "pipe",
      }),
    );
    const results = await Promise.all(
      writers.map(async (writer) => JSON.parse(await new Response(writer.stdout).text())),
    );
    for (const { refused, reports } of results) expect([refused, reports]).toEqual([0, []]);
    const next = { a: 0, b: 0 };
    const seen = { a: new Set<number>(), b: new Set<number>() };
    let late = 0;
    for (const name of filesOf(path)) {
      const [heading = "", ...records] = linesOf(name);
      expect(heading).toStartWith('{"heading":');
      expect(statSync(name).size).toBeLessThanOrEqual(400_000);
      for (const line of records) {
        const record: { name: "a" | "b"; number: number; pad: string } = JSON.parse(line);
        if (record.pad.length !== record.number % 97) throw new Error(`Torn: ${line}`);
        if (record.number !== next[record.name]) late += 1;
        next[record.name] = record.number + 1;
        seen[record.name].add(record.number);
      }
    }
    expect([seen.a.size, seen.b.size]).toEqual([count, count]);
    // One writer's records stay in their order: the name leads to one file at any time.
    expect(late).toBe(0);
    expect(filesOf(path).length).toBeGreaterThan(50);
  }, 60_000);
});

describe("a failure", () => {
  test("is counted and told, not thrown; and its end is told with the number of the lost", () => {
    const path = full();
    const { file, reports } = opened(path);
    expect(file.append("one")).toBeFalse();
    expect(file.append("two")).toBeFalse();
    expect(file.lost).toBe(2);
    expect(reports).toEqual([`Cannot write to "${path}": ENOSPC; 1 record was lost so far`]);
    rmSync(path);
    expect(file.append("three")).toBeTrue();
    expect(file.lost).toBe(0);
    expect(reports.slice(1)).toEqual([`"${path}" can be written again; 2 records were lost`]);
    expect(linesOf(path)).toEqual(["heading", "three"]);
  });

  test("is told once a minute while it lasts, without a timer", () => {
    const { file, clock, reports } = opened(full());
    for (let second = 0; second < 150; second += 1) {
      file.append("record");
      clock.advance(1_000);
    }
    expect(reports.map((text) => /(\d+) record/.exec(text)?.[1])).toEqual(["1", "61", "121"]);
    expect(clock.pending).toBe(0);
  });

  test("that comes and goes is told once a minute as well, and every lost record is counted once", () => {
    const path = full();
    const { file, clock, reports } = opened(path);
    for (let second = 0; second < 200; second += 1) {
      file.append("record");
      rmSync(path);
      if (second % 2 === 1) symlinkSync("/dev/full", path);
      clock.advance(1_000);
    }
    file.close();
    const totals = reports.flatMap(
      (text) => /again; (\d+)|closed; (\d+)/.exec(text)?.slice(1) ?? [],
    );
    expect(totals.reduce((sum, text) => sum + Number(text ?? 0), 0)).toBe(100);
    expect(reports.length).toBeLessThanOrEqual(9);
  });

  test("that was not told yet is told at the end", () => {
    const path = full();
    const { file, reports } = opened(path);
    file.append("one");
    file.append("two");
    file.close();
    file.close();
    expect(reports.slice(1)).toEqual([`"${path}" was closed; 2 records were lost`]);
  });

  test("to make the file is one like the others", () => {
    const path = join(root, "nowhere/log");
    const { file, reports } = opened(path);
    expect(file.append("one")).toBeFalse();
    expect(reports[0]).toContain("ENOENT");
    mkdirSync(join(root, "nowhere"));
    expect(file.append("two")).toBeTrue();
  });

  test("to rotate does not let the file grow", () => {
    const path = fresh();
    const { file, reports } = opened(path, { bytesMax: 40 });
    file.append("record 1");
    mkdirSync(`${path}.new`);
    for (let number = 0; number < 100; number += 1) file.append("record");
    expect(statSync(path).size).toBeLessThanOrEqual(40);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain("EISDIR");
  });

  test("on a disk that fills up leaves whole records, and writing goes on when there is room", async () => {
    const { directory, result } = await onTinyDisk("0");
    const lines = linesOf(join(directory, "copy")).slice(1);
    const numbers = lines.map((line) => JSON.parse(line).number);
    expect(result.refused).toBeGreaterThanOrEqual(11);
    expect(numbers).toEqual(result.written);
    expect(result.reports).toHaveLength(2);
    expect(result.reports[0]).toContain("ENOSPC; 1 record was lost so far");
    expect(result.reports[1]).toContain(
      `can be written again; ${result.refused} records were lost`,
    );
  });

  test("on a disk that is too small to rotate is the same", async () => {
    const { directory, result } = await onTinyDisk("30000");
    const files = readdirSync(directory).filter((name) => name.startsWith("copy"));
    const numbers = files.flatMap((name) =>
      linesOf(join(directory, name))
        .slice(1)
        .map((line) => JSON.parse(line).number),
    );
    expect(files.length).toBeGreaterThan(1);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(result.written);
    expect(result.refused).toBeGreaterThanOrEqual(11);
  });
});

test("a line that another process has not finished is not cut by ours", () => {
  const path = fresh();
  const { file } = opened(path);
  file.append("one");
  appendFileSync(path, "two\n");
  file.append("three");
  expect(linesOf(path)).toEqual(["heading", "one", "two", "three"]);
  expect(lstatSync(path).isFile()).toBeTrue();
});

/** A name that leads to a device on which no write succeeds. */
function full(): string {
  const path = fresh();
  symlinkSync("/dev/full", path);
  return path;
}

/** In a name space of its own, on a file system of 64 KiB that is half full of something else; copied out at the end. */
async function onTinyDisk(bytesMax: string) {
  const directory = join(fresh(), "..");
  mkdirSync(join(directory, "disk"));
  const script = `
    mount -t tmpfs -o size=64k none disk && head -c 20000 /dev/zero > disk/ballast &&
    "$0" "${program}" disk/log w 50 ${bytesMax === "0" ? 10_000_000 : bytesMax} 9 disk/ballast &&
    for file in disk/log disk/log.[0-9]; do
      [ ! -e $file ] || cat $file > copy\${file#disk/log}
    done`;
  const child = Bun.spawn(["unshare", "-rm", "sh", "-c", script, process.execPath], {
    cwd: directory,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [text, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(complaint).toBe("");
  const result: { refused: number; reports: string[]; written: number[] } = JSON.parse(text);
  return { directory, result };
}
