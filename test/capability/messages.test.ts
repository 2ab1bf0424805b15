// Frames of every message: kept bytes, both ways, any value; and what may be expected of the bytes' owner.

import { expect, test } from "bun:test";
import { basename } from "node:path";

import { CtlError } from "../../src/base/errors.ts";
import { type Message, messageCodec, requestKinds } from "../../src/capability/messages.ts";
import { Body } from "../../src/wire/generated/body.ts";
import { Fact } from "../../src/wire/generated/fact.ts";
import { frameBytesMax, outputChunkBytesMax } from "../../src/wire/limits.ts";
import { goldenPath, samples } from "../golden/samples.ts";
import { expectViolated } from "../wire/expect-violated.ts";
import { randomMessage } from "../wire/random-message.ts";
import { Seeded } from "../wire/seeded.ts";

const codec = messageCodec();

async function golden(name: string): Promise<Uint8Array> {
  const file = Bun.file(goldenPath(name));
  if (!(await file.exists())) throw new Error(`No golden frame "${name}": bun scripts/golden.ts`);
  return file.bytes();
}

test("every sample gives the bytes that were kept of it", async () => {
  for (const [name, { operation, message }] of samples) {
    const frame = Buffer.from(codec.encode(operation, message)).toString("hex");
    expect({ name, frame }).toEqual({
      name,
      frame: Buffer.from(await golden(name)).toString("hex"),
    });
  }
});

test("the kept bytes of every sample give its message", async () => {
  for (const [name, envelope] of samples) {
    const frame = await golden(name);
    expect(new DataView(frame.buffer, frame.byteOffset).getUint32(0, true)).toBe(frame.length - 4);
    expect(codec.decode(frame.subarray(4))).toEqual(envelope);
  }
});

test("no kept frame has lost its sample", () => {
  const kept = [...new Bun.Glob("*.frame").scanSync(`${import.meta.dir}/../golden`)];
  expect(kept.map((path) => basename(path, ".frame")).toSorted()).toEqual(
    [...samples.keys()].toSorted(),
  );
});

const namesOf = (numbers: object): string[] =>
  Object.keys(numbers).filter((name) => name !== "NONE" && !/^\d/.test(name));
const kebab = (name: string): string =>
  name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();

/** The schema gives one message a longer name than its kind, because of what flatc writes for Python. */
const kindOf = (member: string): string => (member === "StartProcess" ? "start" : kebab(member));

test("every member of the schema's unions has a kind, and a sample", () => {
  const expected = [
    ...namesOf(Body)
      .filter((name) => name !== "Event")
      .map(kindOf),
    ...namesOf(Fact).map((name) => `event-${kebab(name)}`),
  ];
  expect([...samples.keys()].toSorted()).toEqual(expected.toSorted());
});

test("any message comes back as it was, whatever lies around its frame", () => {
  for (let seed = 1; seed <= 4_000; seed += 1) {
    const random = new Seeded(seed);
    const operation = random.pick([0, 1, random.uint32(), 2 ** 32 - 1]);
    const message = randomMessage(random);
    const frame = codec.encode(operation, message);
    const pool = random.chance(0.1) ? random.bytes(frame.length + 90) : new Uint8Array(200_000);
    const before = random.below(80);
    pool.set(frame, before);
    const decoded = codec.decode(pool.subarray(before + 4, before + frame.length));
    expect({ seed, ...decoded }).toEqual({ seed, operation, message });
  }
});

test("a frame stays as it is when the next one is written", () => {
  const first = codec.encode(1, { kind: "ping", token: 1n });
  const bulk = codec.encode(1, { kind: "output", stream: "stdout", offset: 0, bytes: filled(1) });
  const copies = [first.slice(), bulk.slice()];
  codec.encode(2, { kind: "ping", token: 2n });
  codec.encode(2, { kind: "output", stream: "stderr", offset: 9, bytes: filled(2) });
  expect([first, bulk]).toEqual(copies);
});

const filled = (value: number): Uint8Array => new Uint8Array(outputChunkBytesMax).fill(value);

test("bytes of output and input are views of the frame", () => {
  for (const bytes of [Uint8Array.of(1, 2, 3), filled(4)]) {
    const output = codec.encode(1, { kind: "output", stream: "stdout", offset: 0, bytes });
    const frame = output.subarray(4);
    const message = codec.decode(frame)?.message;
    expect(message?.kind === "output" && message.bytes.buffer).toBe(frame.buffer);
  }
});

test("a message that cannot be written leaves the codec usable", () => {
  const broken: Message = { kind: "stop", graceMs: 2 ** 32 };
  expectViolated(() => codec.encode(1, broken));
  const unfinished: Message = { kind: "accepted", process: "p_00000000", stdinOffset: -1 };
  expectViolated(() => codec.encode(1, unfinished));
  const envelope = { operation: 1, message: { kind: "stop", graceMs: 7 } as const };
  expect(codec.decode(codec.encode(1, envelope.message).subarray(4))).toEqual(envelope);
});

test("an operation that is no number of 32 bits is not sent", () => {
  for (const operation of [-1, 2 ** 32, 0.5]) {
    expectViolated(() => codec.encode(operation, { kind: "release" }));
  }
});

test("a malformed frame is a violation that says what is wrong with it", () => {
  expect(expectViolated(() => codec.decode(new Uint8Array(3)))).toContain("shorter than a header");
});

test("a message of a newer version is skipped", () => {
  const frame = codec.encode(1, { kind: "release" }).subarray(4);
  const type = frame.indexOf(Body.Release, 16);
  frame[type] = 200;
  expect(codec.decode(frame)).toBeNull();
});

test("a start that does not fit into a frame is refused before it is sent", () => {
  const start = {
    kind: "start",
    key: new Uint8Array(16),
    incarnation: new Uint8Array(24),
    argv: Array.from({ length: 100_000 }, () => Uint8Array.of(0x61)),
    env: [],
    directory: new Uint8Array(),
    stdin: false,
    timeoutMs: 0,
    graceMs: 0,
    onDisconnect: "kill",
    leaseMs: 0,
    tree: "leave",
  } as const satisfies Message;
  let error: unknown = null;
  try {
    codec.encode(1, start);
  } catch (thrown) {
    error = thrown;
  }
  expect(error instanceof CtlError && error.code).toBe("usage");
  const fitting = { ...start, argv: start.argv.slice(0, 50_000) };
  const frame = codec.encode(1, fitting);
  expect(frame.length).toBeLessThan(frameBytesMax);
  expect(codec.decode(frame.subarray(4))?.message).toEqual(fitting);
});

test("requests are the kinds that open an operation", () => {
  expect([...requestKinds].toSorted()).toEqual([
    "attach",
    "probe",
    "revoke",
    "shutdown",
    "start",
    "status",
  ]);
});
