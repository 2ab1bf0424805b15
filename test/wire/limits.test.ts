// The numbers fit together, and hello, which announces them, fits into what a stranger may send.

import { expect, test } from "bun:test";

import { messageCodec } from "../../src/capability/messages.ts";
import {
  argvEnvBytesMax,
  codeBytesMax,
  deadAfterMs,
  frameBytesMax,
  helloBytesMax,
  listEntriesMax,
  namedLimits,
  outputChunkBytesMax,
  pathBytesMax,
  pingEveryMs,
  silentIntervalsMax,
  windowBytes,
} from "../../src/wire/limits.ts";

test("our hello fits into the limit before hello, whatever the host is called", () => {
  const hello = messageCodec().encode(0, {
    kind: "hello",
    protocolMin: 1,
    protocolMax: 1,
    software: "x".repeat(100),
    host: "h".repeat(255),
    incarnation: new Uint8Array(24),
    insecure: true,
    monotonicNs: 2n ** 63n,
    realtimeNs: 2n ** 63n,
    limits: namedLimits.map(({ name, value }) => ({ name, value: BigInt(value) })),
  });
  expect(hello.length - 4).toBeLessThanOrEqual(helloBytesMax);
});

test("limits have names that are distinct, short and in lower case", () => {
  const names = namedLimits.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z-]*$/);
  expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(codeBytesMax);
});

test("a window holds several chunks, and a frame holds the largest start and the longest lists", () => {
  expect(windowBytes).toBeGreaterThanOrEqual(4 * outputChunkBytesMax);
  expect(frameBytesMax).toBeGreaterThan(argvEnvBytesMax + 60_000);
  expect(frameBytesMax).toBeGreaterThan(listEntriesMax * (pathBytesMax + 64));
});

test("a dead peer is noticed before users are told that it is", () => {
  // Its last word may come just after a look at the clock.
  expect(pingEveryMs * (silentIntervalsMax + 1)).toBeLessThanOrEqual(deadAfterMs);
});
