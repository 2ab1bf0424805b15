// Chance that can be repeated: a small generator with a seed, and a wrapper that tells the seed when a test fails.

/** Numbers that look random and depend on nothing but the seed (mulberry32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** A whole number from 0 up to, but without, `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("There is nothing to pick from");
    return value;
  }

  bytes(length: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let index = 0; index < words.length; index += 1)
      words[index] = this.integer(0, 2 ** 32 - 1);
    return new Uint8Array(words.buffer, 0, length);
  }

  /** A generator of its own, so that one part's appetite does not change another part's luck. */
  fork(): Random {
    return new Random(this.integer(0, 2 ** 32 - 1));
  }
}

export interface SeedOptions {
  first?: number;
  count: number;
}

/** Runs `body` once per seed; a failure names the seed that repeats it. CTL_TEST_SEED=n runs that one alone. */
export async function withSeeds(
  options: SeedOptions,
  body: (random: Random) => void | Promise<void>,
): Promise<void> {
  const only = process.env["CTL_TEST_SEED"];
  const first = only === undefined ? (options.first ?? 1) : Number(only);
  const count = only === undefined ? options.count : 1;
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      await body(new Random(seed));
    } catch (error) {
      throw new Error(`Failed with seed ${seed}; repeat it with CTL_TEST_SEED=${seed}`, {
        cause: error,
      });
    }
  }
}
