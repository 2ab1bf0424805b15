// Launch orders as the bytes that the launcher reads, layout and numbers as in native/orders.h. Pure.

import { assert } from "../base/assert.ts";
import type { ChildAttributes, LaunchOrders, OrphanPolicy, ResourceLimit } from "./contract.ts";

const magic = 0x324c_5443;
const fixedBytes = 72;
const limitBytes = 24;
const stringOverheadBytes = 5;

/** The numbers of the policies, in orders and in commands. */
export const policyNumbers: Record<OrphanPolicy, number> = { keep: 0, stop: 1 };

/** The record has 32 bits for it: 49 days. */
export function boundedMs(ms: number): number {
  return Math.min(Math.max(0, ms), 0xffff_ffff);
}

const attributeFlags = { user: 1, umask: 2, nice: 4, oomScoreAdjust: 8, mountProc: 16 } as const;

export function encodeOrders(orders: LaunchOrders): Uint8Array {
  assert(orders.argv.length > 0, "Orders without a program");
  const { argv, env, limits } = orders;
  const attributes = orders.attributes ?? {};
  const groups = attributes.user?.groups ?? [];
  const affinity = affinityMask(attributes.affinity ?? []);
  const strings = [new TextEncoder().encode(orders.label), orders.directory, ...argv, ...env];
  const sizes = strings.map((string) => string.length + stringOverheadBytes);
  const size = sizes.reduce(
    (sum, each) => sum + each,
    fixedBytes + limits.length * limitBytes + groups.length * 4 + affinity.length,
  );
  const record = new Uint8Array(size);
  const writer = new RecordWriter(record);
  writer.u32(magic).u32(size).u64(orders.id);
  writer.u32(flagsOf(attributes)).u32(attributes.namespaces ?? 0);
  writer.u32(policyNumbers[orders.policy]).u32(boundedMs(orders.graceMs));
  writer.u32(attributes.user?.uid ?? 0).u32(attributes.user?.gid ?? 0);
  writer
    .u32(attributes.umask ?? 0)
    .u32(attributes.nice ?? 0)
    .u32(attributes.oomScoreAdjust ?? 0);
  writer.u32(limits.length).u32(groups.length).u32(affinity.length);
  writer.u32(argv.length).u32(env.length);
  for (const limit of limits) writer.limit(limit);
  for (const group of groups) writer.u32(group);
  writer.bytes(affinity);
  for (const string of strings) writer.string(string);
  return record;
}

function flagsOf(attributes: ChildAttributes): number {
  let flags = attributes.mountProc === true ? attributeFlags.mountProc : 0;
  for (const name of ["user", "umask", "nice", "oomScoreAdjust"] as const) {
    if (attributes[name] !== undefined) flags |= attributeFlags[name];
  }
  return flags;
}

/** One bit per CPU, in whole machine words: the kernel counts in them. */
function affinityMask(cpus: readonly number[]): Uint8Array {
  if (cpus.length === 0) return new Uint8Array(0);
  const mask = new Uint8Array((Math.floor(Math.max(...cpus) / 64) + 1) * 8);
  for (const cpu of cpus) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  return mask;
}

class RecordWriter {
  readonly #record: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(record: Uint8Array) {
    this.#record = record;
    this.#view = new DataView(record.buffer);
  }

  /** Negative numbers in two's complement. */
  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  u64(value: bigint): this {
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#record.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  limit({ resource, soft, hard }: ResourceLimit): this {
    return this.u32(resource).u32(0).u64(soft).u64(hard);
  }

  /** With the NUL that the record already has at its end. */
  string(bytes: Uint8Array): this {
    this.u32(bytes.length).bytes(bytes);
    this.#at += 1;
    return this;
  }
}
