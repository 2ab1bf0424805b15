// Bytes that wait for the kernel, against a kernel that takes as much as it likes.

import { describe, expect, test } from "bun:test";

import { Outbox } from "../../src/transport/outbox.ts";
import { type Random, withSeeds } from "../support/random.ts";

/** A kernel with so much room; it counts its system calls. */
class Kernel {
  room = Number.POSITIVE_INFINITY;
  isGone = false;
  calls = 0;
  readonly #taken: Uint8Array[] = [];

  write(bytes: Uint8Array): number {
    this.calls += 1;
    if (this.isGone) return -1;
    const length = Math.min(this.room, bytes.length);
    this.room -= length;
    // A copy, for the outbox may use its buffer again.
    this.#taken.push(bytes.slice(0, length));
    return length;
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#taken);
  }

  get text(): string {
    return Buffer.from(this.bytes).toString();
  }
}

function outboxOn(kernel: Kernel): { outbox: Outbox; told: string[] } {
  const told: string[] = [];
  const outbox = new Outbox((bytes) => kernel.write(bytes), {
    drained: () => told.push("drained"),
    broken: () => told.push("broken"),
  });
  return { outbox, told };
}

const text = (word: string): Uint8Array => new TextEncoder().encode(word);

describe("Outbox", () => {
  test("makes one write of the small pieces of one tick", async () => {
    const kernel = new Kernel();
    const { outbox, told } = outboxOn(kernel);
    for (const word of ["one ", "two ", "three"]) expect(outbox.add(text(word))).toBeTrue();
    expect([kernel.calls, outbox.queuedBytes]).toEqual([0, 13]);
    await Promise.resolve();
    expect([kernel.calls, outbox.queuedBytes, kernel.text]).toEqual([1, 0, "one two three"]);
    expect(told).toEqual([]);
  });

  test("does not wait for the end of the tick with much to send", () => {
    const kernel = new Kernel();
    const { outbox } = outboxOn(kernel);
    outbox.add(new Uint8Array(32 * 1024));
    expect(kernel.calls).toBe(0);
    outbox.add(new Uint8Array(1));
    expect(outbox.queuedBytes).toBe(0);
  });

  test("hands a large piece to the kernel as it is, without a copy", () => {
    const pieces: Uint8Array[] = [];
    const outbox = new Outbox(
      (bytes) => {
        pieces.push(bytes);
        return bytes.length;
      },
      { drained: () => {}, broken: () => {} },
    );
    const large = new Uint8Array(64 * 1024);
    outbox.add(text("header"));
    outbox.add(large);
    expect(pieces.length).toBe(2);
    expect(pieces[1]).toBe(large);
  });

  test("says when the kernel is full, and once when all is out", async () => {
    const kernel = new Kernel();
    kernel.room = 10;
    const { outbox, told } = outboxOn(kernel);
    expect(outbox.add(text("0123456789abc"))).toBeTrue();
    await Promise.resolve();
    expect(outbox.queuedBytes).toBe(3);
    expect(told).toEqual([]);
    expect(outbox.add(text("def"))).toBeFalse();
    expect(kernel.calls).toBe(1);
    kernel.room = 2;
    outbox.flush();
    expect([outbox.queuedBytes, told.length]).toEqual([4, 0]);
    kernel.room = 100;
    outbox.flush();
    outbox.flush();
    expect([kernel.text, outbox.queuedBytes]).toEqual(["0123456789abcdef", 0]);
    expect(told).toEqual(["drained"]);
  });

  test("may be filled again from within drained", () => {
    const kernel = new Kernel();
    const told: number[] = [];
    const outbox: Outbox = new Outbox((bytes) => kernel.write(bytes), {
      drained: () => {
        told.push(outbox.queuedBytes);
        if (told.length === 1) outbox.add(new Uint8Array(70_000));
      },
      broken: () => {},
    });
    kernel.room = 0;
    expect(outbox.add(new Uint8Array(40_000))).toBeFalse();
    kernel.room = 50_000;
    outbox.flush();
    kernel.room = 100_000;
    outbox.flush();
    expect(kernel.bytes.length).toBe(110_000);
    expect(told).toEqual([0, 0]);
  });

  test("drops everything once the connection is gone, and says so once", async () => {
    const kernel = new Kernel();
    kernel.isGone = true;
    const { outbox, told } = outboxOn(kernel);
    outbox.add(text("a"));
    await Promise.resolve();
    expect(outbox.add(new Uint8Array(100_000))).toBeFalse();
    outbox.flush();
    expect([outbox.queuedBytes, told]).toEqual([0, ["broken"]]);
  });

  test("takes nothing after it was discarded, not even at the end of the tick", async () => {
    const kernel = new Kernel();
    const { outbox } = outboxOn(kernel);
    outbox.add(text("a"));
    outbox.discard();
    await Promise.resolve();
    expect([kernel.calls, outbox.queuedBytes, outbox.add(text("b"))]).toEqual([0, 0, false]);
  });

  test("has nothing to do for an empty piece", async () => {
    const kernel = new Kernel();
    const { outbox } = outboxOn(kernel);
    expect(outbox.add(new Uint8Array(0))).toBeTrue();
    await Promise.resolve();
    expect(kernel.calls).toBe(0);
  });

  test("keeps every byte in its place, however the kernel cuts", async () => {
    await withSeeds({ count: 200 }, async (random) => {
      const kernel = new Kernel();
      const { outbox, told } = outboxOn(kernel);
      const sent: Uint8Array[] = [];
      let refusals = 0;
      for (let step = 0; step < 60; step += 1) {
        kernel.room = random.pick([0, 1, 100, 16_384, 65_536, 1_000_000]);
        const piece = random.bytes(sizeOf(random));
        sent.push(piece);
        if (!outbox.add(piece)) refusals += 1;
        if (random.chance(0.5)) await Promise.resolve();
        if (random.chance(0.3)) outbox.flush();
      }
      kernel.room = Number.POSITIVE_INFINITY;
      outbox.flush();
      expect(Buffer.compare(kernel.bytes, Buffer.concat(sent))).toBe(0);
      expect(told.length).toBeLessThanOrEqual(refusals);
      expect(told.length > 0).toBe(refusals > 0);
    });
  });
});

function sizeOf(random: Random): number {
  return random.pick([0, 1, 50, 5_000, 16_384, 16_385, 40_000, 70_000]);
}
