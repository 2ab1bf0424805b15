// One input for several readers: each gets every byte once and in order, whoever is slow, quick, or leaves.

import { expect, test } from "bun:test";

import type { ByteSource } from "../../src/base/byte-stream.ts";
import { InputBroadcast } from "../../src/controller/input-broadcast.ts";
import { type Random, withSeeds } from "../support/random.ts";

type Deliver = (bytes: Uint8Array | null) => void;

/** Numbers 0, 1, 2 … `count - 1`, one per read, each when the test says so. */
class Numbers implements ByteSource {
  readonly #count: number;
  #next = 0;
  #deliver: Deliver | null = null;
  isClosed = false;

  constructor(count: number) {
    this.#count = count;
  }

  get isAsked(): boolean {
    return this.#deliver !== null;
  }

  read(deliver: Deliver): void {
    if (this.#deliver) throw new Error("Asked twice for one piece");
    this.#deliver = deliver;
  }

  give(): void {
    const deliver = this.#deliver;
    this.#deliver = null;
    const isOver = this.#next === this.#count;
    deliver?.(isOver ? null : Uint8Array.of(this.#next));
    this.#next += 1;
  }

  afterWritten(drained: () => void): void {
    drained();
  }

  close(): void {
    this.isClosed = true;
  }
}

/** Reads with pauses; what it heard is a list of numbers, with -1 for the end. */
class Reader {
  readonly #source: ByteSource;
  readonly #isEager: () => boolean;
  readonly heard: number[] = [];
  isWaiting = false;
  isClosed = false;

  constructor(source: ByteSource, isEager: () => boolean) {
    this.#source = source;
    this.#isEager = isEager;
  }

  ask(): void {
    if (this.isWaiting || this.isClosed || this.heard.at(-1) === -1) return;
    this.isWaiting = true;
    this.#source.read((bytes) => {
      this.isWaiting = false;
      this.heard.push(bytes?.[0] ?? -1);
      // At once, from within the delivery, as a sender does whose window has room.
      if (bytes && this.#isEager()) this.ask();
    });
  }

  close(): void {
    this.isClosed = true;
    this.#source.close();
  }
}

const everything = (count: number): number[] => [
  ...Array.from({ length: count }, (_, index) => index),
  -1,
];

test("a reader that asks for more at once takes nothing from one that does not", () => {
  const source = new Numbers(3);
  const broadcast = new InputBroadcast(source);
  const eager = new Reader(broadcast.reader(), () => true);
  const slow = new Reader(broadcast.reader(), () => false);
  eager.ask();
  slow.ask();
  source.give();
  expect(source.isAsked).toBe(false);
  for (let round = 0; round < 3; round += 1) {
    slow.ask();
    source.give();
  }
  expect(eager.heard).toEqual(everything(3));
  expect(slow.heard).toEqual(everything(3));
});

test("every reader that stays gets everything, in any order of asking, giving and leaving", async () => {
  await withSeeds({ count: 2_000 }, (random: Random) => {
    const count = random.integer(0, 20);
    const source = new Numbers(count);
    const broadcast = new InputBroadcast(source);
    const readers = Array.from(
      { length: random.integer(1, 5) },
      () => new Reader(broadcast.reader(), () => random.chance(0.5)),
    );
    const stayers = readers.filter((_, index) => index === 0 || random.chance(0.7));
    for (let step = 0; step < 1_000; step += 1) {
      const reader = random.pick(readers);
      if (source.isAsked && random.chance(0.4)) source.give();
      else if (!stayers.includes(reader) && random.chance(0.05)) reader.close();
      else reader.ask();
    }
    for (const reader of readers) if (!stayers.includes(reader)) reader.close();
    for (let step = 0; step <= count; step += 1) {
      for (const reader of readers) reader.ask();
      if (source.isAsked) source.give();
    }
    for (const reader of stayers) expect(reader.heard).toEqual(everything(count));
  });
});

test("the input is closed when nobody is left to read it", () => {
  const source = new Numbers(1);
  const broadcast = new InputBroadcast(source);
  const readers = [broadcast.reader(), broadcast.reader()];
  readers[0]?.close();
  expect(source.isClosed).toBe(false);
  readers[1]?.close();
  expect(source.isClosed).toBe(true);
});
