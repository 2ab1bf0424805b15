// Writes to one of its own standard streams through the code under test and tells on the other what came of it.
// argv: FD TOTAL-BYTES PIECE-BYTES. The bytes are a pattern, so that a lost or doubled one shows. The report is one JSON object in
// the file named by REPORT. REOPEN=no stands for a system that does not let us open a descriptor again.

import { writeFileSync } from "node:fs";

import { openStandardOutput } from "../../../src/os/standard-output.ts";

const [fd = 1, total = 0, pieceBytes = 1] = process.argv.slice(2).map(Number);
const period = 251;
const pattern = new Uint8Array(pieceBytes + period).map((_byte, index) => index % period);

const output =
  process.env["REOPEN"] === "no" ? openStandardOutput(fd, () => null) : openStandardOutput(fd);
let written = 0;
let ticks = 0;
let longestTickMs = 0;
let rssMax = 0;
let lastTick = performance.now();
const began = lastTick;
const ticker = setInterval(() => {
  ticks += 1;
  const now = performance.now();
  longestTickMs = Math.max(longestTickMs, now - lastTick);
  lastTick = now;
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
}, 5);

function report(errno: string | null): void {
  clearInterval(ticker);
  longestTickMs = Math.max(longestTickMs, performance.now() - lastTick);
  const elapsedMs = performance.now() - began;
  const rss = { rssMaxMib: rssMax / 2 ** 20 };
  const facts = { errno, written, ticks, longestTickMs, elapsedMs, ...rss };
  writeFileSync(process.env["REPORT"] ?? "/dev/null", JSON.stringify(facts));
  process.exit(0);
}

function next(): void {
  const length = Math.min(pieceBytes, total - written);
  if (length === 0) return report(null);
  const at = written % period;
  output.write(pattern.subarray(at, at + length), (errno) => {
    if (errno !== null) return report(errno);
    written += length;
    next();
  });
}
next();
