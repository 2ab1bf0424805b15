// ctl's own stdin against everything that a user can put there, in real processes.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

import { isNonBlocking } from "../../src/os/descriptor-kind.ts";
import { closeFd } from "../../src/os/libc.ts";
import { openPipe } from "../../src/os/pipe.ts";
import { openTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const program = join(import.meta.dir, "programs/read-input.ts");
const directory = mkdtempSync("/tmp/standard-input-test-");
afterAll(() => rmSync(directory, { recursive: true }));
let reports = 0;

interface Report {
  bytes: number;
  hasEnded: boolean;
  failure: string | null;
  hash: string;
}

function environment(): { env: Record<string, string | undefined>; report: () => Report } {
  const path = join(directory, `${(reports += 1)}.json`);
  const env = { ...process.env, READ: `${process.execPath} ${program}`, REPORT: path };
  return { env, report: () => JSON.parse(readFileSync(path, "utf8")) };
}

/** Runs a shell line in which $READ READS ENDING is the program; returns its report and what the line printed. */
async function run(line: string): Promise<{ report: Report; stdout: string }> {
  const { env, report } = environment();
  const shell = Bun.spawn(["bash", "-c", line], { env, stderr: "inherit" });
  const stdout = await new Response(shell.stdout).text();
  await shell.exited;
  return { report: report(), stdout };
}

function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

describe("standard input", () => {
  test("reads a pipe to its end", async () => {
    const { report } = await run("head -c 100000000 /dev/zero | $READ all");
    expect(report).toMatchObject({ bytes: 100_000_000, hasEnded: true, failure: null });
    expect(report.hash).toBe(hashOf(new Uint8Array(100_000_000)));
  });

  test("reads a file from where it stands, and moves on for the next program", async () => {
    const file = join(directory, "lines");
    writeFileSync(file, "first\nsecond\n");
    const { report } = await run(`(read line; $READ all; wc -c) < ${file}`);
    expect(report).toMatchObject({
      bytes: 7,
      hasEnded: true,
      hash: hashOf(Buffer.from("second\n")),
    });
  });

  test("reads only when asked: one piece of an endless file", async () => {
    const { report } = await run("$READ 2 < /dev/zero");
    expect(report).toMatchObject({ bytes: 131_072, hasEnded: false });
  });

  test("reads at most one piece ahead of what is asked from a pipe", async () => {
    const pipe = openPipe();
    const { env, report } = environment();
    const child = Bun.spawn([process.execPath, program, "2"], {
      env,
      stdio: [pipe.readFd, "inherit", "inherit"],
    });
    closeFd(pipe.readFd);
    let written = 0;
    const writer = Bun.file(pipe.writeFd).writer({ highWaterMark: 1 });
    try {
      // The reader takes two pieces and leaves; this ends with EPIPE.
      for (; written < 20_000_000; written += 65_536) {
        await Promise.all([writer.write(new Uint8Array(65_536)), writer.flush()]);
      }
    } catch {
      // That was the reader's end.
    }
    await child.exited;
    closeFd(pipe.writeFd);
    expect(report().bytes).toBeLessThanOrEqual(2 * 262_144);
    expect(written).toBeLessThan(1_200_000);
  });

  test("ends at once on /dev/null and where there is no stdin at all", async () => {
    for (const stdin of ["</dev/null", "<&-"]) {
      const { report } = await run(`$READ all ${stdin}`);
      expect(report).toMatchObject({ bytes: 0, hasEnded: true, failure: null });
    }
  });

  test("names what is wrong with an input that cannot be read", async () => {
    expect((await run("$READ all < /tmp")).report.failure).toBe("EISDIR");
    const writeOnly = await run(`$READ all 0> ${join(directory, "written")}`);
    expect(writeOnly.report.failure).toBe("EBADF");
  });

  test.each(["close", "exit"])("lets the program end while a read waits (%s)", async (ending) => {
    const pipe = openPipe();
    const { env, report } = environment();
    const child = Bun.spawn([process.execPath, program, "0", ending], {
      env,
      stdio: [pipe.readFd, "inherit", "inherit"],
    });
    await until(() => child.exitCode !== null);
    for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
    expect(report()).toMatchObject({ bytes: 0, hasEnded: false });
  });

  test("reads a socket to its end", async () => {
    const { env, report } = environment();
    const child = Bun.spawn([process.execPath, program], { env, stdin: "pipe" });
    const bytes = new Uint8Array(3_000_000).fill(7);
    await child.stdin.write(bytes);
    await child.stdin.end();
    await child.exited;
    expect(report()).toMatchObject({ bytes: 3_000_000, hasEnded: true, hash: hashOf(bytes) });
  });

  test("reads lines that are typed, until ctrl-D", async () => {
    const terminal = openTerminal();
    const { env, report } = environment();
    const child = Bun.spawn([process.execPath, program], {
      env,
      stdio: [terminal.slaveFd, "inherit", "inherit"],
    });
    writeSync(terminal.masterFd, "hello\nworld\n\u0004");
    await child.exited;
    terminal.close();
    const hash = hashOf(Buffer.from("hello\nworld\n"));
    expect(report()).toMatchObject({ bytes: 12, hasEnded: true, failure: null, hash });
  });

  test("leaves the flags of a shared pipe as they were", async () => {
    const pipe = openPipe();
    const { env } = environment();
    const child = Bun.spawn([process.execPath, program, "1"], {
      env,
      stdio: [pipe.readFd, "inherit", "inherit"],
    });
    writeSync(pipe.writeFd, "x");
    await until(() => child.exitCode !== null);
    expect(isNonBlocking(pipe.readFd)).toBeFalse();
    for (const fd of [pipe.readFd, pipe.writeFd]) closeFd(fd);
  });
});
