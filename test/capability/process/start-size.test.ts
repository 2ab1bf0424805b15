// The size of a start is known before it is encoded: never less than it turns out, and hardly more.

import { expect, test } from "bun:test";

import { messageCodec } from "../../../src/capability/messages.ts";
import type { Start } from "../../../src/capability/process/contract.ts";
import {
  startBytes,
  type StartStrings,
  stringBytes,
} from "../../../src/capability/process/start-size.ts";
import { argvEnvBytesMax, frameBytesMax } from "../../../src/wire/limits.ts";
import { samples } from "../../golden/samples.ts";
import { Seeded } from "../../wire/seeded.ts";

const codec = messageCodec();
const lengthBytes = 4;
/** What fields that are zero leave out, at the most. */
const slackBytes = 64;

function start(changes: Partial<Start>): Start {
  const sample = samples.get("start")?.message;
  if (sample?.kind !== "start") throw new Error("No sample of start");
  return { ...sample, ...changes };
}

/** The smallest numbers there are: none of them takes a byte. */
const zeros = {
  stdin: false,
  timeoutMs: 0,
  graceMs: 0,
  onDisconnect: "kill",
  leaseMs: 0,
  tree: "leave",
} as const;

const words = (count: number, length: number): Uint8Array[] =>
  Array.from({ length: count }, () => new Uint8Array(length).fill(0x61));

const short = (count: number): Start => start({ argv: words(count, 1), env: [] });

const frameBytesOf = (message: Start): number => codec.encode(1, message).length - lengthBytes;

test("no frame is larger than was said, and none much smaller", () => {
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const random = new Seeded(seed);
    const list = (count: number): Uint8Array[] =>
      Array.from({ length: count }, () => random.bytes(random.below(40)).fill(0x61));
    const strings: StartStrings = {
      argv: list(1 + random.below(9)),
      env: list(random.below(9)),
      directory: new Uint8Array(random.below(40)).fill(0x2f),
    };
    const bytes = frameBytesOf(start({ ...strings, ...(random.chance(0.5) ? zeros : {}) }));
    expect({ seed, isEnough: bytes <= startBytes(strings) }).toEqual({ seed, isEnough: true });
    expect(startBytes(strings) - bytes).toBeLessThanOrEqual(slackBytes);
  }
});

test("many short words meet the end of the frame first, and what is said to fit does fit", () => {
  const wordBytes = startBytes(short(2)) - startBytes(short(1));
  const count = 1 + Math.floor((frameBytesMax - startBytes(short(1))) / wordBytes);
  const most = short(count);
  expect(startBytes(short(count + 1))).toBeGreaterThan(frameBytesMax);
  expect(stringBytes(most)).toBeLessThan(argvEnvBytesMax / 4);
  expect(frameBytesOf(most)).toBeLessThanOrEqual(frameBytesMax);
  expect(() => codec.encode(1, short(count + 10))).toThrow("at most");
});

test("few long words meet the limit of Linux first: what it counts is exactly what is counted", () => {
  const exactly = start({
    argv: words(1, argvEnvBytesMax - 6),
    env: words(1, 1),
    directory: words(1, 2)[0] ?? new Uint8Array(),
  });
  expect(stringBytes(exactly)).toBe(argvEnvBytesMax);
  expect(startBytes(exactly)).toBeLessThan(frameBytesMax);
  expect(frameBytesOf(exactly)).toBeLessThan(frameBytesMax);
  const more = { ...exactly, env: words(1, 2) };
  expect(stringBytes(more)).toBe(argvEnvBytesMax + 1);
  expect(() => codec.encode(1, more)).toThrow("Argument list too long");
});
