// Order records: as we encode them, as the launcher's parser takes them, and a million that are broken.

import { describe, expect, test } from "bun:test";

import type { LauncherReport, LaunchOrders } from "../../src/launcher/contract.ts";
import { openImage } from "../../src/launcher/image.ts";
import { LauncherProcess } from "../../src/launcher/launcher-process.ts";
import { encodeOrders } from "../../src/launcher/orders.ts";
import { StatusPipe } from "../../src/launcher/status-pipe.ts";
import { closeFd, libc, must } from "../../src/os/libc.ts";
import { Random } from "../support/random.ts";
import { until } from "../support/until.ts";
import { bytesOf, testImages } from "./launching.ts";
import { OrdersProbe } from "./orders-probe.ts";

const orders: LaunchOrders = {
  id: 0x0102_0304_0506_0708n,
  argv: ["/bin/true", "", "one two", "x".repeat(40)].map(bytesOf),
  env: ["PATH=/usr/bin:/bin", "EMPTY="].map(bytesOf),
  directory: bytesOf("/tmp"),
  policy: "stop",
  graceMs: 1_000,
  limits: [{ resource: 7, soft: 100n, hard: 0xffff_ffff_ffff_ffffn }],
  stdin: "null",
  label: "p_1: true",
  attributes: {
    user: { uid: 1, gid: 2, groups: [3, 4, 5] },
    umask: 0o27,
    nice: -3,
    oomScoreAdjust: -500,
    affinity: [0, 65],
    mountProc: true,
    namespaces: 0x2000_0000,
  },
};

const plain: LaunchOrders = { ...orders, limits: [], env: [], attributes: {}, policy: "keep" };
const malformed = 74;
const nulInside = 22;

describe("an order record", () => {
  test("has the fixed part that the launcher reads", () => {
    const record = encodeOrders(orders);
    const view = new DataView(record.buffer);
    const fixed = Array.from({ length: 18 }, (_, index) => view.getUint32(index * 4, true));
    const header = [0x324c_5443, record.length, 0x0506_0708, 0x0102_0304];
    const policy = [1 | 2 | 4 | 8 | 16, 0x2000_0000, 1, 1_000];
    const attributes = [1, 2, 0o27, 0x1_0000_0000 - 3, 0x1_0000_0000 - 500];
    const counts = [1, 3, 16, 4, 2];
    expect(fixed).toEqual([header, policy, attributes, counts].flat());
  });

  test("carries limits, groups, affinity and strings behind it", () => {
    const record = Buffer.from(encodeOrders(orders));
    const limit = "07000000000000006400000000000000ffffffffffffffff";
    const groups = "030000000400000005000000";
    const affinity = "01000000000000000200000000000000";
    expect(record.toString("hex", 72, 72 + 24 + 12 + 16)).toBe(limit + groups + affinity);
    const strings = record.subarray(72 + 24 + 12 + 16);
    expect(strings.readUInt32LE(0)).toBe(9);
    expect(strings.toString("latin1", 4, 14)).toBe("p_1: true\0");
  });

  test("bounds a grace that its field cannot hold", () => {
    for (const [graceMs, kept] of [
      [1e12, 0xffff_ffff],
      [-5, 0],
      [1.5, 1],
    ] as const) {
      const record = encodeOrders({ ...plain, graceMs });
      expect(new DataView(record.buffer).getUint32(28, true)).toBe(kept);
    }
  });

  test("without a program cannot be made", () => {
    expect(() => encodeOrders({ ...plain, argv: [] })).toThrow("without a program");
  });
});

describe("the launcher's parser", () => {
  const probe = new OrdersProbe();

  test("accepts what we encode", () => {
    expect(probe.parse(encodeOrders(orders))).toBe(0);
    expect(probe.parse(encodeOrders(plain))).toBe(0);
  });

  test("refuses every truncation, announced or not", () => {
    const record = encodeOrders(orders);
    for (let length = 0; length < record.length; length++) {
      const cut = record.slice(0, length);
      expect(probe.parse(cut)).toBe(malformed);
      if (length < 8) continue;
      new DataView(cut.buffer).setUint32(4, length, true);
      expect(probe.parse(cut)).toBe(malformed);
    }
  });

  test("refuses bytes behind the end", () => {
    const record = encodeOrders(orders);
    const longer = new Uint8Array(record.length + 1);
    longer.set(record);
    expect(probe.parse(longer)).toBe(malformed);
    new DataView(longer.buffer).setUint32(4, longer.length, true);
    expect(probe.parse(longer)).toBe(malformed);
  });

  test("refuses a NUL inside a string", () => {
    expect(probe.parse(encodeOrders({ ...plain, argv: [bytesOf("a\0b")] }))).toBe(nulInside);
    expect(probe.parse(encodeOrders({ ...plain, label: "a\0b" }))).toBe(nulInside);
  });

  test("refuses counts that would overflow", () => {
    for (const at of countsAt) {
      for (const count of [0xffff_ffff, 0x8000_0000, 0x1000_0000, 0x5555_5556]) {
        const record = encodeOrders(orders);
        new DataView(record.buffer).setUint32(at, count, true);
        expect(probe.parse(record)).toBe(malformed);
      }
    }
  });

  test("reads and writes nothing outside of a million mutated records", () => {
    const random = new Random(20_261);
    const seen = new Map<number, number>();
    for (let round = 0; round < 1_000_000; round++) {
      const result = probe.parse(mutated(random));
      seen.set(result, (seen.get(result) ?? 0) + 1);
    }
    const counts = `seed ${random.seed}: ${JSON.stringify([...seen])}`;
    const results = [...seen.keys()].toSorted((a, b) => a - b);
    expect(results, counts).toEqual([0, nulInside, malformed]);
    // Some must be accepted, or the mutations never got past the first check.
    expect(seen.get(0) ?? 0, counts).toBeGreaterThan(10_000);
  }, 60_000);
});

for (const image of testImages()) {
  test(`the ${image.name} answers 500 mutated records as the parser does, and then ends`, async () => {
    const random = new Random(500_261);
    const probe = new OrdersProbe();
    const status = new StatusPipe();
    const executable = openImage({ bytes: image.bytes });
    const options = { command: executable.command, statusFd: status.writeFd };
    const nothing = must("open", libc().open("/dev/null", 2, 0));
    for (let round = 0; round < 500; round++) {
      const record = mutated(random, [...originals, large]);
      const launcher = new LauncherProcess(options);
      const kinds: string[] = [];
      const id = BigInt(round + 1);
      // An accepted record may carry another id, which nobody has registered: then only the end tells.
      status.listen(id, { report: (report) => kinds.push(describeReport(report)), marked() {} });
      expect(launcher.begin(id, { record, fds: [nothing, nothing, nothing] })).toBe(0);
      const expected = probe.parse(record);
      const context = `seed ${random.seed}, round ${round}`;
      if (expected === 0) await until(() => launcher.hasEnded || kinds.length > 0);
      else await until(() => kinds.length > 0, { what: context });
      if (expected !== 0) expect(kinds, context).toEqual([`not-started request ${expected}`]);
      else expect(kinds[0] ?? "", context).not.toStartWith("not-started request");
      launcher.release();
      await until(() => launcher.hasEnded, { what: context });
      status.forget(id);
    }
    closeFd(nothing);
    executable.close();
    status.close();
  }, 60_000);
}

function describeReport(report: LauncherReport): string {
  return report.kind === "not-started"
    ? `not-started ${report.phase} ${report.errno}`
    : report.kind;
}

/** Where the counts of limits, groups, affinity bytes, arguments and variables stand. */
const countsAt = [52, 56, 60, 64, 68];
const originals = [orders, plain].map(encodeOrders);
/** Too large for the start message: it travels as a file. */
const large = encodeOrders({ ...plain, env: [bytesOf(`A=${"x".repeat(10_000)}`)] });

/** Up to four changes, mostly behind the magic and the size, so that the record gets past the first checks. */
function mutated(random: Random, from = originals): Uint8Array {
  let record = random.pick(from).slice();
  for (let changes = random.integer(1, 4); changes > 0; changes--) {
    const view = new DataView(record.buffer);
    const kind = random.below(10);
    if (kind < 4) record[random.integer(16, record.length - 1)] = random.below(256);
    else if (kind < 6) view.setUint8(random.below(record.length), random.below(256));
    else if (kind < 7) view.setUint32(random.pick(countsAt), random.below(8), true);
    else if (kind < 8) view.setUint32(random.pick(countsAt), random.integer(0, 0xffff_ffff), true);
    else if (kind < 9) view.setUint32(random.below(record.length - 4), random.below(300), true);
    else if (record.length > 80) record = record.slice(0, random.integer(76, record.length));
    if (random.chance(0.9)) new DataView(record.buffer).setUint32(4, record.length, true);
  }
  return record;
}
