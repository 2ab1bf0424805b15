// The write end of real pipes: exactness, waiting, failures, memory.

import { describe, expect, test } from "bun:test";

import type { ByteSink } from "../../src/base/byte-stream.ts";
import { closeFd, lastErrno, libc } from "../../src/os/libc.ts";
import { openPipeSink } from "../../src/os/pipe-sink.ts";
import { openPipe, setNonBlocking } from "../../src/os/pipe.ts";
import { Random } from "../support/random.ts";
import { until } from "../support/until.ts";

const EAGAIN = 11;

function openPair(): { sink: ByteSink; readFd: number } {
  const { readFd, writeFd } = openPipe();
  setNonBlocking(writeFd);
  return { sink: openPipeSink(writeFd), readFd };
}

const write = (sink: ByteSink, bytes: Uint8Array): Promise<string | null> =>
  new Promise((resolve) => sink.write(bytes, resolve));

/** One read; null when there is nothing now, empty at the end. */
function read(fd: number, most = 65_536): Uint8Array | null {
  const bytes = new Uint8Array(most);
  const count = Number(libc().read(fd, bytes, most));
  if (count < 0) {
    expect(lastErrno()).toBe(EAGAIN);
    return null;
  }
  return bytes.subarray(0, count);
}

/** What arrives until the end, on an otherwise idle event loop. */
async function readAll(fd: number): Promise<Uint8Array> {
  setNonBlocking(fd);
  const parts: Uint8Array[] = [];
  await until(() => {
    for (let part = read(fd); part; part = read(fd)) {
      if (part.length === 0) return true;
      parts.push(part);
    }
    return false;
  });
  return Buffer.concat(parts);
}

const openFds = (): number =>
  process.getBuiltinModule("node:fs").readdirSync("/proc/self/fd").length;

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Pieces of random size and content, and their hash. */
class Pattern {
  readonly hash = new Bun.CryptoHasher("sha256");
  readonly #random: Random;
  readonly #block: Uint8Array;

  constructor(random: Random) {
    this.#random = random;
    this.#block = random.bytes(600_000);
  }

  next(bytesMax: number): Uint8Array {
    const at = this.#random.below(this.#block.length / 2);
    const size = Math.min(this.#random.integer(1, 262_144), bytesMax);
    const piece = this.#block.subarray(at, at + size);
    this.hash.update(piece);
    return piece;
  }
}

async function pour(sink: ByteSink, total: number, pattern: Pattern): Promise<void> {
  for (let sent = 0; sent < total;) {
    const piece = pattern.next(total - sent);
    expect(await write(sink, piece)).toBeNull();
    sent += piece.length;
  }
}

describe("a pipe sink", () => {
  test("writes, answers later, and ends the pipe when it is closed", async () => {
    const { sink, readFd } = openPair();
    const answers: (string | null)[] = [];
    sink.write(Buffer.from("hello"), (errno) => answers.push(errno));
    expect(answers).toEqual([]);
    await until(() => answers.length === 1);
    expect(answers).toEqual([null]);
    expect(await write(sink, Buffer.from(", pipe"))).toBeNull();
    sink.close();
    sink.close();
    expect(Buffer.from(await readAll(readFd)).toString()).toBe("hello, pipe");
    closeFd(readFd);
  });

  test("takes a write of nothing", async () => {
    const { sink, readFd } = openPair();
    expect(await write(sink, new Uint8Array(0))).toBeNull();
    sink.close();
    closeFd(readFd);
  });

  test("waits while the pipe is full, and answers only when all of it is in the pipe", async () => {
    const { sink, readFd } = openPair();
    let answer: string | null | undefined;
    sink.write(new Uint8Array(200_000), (errno) => (answer = errno));
    await quiet();
    expect(answer).toBeUndefined();
    setNonBlocking(readFd);
    let taken = 0;
    while (taken < 120_000) {
      taken += read(readFd, 10_000)?.length ?? 0;
      await quiet();
    }
    expect(answer).toBeUndefined();
    await until(() => {
      taken += read(readFd)?.length ?? 0;
      return answer === null;
    });
    expect(taken).toBeGreaterThanOrEqual(200_000 - 65_536);
    sink.close();
    closeFd(readFd);
  });

  for (const [name, script] of Object.entries({
    "a reader as fast as it can be": "sha256sum",
    "a slow reader":
      "{ while [ $(dd bs=1M count=1 iflag=fullblock status=none | tee /dev/fd/3 | wc -c) -gt 0 ]; do sleep 0.005; done; } 3>&1 | sha256sum",
  })) {
    test(`brings 100 MB to ${name}, every byte, without growing`, async () => {
      const { readFd, writeFd } = openPipe();
      setNonBlocking(writeFd);
      const reader = Bun.spawn(["sh", "-c", script], { stdio: [readFd, "pipe", "inherit"] });
      closeFd(readFd);
      const sink = openPipeSink(writeFd);
      const pattern = new Pattern(new Random(100));
      await pour(sink, 40_000_000, pattern);
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      await pour(sink, 60_000_000, pattern);
      Bun.gc(true);
      expect(process.memoryUsage.rss() - before).toBeLessThan(2 * 1024 * 1024);
      sink.close();
      const received = (await reader.stdout.text()).split(" ")[0];
      expect(received).toBe(pattern.hash.digest("hex"));
    }, 60_000);
  }

  test("holds nothing but one piece while its reader stands still", async () => {
    const { sink, readFd } = openPair();
    const huge = new Uint8Array(64 * 1024 * 1024);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    let isAnswered = false;
    sink.write(huge, () => (isAnswered = true));
    await quiet();
    // The bytes themselves are zero pages until somebody touches them; a copy of them would show.
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 * 1024 * 1024);
    expect(isAnswered).toBe(false);
    sink.close();
    closeFd(readFd);
  });

  test("says EPIPE when the reader has gone before the write", async () => {
    const { sink, readFd } = openPair();
    closeFd(readFd);
    expect(await write(sink, Buffer.from("x"))).toBe("EPIPE");
    expect(await write(sink, Buffer.from("y"))).toBe("EPIPE");
    sink.close();
  });

  test("says EPIPE when the reader goes while a write is blocked, and ever after", async () => {
    const { sink, readFd } = openPair();
    const blocked = write(sink, new Uint8Array(300_000));
    await quiet();
    closeFd(readFd);
    expect(await blocked).toBe("EPIPE");
    expect(await write(sink, Buffer.from("x"))).toBe("EPIPE");
    sink.close();
  });

  test("abandons a blocked write when it is closed, and never answers it", async () => {
    const before = openFds();
    const { sink, readFd } = openPair();
    let answers = 0;
    sink.write(new Uint8Array(300_000), () => (answers += 1));
    await quiet();
    sink.close();
    const arrived = await readAll(readFd);
    // What was in the pipe, and at most one small piece that could not be called back.
    expect(arrived.length).toBeLessThanOrEqual(65_536 + 4_096);
    closeFd(readFd);
    await until(() => openFds() <= before);
    expect(answers).toBe(0);
  });

  test("uses no processor time while it waits", async () => {
    const { sink, readFd } = openPair();
    sink.write(new Uint8Array(300_000), () => {});
    await quiet();
    const before = process.resourceUsage();
    // Nothing is waited for: the processor time of this while is what is measured.
    await Bun.sleep(300);
    const after = process.resourceUsage();
    const cpuUs =
      after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
    expect(cpuUs).toBeLessThan(100_000);
    sink.close();
    closeFd(readFd);
  });

  test("leaks no descriptor", async () => {
    const before = openFds();
    for (let round = 0; round < 50; round++) {
      const { sink, readFd } = openPair();
      const done = write(sink, new Uint8Array(round % 2 === 0 ? 10 : 100_000));
      await quiet();
      closeFd(readFd);
      await done;
      sink.close();
    }
    await until(() => openFds() <= before);
  });
});
