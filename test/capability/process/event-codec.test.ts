// What a node may report of a process: ranges, closed lists, and reports that fit whatever they are about.

import { expect, test } from "bun:test";

import { type Message, messageCodec } from "../../../src/capability/messages.ts";
import type { Fact } from "../../../src/capability/process/contract.ts";
import { listEntriesMax, pathBytesMax, textBytesMax } from "../../../src/wire/limits.ts";
import { samples } from "../../golden/samples.ts";
import { expectViolated } from "../../wire/expect-violated.ts";
import { decodePatched } from "../../wire/patched.ts";

const codec = messageCodec();

function there(fact: Fact): Fact | undefined {
  const event: Message = {
    kind: "event",
    sequence: 1n,
    monotonicNs: 2n,
    realtimeNs: 3n,
    process: "p_7k3x9q2m",
    fact,
  };
  const message = codec.decode(codec.encode(1, event).subarray(4))?.message;
  return message?.kind === "event" ? message.fact : undefined;
}

test("numbers that the schema allows and the protocol does not are refused", () => {
  const tooLarge = 2n ** 53n;
  const patches: [string, string, number | bigint][] = [
    ["event-not-started", "NotStarted.phase", 10],
    ["event-exited", "Exited.cause", 10],
    ["event-exited", "Exited.stdout_length", tooLarge],
    ["event-exited", "Exited.stderr_length", tooLarge],
    ["event-exited", "ResourceUse.user_us", tooLarge],
    ["event-exited", "ResourceUse.max_rss_kib", 2n ** 64n - 1n],
    ["event-stream-ended", "StreamEnded.stream", 3],
    ["event-stream-ended", "StreamEnded.length", tooLarge],
    ["event-stopping", "Stopping.cause", 255],
    ["event-signaled", "Signaled.signal", 0],
    ["event-signaled", "Signaled.signal", 65],
  ];
  for (const [sample, field, value] of patches) {
    expectViolated(() => decodePatched({ sample, field, role: "scalar", value }));
  }
});

test("the id of a process in an event is checked too", () => {
  const patch = { sample: "event-killing", field: "Event.process", role: "length" } as const;
  const envelope = samples.get("event-killing");
  expect(envelope).toBeDefined();
  // One byte less: what follows is not a zero any more.
  expectViolated(() => decodePatched({ ...patch, value: 9 }));
});

test("the report of a failed start fits, however long the path was", () => {
  const path = new Uint8Array(200_000).fill(0x61);
  const fact: Fact = { kind: "not-started", phase: "exec", errno: 36, path, interpreter: false };
  expect(there(fact)).toEqual({ ...fact, path: path.subarray(0, pathBytesMax) });
});

test("the report of an end fits, however many were left and whatever they are called", () => {
  const sample = samples.get("event-exited")?.message;
  if (sample?.kind !== "event" || sample.fact.kind !== "exited") throw new Error("No sample");
  const survivors = Array.from({ length: 300 }, (_, pid) => ({
    pid,
    command: new Uint8Array(5_000).fill(0xff),
  }));
  const decoded = there({ ...sample.fact, survivors });
  if (decoded?.kind !== "exited") throw new Error("Not an end");
  expect(decoded.survivors).toHaveLength(listEntriesMax);
  expect(decoded.survivors.at(-1)?.command).toHaveLength(pathBytesMax);
});

test("the reason of an unknown end is cut to what fits", () => {
  const why = "x".repeat(10_000);
  const fact: Fact = { kind: "unknown", why, fromNs: 1n, toNs: 2n };
  expect(there(fact)).toEqual({ ...fact, why: why.slice(0, textBytesMax) });
});
