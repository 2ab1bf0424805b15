// Samples with one value changed to what our own writer refuses to write.

import { type Message, messageCodec } from "../../src/capability/messages.ts";
import { samples } from "../golden/samples.ts";
import { frameMap, type PlaceRole } from "./frame-map.ts";

const codec = messageCodec();

export interface Patch {
  sample: string;
  /** "Table.field"; its first place when there are several. */
  field: string;
  role: Extract<PlaceRole, "scalar" | "length">;
  value: number | bigint;
}

/** The message that such a frame decodes to. */
export function decodePatched({ sample, field, role, value }: Patch): Message | undefined {
  const envelope = samples.get(sample);
  if (!envelope) throw new Error(`No sample "${sample}"`);
  const frame = codec.encode(envelope.operation, envelope.message).subarray(4);
  const place = frameMap(frame).find((each) => each.role === role && each.name === field);
  if (!place) throw new Error(`No ${role} of ${field} in "${sample}"`);
  for (let index = 0; index < place.bytes; index += 1) {
    frame[place.at + index] = Number((BigInt(value) >> BigInt(8 * index)) & 0xffn);
  }
  return codec.decode(frame)?.message;
}
