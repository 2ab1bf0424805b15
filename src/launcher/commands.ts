// Messages to the launcher over its control socket, layout and numbers as in native/control.h. Pure.

import type { OrphanPolicy, SignalScope } from "./contract.ts";
import { boundedMs, policyNumbers } from "./orders.ts";

const startMagic = 0x534c_5443;
const messageBytes = 16;
const operations = { signal: 1, stop: 2, policy: 3, releaseOutput: 4 } as const;
const scopes: Record<SignalScope, number> = { main: 1, group: 2, tree: 3 };

/** A larger order record travels as a memory file. */
export const inlineRecordBytesMax = 8 * 1024;

/**
 * Goes with descriptors: the child's stdin, stdout and stderr; perhaps the read ends of both outputs; a memory file with
 * the order record, unless the record is here.
 */
export function startMessage(id: bigint, fdCount: number, record?: Uint8Array): Uint8Array {
  const message = new Uint8Array(messageBytes + (record?.length ?? 0));
  const view = new DataView(message.buffer);
  view.setUint32(0, startMagic, true);
  view.setUint32(4, fdCount, true);
  view.setBigUint64(8, id, true);
  if (record) message.set(record, messageBytes);
  return message;
}

export function signalCommand(scope: SignalScope, signal: number): Uint8Array {
  return command({ operation: operations.signal, scope: scopes[scope], signal });
}

export function stopCommand(graceMs: number): Uint8Array {
  return command({ operation: operations.stop, graceMs });
}

export function policyCommand(policy: OrphanPolicy, graceMs: number): Uint8Array {
  return command({ operation: operations.policy, scope: policyNumbers[policy], graceMs });
}

export function releaseOutputCommand(): Uint8Array {
  return command({ operation: operations.releaseOutput });
}

interface CommandFields {
  operation: number;
  scope?: number;
  signal?: number;
  graceMs?: number;
}

function command({ operation, scope = 0, signal = 0, graceMs = 0 }: CommandFields): Uint8Array {
  const message = new DataView(new ArrayBuffer(messageBytes));
  message.setUint16(0, operation, true);
  message.setUint16(2, scope, true);
  message.setUint32(4, signal, true);
  message.setUint32(8, boundedMs(graceMs), true);
  return new Uint8Array(message.buffer);
}
