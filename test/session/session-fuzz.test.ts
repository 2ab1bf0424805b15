// A hundred thousand messages at the sessions of a daemon, in a process of their own so that its memory can be watched; of some of them
// it keeps an audit log, which takes most of the time.

import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { SessionAttackReport } from "./session-attack.ts";

const root = join(import.meta.dir, "../..");
const seed = 20_261_125;

function attack(count: number, more: readonly string[]): SessionAttackReport {
  const argv = ["scripts/soak/session-frames.ts", "--count", String(count), "--seed", String(seed)];
  const run = Bun.spawnSync([process.execPath, ...argv, ...more], { cwd: root });
  expect(run.stderr.toString()).toBe(`seed ${seed}\n`);
  const report: SessionAttackReport = JSON.parse(run.stdout.toString());
  expect(report.count).toBeGreaterThanOrEqual(count);
  expect(report.hangs).toBe(0);
  expect(report.growthBytes).toBeLessThan(48 * 1024 * 1024);
  // Otherwise they were spoiled too much, or too little, to prove anything.
  expect(report.survived).toBeGreaterThan(count / 3);
  expect(report.sessions).toBeGreaterThan(count / 20);
  expect(report.starts).toBeGreaterThan(count / 2_000);
  return report;
}

test("messages of every kind, whole and spoiled: no crash, no long thought, no growth, and the daemon serves the next", () => {
  const { goodbyes } = attack(80_000, []);
  const ends = ["close without a word", "protocol-violated", "revoked"];
  expect(Object.keys(goodbyes).toSorted()).toEqual(ends);
}, 120_000);

test("the same while each of them is written down", () => {
  const audit = mkdtempSync(join(tmpdir(), "ctl-fuzz-"));
  try {
    attack(20_000, ["--audit", audit]);
    const written = readdirSync(audit).map((name) => statSync(join(audit, name)).size);
    expect(Math.max(...written)).toBeGreaterThan(1_000_000);
  } finally {
    rmSync(audit, { recursive: true });
  }
}, 120_000);
