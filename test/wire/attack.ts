// Decodes spoiled frames by the thousand. Whatever they say: one kind of error, nothing from beside the frame, no long
// thought, no growth.

import { CtlError } from "../../src/base/errors.ts";
import { messageCodec } from "../../src/capability/messages.ts";
import { spoil } from "./mutant.ts";
import { Seeded } from "./seeded.ts";
import { targetsOf } from "./targets.ts";

/** Fills the memory around each frame; no sample has it four times in a row. */
const sentinel = 0x53;
const sentinelText = "SSSS";
const margin = 4_096;

export interface AttackReport {
  seed: number;
  count: number;
  refused: number;
  unknown: number;
  accepted: number;
  slowestMs: number;
  /** Of the process, from a fifth of the way to the end. */
  growthBytes: number;
}

/** @throws Error with the seed and the frame when one of the promises is broken */
export function attack({ count, seed }: { count: number; seed: number }): AttackReport {
  const codec = messageCodec();
  const random = new Seeded(seed);
  const targets = targetsOf(seed);
  const pool = new Uint8Array(2 * margin + Math.max(...targets.map(({ frame }) => frame.length)));
  pool.fill(sentinel);
  const report = { seed, count, refused: 0, unknown: 0, accepted: 0, slowestMs: 0, growthBytes: 0 };
  let before = 0;
  for (let index = 0; index < count; index += 1) {
    if (index === Math.floor(count / 5)) before = settledBytes();
    const sample = random.pick(targets);
    const at = margin - random.below(64);
    const room = pool.subarray(at, at + sample.frame.length);
    room.set(sample.frame);
    const frame = room.subarray(0, spoil(room, sample, random));
    room.fill(sentinel, frame.length);
    report[decodeTimed(frame, codec, report)] += 1;
    room.fill(sentinel);
  }
  report.growthBytes = settledBytes() - before;
  return report;
}

function settledBytes(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

type Codec = ReturnType<typeof messageCodec>;
type Outcome = "refused" | "unknown" | "accepted";

/** A decode that seems slow gets more chances: the machine may have been busy with something else. */
const suspiciousMs = 20;

function decodeTimed(frame: Uint8Array, codec: Codec, report: AttackReport): Outcome {
  let fastestMs = Number.POSITIVE_INFINITY;
  let outcome: Outcome = "refused";
  for (let chance = 0; chance < 5 && fastestMs > suspiciousMs; chance += 1) {
    const started = performance.now();
    outcome = decodeOnce(frame, codec, report);
    fastestMs = Math.min(fastestMs, performance.now() - started);
  }
  report.slowestMs = Math.max(report.slowestMs, fastestMs);
  return outcome;
}

function decodeOnce(frame: Uint8Array, codec: Codec, report: AttackReport): Outcome {
  try {
    const envelope = codec.decode(frame);
    if (envelope) requireInside(envelope, frame);
    return envelope ? "accepted" : "unknown";
  } catch (error) {
    const isRefusal = error instanceof CtlError && error.code === "protocol-violated";
    if (!isRefusal) throw broken(report, frame, error);
    return "refused";
  }
}

function broken(report: AttackReport, frame: Uint8Array, cause: unknown): Error {
  const hex = Buffer.from(frame).toString("hex");
  return new Error(`Seed ${report.seed}: ${String(cause)}\n${hex}`, { cause });
}

/** Every view lies within the frame, and no text comes from beside it. */
function requireInside(value: unknown, frame: Uint8Array): void {
  if (value instanceof Uint8Array) {
    const from = value.byteOffset - frame.byteOffset;
    const isInside = from >= 0 && from + value.length <= frame.length;
    if (value.buffer !== frame.buffer || !isInside) throw new Error("Bytes from outside the frame");
    return;
  }
  if (typeof value === "string" && value.includes(sentinelText)) {
    throw new Error("Text from outside the frame");
  }
  if (typeof value !== "object" || value === null) return;
  for (const each of Object.values(value)) requireInside(each, frame);
}
