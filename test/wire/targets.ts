// Valid frames that are worth spoiling.

import { messageCodec } from "../../src/capability/messages.ts";
import { samples } from "../golden/samples.ts";
import { frameMap } from "./frame-map.ts";
import type { Sample } from "./mutant.ts";
import { randomMessage } from "./random-message.ts";
import { Seeded } from "./seeded.ts";

/** Spoiling is copying first: large frames would only make it slow. */
const frameBytesMax = 4_096;

/** Every sample, and some messages with lists and bytes of many sizes. */
export function targetsOf(seed: number): Sample[] {
  const codec = messageCodec();
  const random = new Seeded(seed);
  const others = Array.from({ length: 60 }, () => ({
    operation: 1,
    message: randomMessage(random),
  }));
  const targets: Sample[] = [];
  for (const { operation, message } of [...samples.values(), ...others]) {
    const frame = codec.encode(operation, message).subarray(4);
    if (frame.length > frameBytesMax) continue;
    targets.push({ name: message.kind, frame, places: frameMap(frame) });
  }
  return targets;
}
