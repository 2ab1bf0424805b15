// A million spoiled frames, in a process of their own so that its memory can be watched.

import { expect, test } from "bun:test";
import { join } from "node:path";

import type { AttackReport } from "./attack.ts";

const root = join(import.meta.dir, "../..");
const count = 1_000_000;
const seed = 20_031_018;

test("a million spoiled frames: one kind of error, nothing from beside a frame, no growth, no long thought", () => {
  const argv = ["scripts/soak/frames.ts", "--count", String(count), "--seed", String(seed)];
  const run = Bun.spawnSync([process.execPath, ...argv], { cwd: root });
  expect(run.stderr.toString()).toBe("");
  const report: AttackReport = JSON.parse(run.stdout.toString());
  expect(report.refused + report.unknown + report.accepted).toBe(count);
  // Otherwise the frames were not spoiled enough, or too much, to prove anything.
  expect(report.accepted).toBeGreaterThan(count / 20);
  expect(report.refused).toBeGreaterThan(count / 2);
  expect(report.slowestMs).toBeLessThan(50);
  expect(report.growthBytes).toBeLessThan(10_000_000);
}, 60_000);
