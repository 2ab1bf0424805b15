// ctl's own stdout against everything that a user can put there, in real processes.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";

import { isNonBlocking } from "../../src/os/descriptor-kind.ts";
import { closeFd } from "../../src/os/libc.ts";
import { openPipe, setNonBlocking } from "../../src/os/pipe.ts";
import { openTerminal } from "../support/terminal.ts";

const program = join(import.meta.dir, "programs/write-output.ts");
const directory = mkdtempSync("/tmp/standard-output-test-");
afterAll(() => rmSync(directory, { recursive: true }));
let reports = 0;

interface Report {
  errno: string | null;
  written: number;
  ticks: number;
  elapsedMs: number;
  rssMaxMib: number;
}

/** Runs a shell line in which $WRITE FD TOTAL PIECE is the program; returns its report and what the line printed. */
async function run(line: string): Promise<{ report: Report; stdout: string }> {
  const path = join(directory, `${(reports += 1)}.json`);
  const env = { ...process.env, WRITE: `${process.execPath} ${program}`, REPORT: path };
  // The report is there when every process of the pipeline has ended.
  const shell = Bun.spawn(["bash", "-c", `set -o pipefail; ${line}`], { env, stderr: "inherit" });
  const stdout = await new Response(shell.stdout).text();
  await shell.exited;
  return { report: JSON.parse(readFileSync(path, "utf8")), stdout };
}

/** Reads so many bytes, and waits for them without a turn of this process's event loop. */
function hashOf(fd: number, totalBytes: number): string {
  const hash = new Bun.CryptoHasher("sha256");
  const piece = new Uint8Array(65_536);
  for (let left = totalBytes; left > 0;) {
    const length = readSync(fd, piece);
    hash.update(piece.subarray(0, length));
    left -= length;
  }
  return hash.digest("hex");
}

function patternHash(totalBytes: number): string {
  const hash = new Bun.CryptoHasher("sha256");
  const period = Uint8Array.from({ length: 251 }, (_byte, index) => index);
  const million = Buffer.concat(Array.from({ length: 4_000 }, () => period));
  for (let left = totalBytes; left > 0; left -= million.length) {
    hash.update(million.subarray(0, Math.min(left, million.length)));
  }
  return hash.digest("hex");
}

describe("standard output", () => {
  test("brings every byte to a pipe before the program ends", async () => {
    const { report, stdout } = await run("$WRITE 1 100000000 65536 | sha256sum");
    expect(stdout.slice(0, 64)).toBe(patternHash(100_000_000));
    expect(report).toMatchObject({ errno: null, written: 100_000_000 });
  });

  test("waits for a reader that starts late, without stopping the event loop or growing", async () => {
    const { report, stdout } = await run("$WRITE 1 100000000 262144 | (sleep 0.5; sha256sum)");
    expect(stdout.slice(0, 64)).toBe(patternHash(100_000_000));
    expect(report.elapsedMs).toBeGreaterThan(400);
    expect(report.ticks).toBeGreaterThan(20);
    expect(report.rssMaxMib).toBeLessThan(100);
  });

  test("delivers pieces of odd sizes in order", async () => {
    const { report, stdout } = await run("$WRITE 1 3000000 4097 | (sleep 0.1; sha256sum)");
    expect(stdout.slice(0, 64)).toBe(patternHash(3_000_000));
    expect(report.errno).toBeNull();
  });

  test("says EPIPE when the reader leaves early", async () => {
    const { report, stdout } = await run("$WRITE 1 100000000 65536 | head -c 1 | wc -c");
    expect(stdout.trim()).toBe("1");
    expect(report.errno).toBe("EPIPE");
  });

  test("says EPIPE when the reader leaves while a write waits for it", async () => {
    const { report } = await run("$WRITE 1 1000000 262144 | sleep 0.3");
    expect(report).toMatchObject({ errno: "EPIPE", written: 0 });
    expect(report.ticks).toBeGreaterThan(10);
  });

  test("says EPIPE when there was no reader from the start", async () => {
    const pipe = openPipe();
    closeFd(pipe.readFd);
    const path = join(directory, "no-reader.json");
    const child = Bun.spawn([process.execPath, program, "1", "10", "10"], {
      env: { ...process.env, REPORT: path },
      stdio: ["ignore", pipe.writeFd, "inherit"],
    });
    await child.exited;
    closeFd(pipe.writeFd);
    expect(JSON.parse(readFileSync(path, "utf8")).errno).toBe("EPIPE");
  });

  test("says ENOSPC on a full device", async () => {
    const { report } = await run("$WRITE 1 100 10 > /dev/full");
    expect(report).toMatchObject({ errno: "ENOSPC", written: 0 });
  });

  test("says EFBIG at a file's size limit, and all before it is there", async () => {
    const file = join(directory, "limited");
    const { report } = await run(`(ulimit -f 100; $WRITE 1 1000000 10000 > ${file})`);
    expect(report.errno).toBe("EFBIG");
    expect(readFileSync(file).length).toBe(102_400);
  });

  test("appends to a file where others wrote before and write after", async () => {
    const file = join(directory, "shared");
    await run(`(printf before; $WRITE 1 1000 7; printf after) > ${file}`);
    const text = readFileSync(file);
    expect(text.length).toBe(1_011);
    expect(text.subarray(0, 6).toString() + text.subarray(-5).toString()).toBe("beforeafter");
  });

  test("writes to /dev/null, and to nothing when its descriptor is closed", async () => {
    expect((await run("$WRITE 1 1000000 65536 > /dev/null")).report.errno).toBeNull();
    expect((await run("$WRITE 1 100 10 >&-")).report.errno).toBeNull();
  });

  test("writes to stderr the same way", async () => {
    const { stdout } = await run("$WRITE 2 1000000 65536 2>&1 >/dev/null | sha256sum");
    expect(stdout.slice(0, 64)).toBe(patternHash(1_000_000));
  });

  test("reaches a socket that is read late, without a thread", async () => {
    const path = join(directory, "socket.json");
    const child = Bun.spawn([process.execPath, program, "1", "30000000", "65536"], {
      env: { ...process.env, REPORT: path },
      stdout: "pipe",
    });
    // The reader that is late.
    await Bun.sleep(200);
    const hash = new Bun.CryptoHasher("sha256");
    for await (const piece of child.stdout) hash.update(piece);
    await child.exited;
    expect(hash.digest("hex")).toBe(patternHash(30_000_000));
    expect(JSON.parse(readFileSync(path, "utf8")).ticks).toBeGreaterThan(10);
  });

  test("reaches a terminal that somebody had stopped, without stopping the event loop", async () => {
    const terminal = openTerminal();
    const path = join(directory, "terminal.json");
    const child = Bun.spawn([process.execPath, program, "1", "300000", "65536"], {
      env: { ...process.env, REPORT: path },
      stdio: ["ignore", terminal.slaveFd, "inherit"],
    });
    // The reader that is late.
    await Bun.sleep(300);
    const hash = hashOf(terminal.masterFd, 300_000);
    await child.exited;
    terminal.close();
    expect(hash).toBe(patternHash(300_000));
    expect(JSON.parse(readFileSync(path, "utf8")).ticks).toBeGreaterThan(20);
  });

  test("falls back to a thread where there is no second way to the pipe", async () => {
    const line = "REOPEN=no $WRITE 1 5000000 65536 | (sleep 0.3; sha256sum)";
    const { report, stdout } = await run(line);
    expect(stdout.slice(0, 64)).toBe(patternHash(5_000_000));
    expect(report.errno).toBeNull();
    expect(report.ticks).toBeGreaterThan(10);
    expect((await run("REOPEN=no $WRITE 1 5000000 65536 | true")).report.errno).toBe("EPIPE");
  });

  test.each(["yes", "no"])("leaves a shared pipe's flags as they were (%s)", async (reopen) => {
    for (const isNonBlockingBefore of [false, true]) {
      const pipe = openPipe();
      const child = Bun.spawn([process.execPath, program, "1", "1000000", "65536"], {
        env: { ...process.env, REOPEN: reopen },
        stdio: ["ignore", pipe.writeFd, "inherit"],
      });
      // Not before: the runtime's spawn takes the flag away.
      if (isNonBlockingBefore) setNonBlocking(pipe.writeFd);
      expect(hashOf(pipe.readFd, 1_000_000)).toBe(patternHash(1_000_000));
      await child.exited;
      expect(isNonBlocking(pipe.writeFd)).toBe(isNonBlockingBefore);
      for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
    }
  });
});
