// Thousands of execs over lying links. `CTL_SEEDS=10000 bun test test/simulation` plays more; a failure names its seed, and
// `CTL_TEST_SEED=n` plays that one alone.

import { describe, expect, test } from "bun:test";

import type { FakeProgram } from "../support/fake-spawner.ts";
import { Random } from "../support/random.ts";
import { goOn, type Plan, play, type Story } from "./world.ts";

const count = Number(Bun.env["CTL_SEEDS"] ?? 2_000);
const only = Bun.env["CTL_TEST_SEED"];
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, index) => index + 1);

async function everySeed(
  planFor: (seed: number, random: Random) => Plan,
  check: (story: Story, plan: Plan) => void | Promise<void>,
): Promise<void> {
  for (const seed of seeds) {
    const plan = planFor(seed, new Random(seed * 7_919));
    try {
      await check(await play(plan), plan);
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
}

function programOf(random: Random, more: Partial<FakeProgram> = {}): FakeProgram {
  return {
    stdout: random.bytes(random.below(random.chance(0.1) ? 700_000 : 3_000)),
    stderr: random.bytes(random.below(2_000)),
    code: random.below(256),
    readsStdin: true,
    treeStaysMs: random.chance(0.3) ? random.below(5_000) : 0,
    isEndless: false,
    ...more,
  };
}

const calm = { resetChance: 0, stallChance: 0, stallMs: 0, halfOpenChance: 0 };

function planOf(seed: number, random: Random, more: Partial<Plan> = {}): Plan {
  return {
    seed,
    program: programOf(random),
    stdin: random.chance(0.5)
      ? random.bytes(random.below(random.chance(0.1) ? 600_000 : 2_000))
      : null,
    request: {},
    faults: { resetChance: 0.02, stallChance: 0.02, stallMs: 3_000, halfOpenChance: 0.3 },
    linkDiesAfterMs: null,
    acts: [],
    readerLeavesAfter: null,
    ...more,
  };
}

/** A link that breaks during the very first greeting: said at once, and nothing was started. */
function neverBegan(story: Story): boolean {
  if (story.result.end.kind !== "failed") return false;
  expect(story.spawner.children).toHaveLength(0);
  return true;
}

const same = (left: Uint8Array, right: Uint8Array): boolean => Buffer.from(left).equals(right);

describe("an exec over a lying link", () => {
  test("that heals within the lease goes on: one start, every byte once, the exact status", async () => {
    let resumed = 0;
    await everySeed(planOf, (story, plan) => {
      if (neverBegan(story)) return;
      resumed += story.news.filter((one) => one.kind === "resumed").length;
      expect(story.result.end).toEqual({
        kind: "exited",
        status: plan.program.code << 8,
        cause: "app",
      });
      expect(story.spawner.children).toHaveLength(1);
      expect(same(story.stdout, plan.program.stdout)).toBe(true);
      expect(same(story.stderr, plan.program.stderr)).toBe(true);
      if (plan.stdin) {
        const fed = Buffer.concat(story.spawner.children[0]?.stdin?.pieces ?? []);
        expect(same(fed, plan.stdin)).toBe(true);
      }
    });
    // The links must really have broken, or this proved nothing.
    if (!only) expect(resumed).toBeGreaterThan(count / 10);
  }, 300_000);

  test("that never heals ends the tree when the lease is over, and is reported as unknown, never as success", async () => {
    await everySeed(
      (seed, random) =>
        planOf(seed, random, {
          program: programOf(random, { isEndless: true }),
          request: { leaseMs: 2_000, graceMs: 500 },
          linkDiesAfterMs: 20 + random.below(300),
        }),
      async (story) => {
        expect(story.result.end.kind === "unknown" || story.result.end.kind === "failed").toBe(
          true,
        );
        expect(story.spawner.children.length).toBeLessThanOrEqual(1);
        await goOn(story.clock, 15_000 + 2_000 + 500 + 100);
        for (const child of story.spawner.children) {
          expect(child.isOver).toBe(true);
          expect(child.stops).toBeGreaterThan(0);
        }
      },
    );
  }, 300_000);

  test("under keep goes on unblocked without its controller", async () => {
    await everySeed(
      (seed, random) =>
        planOf(seed, random, {
          program: programOf(random, { stdout: random.bytes(900_000), readsStdin: false }),
          request: { onDisconnect: "keep" },
          linkDiesAfterMs: 5 + random.below(60),
        }),
      async (story) => {
        await goOn(story.clock, 60_000);
        for (const child of story.spawner.children) {
          expect(child.isExited).toBe(true);
          expect(child.stops).toBe(0);
        }
      },
    );
  }, 300_000);

  test("has every signal's effect once", async () => {
    await everySeed(
      (seed, random) =>
        planOf(seed, random, {
          program: programOf(random, { isEndless: true }),
          acts: [
            { afterMs: 10 + random.below(200), act: (exec) => exec.signal(10, "group") },
            { afterMs: 10 + random.below(4_000), act: (exec) => exec.signal(12, "main") },
            { afterMs: 5_000 + random.below(1_000), act: (exec) => exec.stop(100) },
          ],
        }),
      (story) => {
        if (neverBegan(story)) return;
        const [child] = story.spawner.children;
        expect(child?.signals.toSorted()).toEqual([10, 12]);
        expect(story.result.end).toEqual({ kind: "exited", status: 15, cause: "user" });
      },
    );
  }, 300_000);

  test("whose reader goes away lets the writer know and ends with its status", async () => {
    await everySeed(
      (seed, random) =>
        planOf(seed, random, {
          program: programOf(random, { isEndless: true, stdout: random.bytes(400_000) }),
          readerLeavesAfter: random.below(10_000),
        }),
      (story) => {
        if (neverBegan(story)) return;
        expect(story.result.end).toEqual({ kind: "exited", status: 13, cause: "app" });
        expect(story.result.streams.stdout.errno).toBe("EPIPE");
      },
    );
  }, 300_000);

  test("with a time limit ends as a timeout, whenever that strikes", async () => {
    await everySeed(
      (seed, random) =>
        planOf(seed, random, {
          program: programOf(random, { isEndless: true }),
          request: { timeoutMs: 1 + random.below(3_000) },
        }),
      (story) => {
        if (neverBegan(story)) return;
        expect(story.result.end).toMatchObject({ kind: "exited", cause: "timeout" });
        expect(story.spawner.children[0]?.isOver).toBe(true);
      },
    );
  }, 300_000);
});

test("the same seed tells the same story", async () => {
  const plan = planOf(4_711, new Random(4_711));
  const [one, two] = [await play(plan), await play(plan)];
  expect(one.connections).toBe(two.connections);
  expect(one.clock.monotonicNs()).toBe(two.clock.monotonicNs());
  expect(calm.resetChance).toBe(0);
});
