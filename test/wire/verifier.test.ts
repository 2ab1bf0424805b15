// What the verifier lets pass can be read without leaving the frame; everything else it refuses and names.

import { expect, test } from "bun:test";

import { Builder } from "flatbuffers";

import { messageCodec } from "../../src/capability/messages.ts";
import { Body } from "../../src/wire/generated/body.ts";
import { Message as Root } from "../../src/wire/generated/message.ts";
import { Ping } from "../../src/wire/generated/ping.ts";
import { schema } from "../../src/wire/generated/tables.ts";
import { verifierDepthMax } from "../../src/wire/limits.ts";
import type { SchemaShape } from "../../src/wire/shape.ts";
import { Verifier } from "../../src/wire/verifier.ts";
import { samples } from "../golden/samples.ts";
import { frameMap, type FramePlace, type PlaceRole } from "./frame-map.ts";

const codec = messageCodec();
const frames = [...samples].map(([name, { operation, message }]) => ({
  name,
  frame: codec.encode(operation, message).subarray(4),
}));

function frameOf(name: string): Uint8Array {
  const found = frames.find((each) => each.name === name);
  if (!found) throw new Error(`No sample "${name}"`);
  return found.frame.slice();
}

function verdictOf(frame: Uint8Array): string {
  const verifier = new Verifier(schema);
  const verdict = verifier.verify(frame);
  return verdict === "refused" ? verifier.fault : verdict;
}

function write(frame: Uint8Array, { at, bytes }: FramePlace, value: number): Uint8Array {
  const changed = frame.slice();
  for (let index = 0; index < bytes; index += 1) changed[at + index] = value / 256 ** index;
  return changed;
}

/** Every sample, changed at every place of one role. */
function* changes(
  role: PlaceRole,
  values: (place: FramePlace, frame: Uint8Array) => number[],
): Generator<{ what: string; frame: Uint8Array; place: FramePlace }> {
  for (const { name, frame } of frames) {
    for (const place of frameMap(frame).filter((each) => each.role === role)) {
      for (const value of values(place, frame)) {
        const what = `${name}: ${role} of ${place.name} at ${place.at} is ${value}`;
        yield { what, frame: write(frame, place, value), place };
      }
    }
  }
}

function expectRefused(
  role: PlaceRole,
  values: (place: FramePlace, frame: Uint8Array) => number[],
): void {
  const accepted: string[] = [];
  let count = 0;
  for (const { what, frame } of changes(role, values)) {
    count += 1;
    if (new Verifier(schema).verify(frame) !== "refused") accepted.push(what);
  }
  expect(accepted).toEqual([]);
  expect(count).toBeGreaterThan(20);
}

test("every kind of message is accepted", () => {
  for (const { name, frame } of frames) {
    expect({ name, verdict: verdictOf(frame) }).toEqual({ name, verdict: "known" });
  }
});

test("an offset that leads nowhere, outside, backwards or between words is refused", () => {
  expectRefused("offset", ({ at }, frame) => [
    0,
    frame.length - at,
    frame.length - at - 3,
    0x7fff_fffc,
    0x8000_0000,
    0xffff_fffc,
    2 ** 32 - at,
  ]);
});

/** The frame with `bytes` behind it, `skipped` bytes after the next word; and where they stand. */
function appended(frame: Uint8Array, bytes: Uint8Array, skipped: number): [Uint8Array, number] {
  const at = Math.ceil(frame.length / 4) * 4 + skipped;
  const longer = new Uint8Array(at + bytes.length + 8);
  longer.set(frame);
  longer.set(bytes, at);
  return [longer, at];
}

function placeOf(frame: Uint8Array, role: PlaceRole, name: string): FramePlace {
  const found = frameMap(frame).find((place) => place.role === role && place.name === name);
  if (!found) throw new Error(`No ${role} of ${name}`);
  return found;
}

test("what an offset leads to must be aligned, even if it is in order otherwise", () => {
  const frame = frameOf("goodbye");
  const reference = placeOf(frame, "offset", "Goodbye.text");
  const text = placeOf(frame, "length", "Goodbye.text");
  const copy = frame.slice(text.at, text.at + 4 + "The daemon ends".length + 1);
  for (const skipped of [0, 1, 2, 3]) {
    const [longer, at] = appended(frame, copy, skipped);
    const verdict = verdictOf(write(longer, reference, at - reference.at));
    expect(verdict).toBe(skipped === 0 ? "known" : "Goodbye.text: offset leads outside");
  }
});

test("a vtable must stand at an even place, even if it is in order otherwise", () => {
  const frame = frameOf("goodbye");
  const back = placeOf(frame, "vtable-offset", "Goodbye");
  const vtable = placeOf(frame, "vtable-bytes", "Goodbye");
  for (const skipped of [0, 1, 2, 3]) {
    const [longer, at] = appended(frame, frame.slice(vtable.at, vtable.at + 8), skipped);
    const verdict = verdictOf(write(longer, back, 2 ** 32 + back.at - at));
    expect(verdict).toBe(skipped % 2 === 0 ? "known" : "Goodbye: vtable outside");
  }
});

test("a field that reaches beyond its table by one byte is refused", () => {
  const frame = frameOf("ping");
  const length = placeOf(frame, "table-bytes", "Ping");
  const old = frame[length.at] ?? 0;
  expect(verdictOf(write(frame, length, old - 1))).toContain("Ping.token: outside its table");
});

test("the value of a union must stand inside its table", () => {
  const frame = frameOf("event-killing");
  const entry = frameMap(frame).findLast(
    ({ role, name }) => role === "entry" && name === "Event.fact",
  );
  if (!entry) throw new Error("No fact");
  expect(verdictOf(write(frame, entry, 200))).toContain("Event.fact: outside its table");
});

test("a required union without type and value is missing", () => {
  const frame = frameOf("event-killing");
  const entries = frameMap(frame).filter(
    ({ role, name }) => role === "entry" && name === "Event.fact",
  );
  let without = frame;
  for (const entry of entries) without = write(without, entry, 0);
  expect(entries).toHaveLength(2);
  expect(verdictOf(without)).toBe("Event.fact: missing");
});

test("a vtable outside the frame is refused", () => {
  expectRefused("vtable-offset", ({ at }, frame) => [
    at + 2,
    at + 1,
    2 ** 32 - (frame.length - at),
    0x7fff_ffff,
    0x8000_0000,
  ]);
});

test("a vtable of an impossible length is refused", () => {
  expectRefused("vtable-bytes", () => [0, 2, 3, 5, 0xfffe, 0xffff]);
});

test("a table that is shorter than its own head or longer than the frame is refused", () => {
  expectRefused("table-bytes", () => [0, 3, 0xffff]);
});

test("a field on top of its table's head or beyond the table is refused", () => {
  expectRefused("entry", () => [1, 2, 3, 0xffff]);
});

test("a vector or string that is longer than the frame is refused", () => {
  expectRefused("length", ({ at }, frame) => [frame.length - at, 0x7fff_ffff, 0xffff_ffff]);
});

test("a string without its zero is refused", () => {
  expectRefused("terminator", () => [1, 0x53]);
});

test("a message without a required field is refused, and the field is named", () => {
  let count = 0;
  for (const { frame, place } of changes("entry", ({ required }) => (required ? [0] : []))) {
    count += 1;
    expect(verdictOf(frame)).toMatch(new RegExp(`^${place.name}: (missing|half there)$`));
  }
  expect(count).toBeGreaterThan(20);
});

test("a union with a type of none or without one is refused", () => {
  expectRefused("union-type", () => [0]);
});

test("a message or a fact of a newer version is unknown, not malformed", () => {
  for (const { what, frame } of changes("union-type", () => [25, 100, 255])) {
    expect({ what, verdict: verdictOf(frame) }).toEqual({ what, verdict: "unknown" });
  }
});

test("an unknown message does not excuse what is wrong beside it", () => {
  const frame = frameOf("event-started");
  const map = frameMap(frame);
  const type = map.find(({ role, name }) => role === "union-type" && name === "Event.fact");
  const process = map.find(({ role, name }) => role === "length" && name === "Event.process");
  const value = map.find(({ role, name }) => role === "offset" && name === "Started");
  if (!type || !process || !value) throw new Error("The sample has changed");
  const unknown = write(frame, type, 77);
  expect(verdictOf(unknown)).toBe("unknown");
  expect(verdictOf(write(unknown, process, 0xffff))).toContain("Event.process");
  expect(verdictOf(write(unknown, value, 0xffff))).toContain("Event.fact");
});

test("a frame that ends early is refused, or only padding was missing", () => {
  for (const { name, frame } of frames) {
    const message = codec.decode(frame);
    for (let length = 0; length < frame.length; length += 1) {
      const cut = frame.slice(0, length);
      if (new Verifier(schema).verify(cut) === "refused") continue;
      expect({ name, length, message: codec.decode(cut) }).toEqual({ name, length, message });
      expect(frame.length - length).toBeLessThan(8);
    }
  }
});

test("bytes that are no frame of ours are refused", () => {
  expect(verdictOf(new Uint8Array())).toContain("shorter than a header");
  expect(verdictOf(Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"))).toContain("foreign identifier");
  const frame = frameOf("ping");
  frame.set(Buffer.from("CTL2"), 4);
  expect(verdictOf(frame)).toContain("foreign identifier");
});

test("fields that a newer version appended are ignored", () => {
  const builder = new Builder();
  builder.startObject(9);
  builder.addFieldInt64(0, 5n, 0n);
  builder.addFieldInt32(8, 99, 0);
  const ping = builder.endObject();
  const root = Root.createMessage(builder, 0, Body.Ping, ping);
  Root.finishSizePrefixedMessageBuffer(builder, root);
  const decoded = codec.decode(builder.asUint8Array().subarray(4));
  expect(decoded?.message).toEqual({ kind: "ping", token: 5n });
});

test("a buffer that was not finished together with its length is not aligned", () => {
  const builder = new Builder();
  const root = Root.createMessage(builder, 1, Body.Ping, Ping.createPing(builder, 5n));
  Root.finishMessageBuffer(builder, root);
  expect(verdictOf(builder.asUint8Array())).toBe("Ping.token: outside its table or not aligned");
});

const chain: SchemaShape = {
  identifier: "TEST",
  root: "Link",
  tables: [
    {
      name: "Link",
      fields: [
        { kind: "table", name: "next", slot: 4, table: "Link" },
        { kind: "tables", name: "many", slot: 6, table: "Link" },
      ],
    },
  ],
};

function chainOf(length: number): Uint8Array {
  const builder = new Builder();
  let next = 0;
  for (let index = 0; index < length; index += 1) {
    builder.startObject(2);
    builder.addFieldOffset(0, next, 0);
    next = builder.endObject();
  }
  builder.finishSizePrefixed(next, "TEST");
  return builder.asUint8Array().subarray(4);
}

test("tables may be nested to the limit and no further", () => {
  expect(new Verifier(chain).verify(chainOf(verifierDepthMax))).toBe("known");
  const verifier = new Verifier(chain);
  expect(verifier.verify(chainOf(verifierDepthMax + 1))).toBe("refused");
  expect(verifier.fault).toBe("Link: nested too deeply");
});

test("a table that contains itself is refused", () => {
  const frame = chainOf(2);
  const inner = frameMap(frame, chain).findLast(({ role }) => role === "offset");
  if (!inner) throw new Error("The chain has no second link");
  // Offsets only lead forwards, so a circle needs one that is negative.
  const root = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
  expect(new Verifier(chain).verify(write(frame, inner, 2 ** 32 + root - inner.at))).toBe(
    "refused",
  );
});

test("naming one table thousands of times is refused, for work must follow from bytes", () => {
  const builder = new Builder();
  builder.startObject(2);
  const only = builder.endObject();
  builder.startVector(4, 2_000, 4);
  for (let index = 0; index < 2_000; index += 1) builder.addOffset(only);
  const many = builder.endVector();
  builder.startObject(2);
  builder.addFieldOffset(1, many, 0);
  builder.finishSizePrefixed(builder.endObject(), "TEST");
  const verifier = new Verifier(chain);
  expect(verifier.verify(builder.asUint8Array().subarray(4))).toBe("refused");
  expect(verifier.fault).toBe("Link: too many tables for its size");
});
