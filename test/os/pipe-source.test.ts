// The read end of real pipes: exactness, closing, and the promise that everything written was delivered.

import { describe, expect, test } from "bun:test";

import type { ByteSource } from "../../src/base/byte-stream.ts";
import { closeFd, lastErrno, libc } from "../../src/os/libc.ts";
import { openPipeSource } from "../../src/os/pipe-source.ts";
import { openPipe, setNonBlocking } from "../../src/os/pipe.ts";
import { Random } from "../support/random.ts";
import { until } from "../support/until.ts";

const EAGAIN = 11;
const EPIPE = 32;
const F_SETPIPE_SZ = 1031;
const pieceBytesMax = 256 * 1024;
const readAheadBytesMax = 512 * 1024;

function openPair(): { source: ByteSource; writeFd: number } {
  const { readFd, writeFd } = openPipe();
  setNonBlocking(readFd);
  setNonBlocking(writeFd);
  return { source: openPipeSource(readFd), writeFd };
}

/** Bytes taken, or minus the errno. */
function write(fd: number, bytes: Uint8Array | string): number {
  const raw = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const written = Number(libc().write(fd, raw, raw.length));
  return written < 0 ? -lastErrno() : written;
}

const next = (source: ByteSource): Promise<string | null> =>
  new Promise((resolve) => {
    source.read((bytes) => resolve(bytes && Buffer.from(bytes).toString("latin1")));
  });

const openFds = (): number =>
  process.getBuiltinModule("node:fs").readdirSync("/proc/self/fd").length;

/** One turn of the event loop after another, until nothing is under way any more. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a pipe source", () => {
  test("delivers what is written, then null when no writer is left", async () => {
    const { source, writeFd } = openPair();
    write(writeFd, "one");
    expect(await next(source)).toBe("one");
    const waiting = next(source);
    write(writeFd, "two");
    expect(await waiting).toBe("two");
    write(writeFd, "three");
    closeFd(writeFd);
    expect(await next(source)).toBe("three");
    expect(await next(source)).toBeNull();
    source.close();
  });

  test("never delivers synchronously", async () => {
    const { source, writeFd } = openPair();
    write(writeFd, "ready");
    let isDelivered = false;
    source.read(() => (isDelivered = true));
    expect(isDelivered).toBe(false);
    await until(() => isDelivered);
    source.close();
    closeFd(writeFd);
  });

  test("delivers pieces of at most 256 KiB, and every byte of 20 MB in order", async () => {
    const { source, writeFd } = openPair();
    libc().fcntl(writeFd, F_SETPIPE_SZ, 1024 * 1024);
    const total = 20_000_000;
    const random = new Random(31);
    const block = random.bytes(1_000_003);
    const [sent, received] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
    let [written, read, largest] = [0, 0, 0];
    const pump = (): void => {
      while (written < total) {
        const at = written % block.length;
        const piece = block.subarray(
          at,
          Math.min(at + random.integer(1, 300_000), at + total - written),
        );
        const taken = write(writeFd, piece);
        if (taken === -EAGAIN) return void setImmediate(pump);
        sent.update(piece.subarray(0, taken));
        written += taken;
      }
      closeFd(writeFd);
    };
    pump();
    await new Promise<void>((resolve) => {
      source.read(function take(bytes) {
        if (!bytes) return resolve();
        largest = Math.max(largest, bytes.length);
        read += bytes.length;
        received.update(bytes);
        source.read(take);
      });
    });
    expect([written, read]).toEqual([total, total]);
    expect(largest).toBeLessThanOrEqual(pieceBytesMax);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    source.close();
  });

  test("leaves the writer to the kernel when nobody reads: at most a pipe and one piece", async () => {
    const { source, writeFd } = openPair();
    const block = new Uint8Array(65_536);
    let written = 0;
    for (let turn = 0; turn < 200; turn++) {
      for (let taken = write(writeFd, block); taken > 0; taken = write(writeFd, block))
        written += taken;
      await quiet();
    }
    expect(written).toBeLessThanOrEqual(65_536 + readAheadBytesMax);
    source.close();
    closeFd(writeFd);
  });

  test("keeps the event loop quiet while nothing comes", async () => {
    const { source, writeFd } = openPair();
    source.read(() => {});
    await quiet();
    const before = process.resourceUsage();
    // Nothing is waited for: the processor time of this while is what is measured.
    await Bun.sleep(300);
    const after = process.resourceUsage();
    const cpuUs =
      after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
    expect(cpuUs).toBeLessThan(100_000);
    source.close();
    closeFd(writeFd);
  });

  describe("when it is closed", () => {
    for (const [name, prepare] of Object.entries({
      "before any read": () => {},
      "while a read is waiting": (source: ByteSource) => source.read(() => {}),
      "with unread bytes": (_: ByteSource, writeFd: number) => write(writeFd, "unread"),
    })) {
      test(`${name}, gives the writer EPIPE at once and leaks nothing`, async () => {
        const before = openFds();
        const { source, writeFd } = openPair();
        prepare(source, writeFd);
        await quiet();
        source.close();
        await until(() => write(writeFd, "x") === -EPIPE, { timeoutMs: 1_000 });
        source.close();
        closeFd(writeFd);
        await until(() => openFds() <= before);
      });
    }

    test("calls nobody back any more", async () => {
      const { source, writeFd } = openPair();
      let calls = 0;
      source.read(() => (calls += 1));
      source.afterWritten(() => (calls += 1));
      write(writeFd, "too late");
      source.close();
      source.afterWritten(() => (calls += 1));
      closeFd(writeFd);
      await quiet();
      expect(calls).toBe(0);
    });

    test("from within a delivery, stays closed", async () => {
      const before = openFds();
      const { source, writeFd } = openPair();
      let drained = false;
      source.afterWritten(() => (drained = true));
      write(writeFd, "x");
      await new Promise<void>((resolve) => {
        source.read(() => {
          source.close();
          resolve();
        });
      });
      closeFd(writeFd);
      await quiet();
      expect(drained).toBe(false);
      await until(() => openFds() <= before);
    });
  });
});

/** Reads on and on, and notes in order what happens. */
class Consumer {
  readonly log: string[] = [];
  bytes = 0;
  #isPaused = false;
  #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#read();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#read();
  }

  afterWritten(): void {
    this.#source.afterWritten(() => this.log.push(`drained at ${this.bytes}`));
  }

  #read(): void {
    this.#source.read((bytes) => {
      this.bytes += bytes?.length ?? 0;
      if (!bytes) this.log.push("end");
      else if (!this.#isPaused) this.#read();
    });
  }
}

describe("afterWritten", () => {
  test("waits for everything that was written before it", async () => {
    const { source, writeFd } = openPair();
    const consumer = new Consumer(source);
    write(writeFd, new Uint8Array(60_000));
    consumer.afterWritten();
    await until(() => consumer.log.length > 0);
    expect(consumer.log).toEqual(["drained at 60000"]);
    source.close();
    closeFd(writeFd);
  });

  test("comes soon when nothing was written, and never synchronously", async () => {
    const { source, writeFd } = openPair();
    const consumer = new Consumer(source);
    await quiet();
    consumer.afterWritten();
    expect(consumer.log).toEqual([]);
    await until(() => consumer.log.length > 0);
    expect(consumer.log).toEqual(["drained at 0"]);
    source.close();
    closeFd(writeFd);
  });

  test("comes with the end at the latest, after it, and at once from then on", async () => {
    const { source, writeFd } = openPair();
    const consumer = new Consumer(source);
    write(writeFd, "last");
    closeFd(writeFd);
    consumer.afterWritten();
    await until(() => consumer.log.length === 2);
    expect(consumer.log).toEqual(["end", "drained at 4"]);
    consumer.afterWritten();
    await until(() => consumer.log.length === 3);
    source.close();
  });

  test("waits as long as the consumer pauses, and no longer", async () => {
    const { source, writeFd } = openPair();
    const consumer = new Consumer(source);
    consumer.pause();
    write(writeFd, "first");
    await until(() => consumer.bytes === 5);
    write(writeFd, "second");
    await quiet();
    // The runtime has read ahead by now: the pipe is empty and yet not everything was delivered.
    consumer.afterWritten();
    await quiet();
    expect(consumer.log).toEqual([]);
    consumer.resume();
    await until(() => consumer.log.length > 0);
    expect(consumer.log).toEqual(["drained at 11"]);
    source.close();
    closeFd(writeFd);
  });

  test("is not put off by a writer that never pauses", async () => {
    const { readFd, writeFd } = openPipe();
    setNonBlocking(readFd);
    const writer = Bun.spawn(["yes"], { stdio: ["ignore", writeFd, "ignore"] });
    closeFd(writeFd);
    const source = openPipeSource(readFd);
    const consumer = new Consumer(source);
    await until(() => consumer.bytes > 1_000_000);
    for (let round = 1; round <= 5; round++) {
      const before = consumer.bytes;
      consumer.afterWritten();
      await until(() => consumer.log.length === round);
      expect(consumer.bytes).toBeGreaterThanOrEqual(before);
    }
    source.close();
    await writer.exited;
    expect(writer.signalCode).toBe("SIGPIPE");
  });

  test("never lies, in a thousand rounds of random writes and pauses", async () => {
    const random = new Random(8_191);
    const { source, writeFd } = openPair();
    const consumer = new Consumer(source);
    const block = random.bytes(65_536);
    let written = 0;
    let answered = 0;
    const early: string[] = [];
    for (let round = 0; round < 1_000; round++) {
      if (random.chance(0.3)) consumer.pause();
      for (let writes = random.below(4); writes > 0; writes--) {
        written += Math.max(0, write(writeFd, block.subarray(0, random.integer(1, 40_000))));
        if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
      }
      const expected = written;
      source.afterWritten(() => {
        answered += 1;
        if (consumer.bytes < expected)
          early.push(`round ${round}: ${consumer.bytes} < ${expected}`);
      });
      if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
      consumer.pause();
      await quiet();
      consumer.resume();
      await until(() => answered === round + 1, { what: `seed ${random.seed}, round ${round}` });
    }
    expect(early, `seed ${random.seed}`).toEqual([]);
    source.close();
    closeFd(writeFd);
  }, 60_000);
});
