// A hundred thousand messages at the sessions of a daemon, in a process of their own so that its memory can be watched.

import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { SessionAttackReport } from "./session-attack.ts";

const root = join(import.meta.dir, "../..");
const count = 100_000;
const seed = 20_261_125;

test("messages of every kind, whole and spoiled: no crash, no long thought, no growth, and the daemon serves the next", () => {
  const audit = mkdtempSync(join(tmpdir(), "ctl-fuzz-"));
  try {
    const argv = ["scripts/soak/session-frames.ts", "--count", String(count), "--audit", audit];
    const run = Bun.spawnSync([process.execPath, ...argv, "--seed", String(seed)], { cwd: root });
    expect(run.stderr.toString()).toBe(`seed ${seed}\n`);
    const report: SessionAttackReport = JSON.parse(run.stdout.toString());
    expect(report.count).toBeGreaterThanOrEqual(count);
    expect(report.hangs).toBe(0);
    expect(report.growthBytes).toBeLessThan(48 * 1024 * 1024);
    // Otherwise they were spoiled too much, or too little, to prove anything.
    expect(report.survived).toBeGreaterThan(count / 3);
    expect(report.sessions).toBeGreaterThan(count / 20);
    expect(report.starts).toBeGreaterThan(50);
    expect(Object.keys(report.goodbyes).toSorted()).toEqual([
      "close without a word",
      "protocol-violated",
      "revoked",
    ]);
    const written = readdirSync(audit).map((name) => statSync(join(audit, name)).size);
    expect(Math.max(...written)).toBeGreaterThan(0);
  } finally {
    rmSync(audit, { recursive: true });
  }
}, 120_000);
