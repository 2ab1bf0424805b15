// The reader of reports: every kind, every split, and bytes that are no reports.

import { describe, expect, test } from "bun:test";

import { encodeMarker, ReportReader, type StatusRecord } from "../../src/launcher/reports.ts";
import { Random } from "../support/random.ts";
import { bytesOf } from "./launching.ts";

/** A record as the launcher writes it: header, then the fields of the kind. */
function record(kind: number, fields: readonly (number | bigint)[] = [], extra = 0): Uint8Array {
  const words = fields.map((field) => (typeof field === "bigint" ? 8 : 4));
  const size = 32 + words.reduce((sum, each) => sum + each, 0);
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, size, true);
  view.setUint16(4, kind, true);
  view.setUint16(6, extra, true);
  view.setBigUint64(8, 0xfedc_ba98_7654_3210n, true);
  view.setBigUint64(16, 1_000n, true);
  view.setBigUint64(24, 2_000n, true);
  let at = 32;
  for (const field of fields) {
    if (typeof field === "bigint") view.setBigUint64(at, field, true);
    else view.setUint32(at, field, true);
    at += typeof field === "bigint" ? 8 : 4;
  }
  return new Uint8Array(view.buffer);
}

function withPath(fixed: Uint8Array, path: string): Uint8Array {
  const both = Buffer.concat([fixed, bytesOf(path)]);
  both.writeUInt32LE(both.length, 0);
  return new Uint8Array(both);
}

const usage = [10n, 20n, 30n, 40n, 50n, 60n, 70n];
const everyKind = [
  record(1, [4_711, 4_710]),
  withPath(record(2, [8, 2], 1), "/no/such/interpreter"),
  withPath(record(2, [1, 22]), ""),
  record(3, [0x8b, 0, ...usage], 1),
  record(4),
  record(5, [15, 3, 0, 0]),
  record(6, [10_000, 0]),
  record(7),
  record(8, [2, 99]),
  encodeMarker(0xfedc_ba98_7654_3210n),
];

const id = 0xfedc_ba98_7654_3210n;
const times = { monotonicNs: 1_000n, realtimeNs: 2_000n };
const expected: StatusRecord[] = [
  ...[
    { kind: "started" as const, ...times, pid: 4_711, launcherPid: 4_710 },
    {
      kind: "not-started" as const,
      ...times,
      phase: "exec" as const,
      errno: 2,
      path: bytesOf("/no/such/interpreter"),
      interpreter: true,
    },
    {
      kind: "not-started" as const,
      ...times,
      phase: "request" as const,
      errno: 22,
      path: bytesOf(""),
      interpreter: false,
    },
    {
      kind: "exited" as const,
      ...times,
      status: 0x8b,
      usage: {
        userUs: 10,
        systemUs: 20,
        maxRssKib: 30,
        minorFaults: 40,
        majorFaults: 50,
        voluntarySwitches: 60,
        involuntarySwitches: 70,
      },
      treeLeft: true,
    },
    { kind: "tree-empty" as const, ...times },
    { kind: "signaled" as const, ...times, signal: 15, hits: 3, errno: 0 },
    { kind: "stopping" as const, ...times, graceMs: 10_000 },
    { kind: "killing" as const, ...times },
    { kind: "stuck" as const, ...times, left: 2, pid: 99 },
  ].map((report) => ({ kind: "report" as const, id, report })),
  { kind: "marker", id },
];

const stream = new Uint8Array(Buffer.concat(everyKind));

describe("the reader of reports", () => {
  test("understands every kind", () => {
    expect(new ReportReader().push(stream)).toEqual(expected);
  });

  test("understands them cut in two at any byte", () => {
    for (let at = 0; at <= stream.length; at++) {
      const reader = new ReportReader();
      const found = [...reader.push(stream.slice(0, at)), ...reader.push(stream.slice(at))];
      expect(found, `cut at ${at}`).toEqual(expected);
    }
  });

  test("understands them byte by byte", () => {
    const reader = new ReportReader();
    const found = [...stream].flatMap((byte) => reader.push(Uint8Array.of(byte)));
    expect(found).toEqual(expected);
  });

  test("understands them cut anywhere, many times over", () => {
    const random = new Random(4_242);
    const long = new Uint8Array(Buffer.concat(Array.from({ length: 50 }, () => stream)));
    for (let round = 0; round < 200; round++) {
      const reader = new ReportReader();
      let found = 0;
      for (let at = 0; at < long.length;) {
        const end = Math.min(long.length, at + random.integer(1, 400));
        found += reader.push(long.slice(at, end)).length;
        at = end;
      }
      expect(found, `seed ${random.seed}, round ${round}`).toBe(50 * expected.length);
    }
  });

  test("keeps nothing of the bytes it was given", () => {
    const reader = new ReportReader();
    const reused = new Uint8Array(64);
    const report = everyKind[1] ?? new Uint8Array(0);
    reused.set(report.subarray(0, 50));
    expect(reader.push(reused.subarray(0, 50))).toEqual([]);
    reused.fill(0xff);
    expect(reader.push(report.subarray(50))).toEqual(expected.slice(1, 2));
    const whole = report.slice();
    const found = new ReportReader().push(whole);
    whole.fill(0xff);
    expect(found).toEqual(expected.slice(1, 2));
  });

  const nonsense: [string, Uint8Array][] = [
    ["a record shorter than its header", patched(record(4), 0, 31)],
    ["a record of size zero", patched(record(4), 0, 0)],
    ["a record longer than any", patched(record(4), 0, 4_097)],
    ["an unknown kind", record(9)],
    ["kind zero", record(0)],
    ["a start without the launcher's pid", record(1, [1])],
    ["a start with more than that", record(1, [1, 2, 3])],
    ["a failure without errno", record(2, [8])],
    ["a failure in phase zero", record(2, [0, 2])],
    ["a failure in an unknown phase", record(2, [9, 2])],
    ["a failure with an unknown extra", record(2, [8, 2], 2)],
    ["an exit that is too short", record(3, [0, 0, 1n, 2n])],
    ["an exit that is too long", record(3, [0, 0, ...usage, 0])],
    ["an exit with an unknown flag", record(3, [0, 0, ...usage], 2)],
    ["an exit with an absurd number", record(3, [0, 0, 0xffff_ffff_ffff_ffffn, ...usage.slice(1)])],
    ["an empty tree with fields", record(4, [1])],
    ["an empty tree with an extra", record(4, [], 1)],
    ["an answer that is too short", record(5, [15, 3])],
    ["a stop without grace", record(6)],
    ["a killing with fields", record(7, [1])],
    ["a stuck without pid", record(8, [1])],
  ];
  for (const [name, bytes] of nonsense) {
    test(`does not stand ${name}`, () => {
      const message = expect.objectContaining({ name: "AssertionError" });
      expect(() => new ReportReader().push(bytes)).toThrow(message);
    });
  }

  test("throws nothing but that for any bytes, and stays within them", () => {
    const random = new Random(777);
    for (let round = 0; round < 50_000; round++) {
      const bytes = stream.slice();
      for (let changes = random.integer(1, 6); changes > 0; changes--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      try {
        for (const found of new ReportReader().push(bytes)) {
          if (found.kind !== "report" || found.report.kind !== "not-started") continue;
          expect(found.report.path.length).toBeLessThan(bytes.length);
        }
      } catch (error) {
        const name = error instanceof Error ? error.name : "";
        expect(name, `seed ${random.seed}, round ${round}`).toBe("AssertionError");
      }
    }
  });
});

function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
}
