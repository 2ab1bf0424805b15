// The bytes of the status pipe as launcher reports, layout and numbers as in native/reports.h. Records arrive whole in
// the pipe but split in any way by our reads. Only launchers and we ourselves write there, so nonsense is a broken invariant.

import { assert, AssertionError } from "../base/assert.ts";
import type { LauncherReport, LaunchPhase, ReportTimes, ResourceUse } from "./contract.ts";

/** Whose report it is: the id of its orders. A marker is ours: everything written before it has been read. */
export type StatusRecord =
  { kind: "report"; id: bigint; report: LauncherReport } | { kind: "marker"; id: bigint };

const headerBytes = 32;
const recordBytesMax = 4096;
const markerNumber = 64;

/** In the order of their numbers, from 1. */
const phases: readonly LaunchPhase[] = [
  "request",
  "clone",
  "setup",
  "limits",
  "user",
  "chdir",
  "stdio",
  "exec",
];

export class ReportReader {
  /** The beginning of a record that is not complete yet. */
  #rest: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): StatusRecord[] {
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const records: StatusRecord[] = [];
    let at = 0;
    while (bytes.length - at >= 4) {
      const size = view.getUint32(at, true);
      assert(size >= headerBytes && size <= recordBytesMax, `A status record of ${size} bytes`);
      if (bytes.length - at < size) break;
      records.push(readRecord(bytes.subarray(at, at + size)));
      at += size;
    }
    this.#rest = bytes.slice(at);
    return records;
  }
}

export function encodeMarker(id: bigint): Uint8Array {
  const record = new Uint8Array(headerBytes);
  const view = new DataView(record.buffer);
  view.setUint32(0, headerBytes, true);
  view.setUint16(4, markerNumber, true);
  view.setBigUint64(8, id, true);
  return record;
}

function readRecord(record: Uint8Array): StatusRecord {
  const fields = new RecordFields(record);
  const id = fields.u64(8);
  if (fields.kind === markerNumber) return { kind: "marker", id };
  return { kind: "report", id, report: readReport(fields) };
}

function readReport(fields: RecordFields): LauncherReport {
  const times: ReportTimes = { monotonicNs: fields.u64(16), realtimeNs: fields.u64(24) };
  const mayHaveExtra = fields.kind === 2 || fields.kind === 3;
  assert(
    mayHaveExtra || fields.extra === 0,
    `A status record of kind ${fields.kind} with an extra`,
  );
  switch (fields.kind) {
    case 1:
      return { kind: "started", ...times, pid: fields.u32(32), launcherPid: fields.last(36) };
    case 2:
      return notStarted(fields, times);
    case 3:
      return exited(fields, times);
    case 4:
      fields.expectSize(headerBytes);
      return { kind: "tree-empty", ...times };
    case 5: {
      fields.expectSize(48);
      const answer = { signal: fields.u32(32), hits: fields.u32(36), errno: fields.u32(40) };
      return { kind: "signaled", ...times, ...answer };
    }
    case 6:
      fields.expectSize(40);
      return { kind: "stopping", ...times, graceMs: fields.u32(32) };
    case 7:
      fields.expectSize(headerBytes);
      return { kind: "killing", ...times };
    case 8:
      return { kind: "stuck", ...times, left: fields.u32(32), pid: fields.last(36) };
    default:
      throw new AssertionError(`A status record of kind ${fields.kind}`);
  }
}

function notStarted(fields: RecordFields, times: ReportTimes): LauncherReport {
  const phase = phases[fields.u32(32) - 1];
  assert(phase !== undefined && fields.extra <= 1, "A failure in no known phase");
  const errno = fields.u32(36);
  const interpreter = fields.extra === 1;
  return { kind: "not-started", ...times, phase, errno, path: fields.bytesFrom(40), interpreter };
}

function exited(fields: RecordFields, times: ReportTimes): LauncherReport {
  fields.expectSize(96);
  assert(fields.extra <= 1, "An unknown flag of an exit");
  const usage: ResourceUse = {
    userUs: fields.number64(40),
    systemUs: fields.number64(48),
    maxRssKib: fields.number64(56),
    minorFaults: fields.number64(64),
    majorFaults: fields.number64(72),
    voluntarySwitches: fields.number64(80),
    involuntarySwitches: fields.number64(88),
  };
  return { kind: "exited", ...times, status: fields.u32(32), usage, treeLeft: fields.extra === 1 };
}

/** Reads one whole record; a field beyond its end is a broken invariant. */
class RecordFields {
  readonly #record: Uint8Array;
  readonly #view: DataView;
  readonly kind: number;
  readonly extra: number;

  constructor(record: Uint8Array) {
    this.#record = record;
    this.#view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    this.kind = this.#view.getUint16(4, true);
    this.extra = this.#view.getUint16(6, true);
  }

  expectSize(bytes: number): void {
    assert(
      this.#record.length === bytes,
      `A status record of kind ${this.kind} is too long or short`,
    );
  }

  u32(at: number): number {
    assert(at + 4 <= this.#record.length, `A status record of kind ${this.kind} is too short`);
    return this.#view.getUint32(at, true);
  }

  /** The field that ends the record. */
  last(at: number): number {
    this.expectSize(at + 4);
    return this.u32(at);
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(at, true);
  }

  number64(at: number): number {
    const value = Number(this.u64(at));
    assert(
      Number.isSafeInteger(value),
      `A number too large in a status record of kind ${this.kind}`,
    );
    return value;
  }

  bytesFrom(at: number): Uint8Array {
    return this.#record.slice(at);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
