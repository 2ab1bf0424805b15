// Frames come out whole and in order however the stream was cut, and an announcement alone costs nothing.

import { expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { FrameReader } from "../../src/wire/frames.ts";
import { frameBytesMax, helloBytesMax } from "../../src/wire/limits.ts";
import { Seeded } from "./seeded.ts";

function framed(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, 4);
  return frame;
}

/** A slice of a larger buffer, as sockets deliver it: reading beside it shows. */
function slice(bytes: Uint8Array): Uint8Array {
  const pool = new Uint8Array(bytes.length + 64).fill(0x53);
  pool.set(bytes, 29);
  return pool.subarray(29, 29 + bytes.length);
}

function framesOf(
  pieces: readonly Uint8Array[],
  reader = new FrameReader(frameBytesMax),
): string[] {
  const frames: string[] = [];
  for (const piece of pieces) {
    reader.push(slice(piece), (frame) => frames.push(Buffer.from(frame).toString("hex")));
  }
  return frames;
}

const bodies = [1, 2, 3, 4, 5, 9, 1].map((length, index) =>
  new Uint8Array(length).map((_, at) => 16 * index + at + 1),
);
const stream = Buffer.concat(bodies.map(framed));
const whole = bodies.map((body) => Buffer.from(body).toString("hex"));

test("every split into three pieces gives the same frames", () => {
  for (let first = 0; first <= stream.length; first += 1) {
    for (let second = first; second <= stream.length; second += 1) {
      const pieces = [
        stream.subarray(0, first),
        stream.subarray(first, second),
        stream.subarray(second),
      ];
      expect(framesOf(pieces)).toEqual(whole);
    }
  }
});

test("a stream that arrives byte by byte, its lengths over four reads, gives the same frames", () => {
  expect(framesOf(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(whole);
});

test("large frames survive random cuts", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = new Seeded(seed);
    const sent = Array.from({ length: 12 }, () => {
      const large = random.chance(0.1) ? 600_000 : 70_000;
      return new Uint8Array(1 + random.below(large)).fill(random.uint32());
    });
    const bytes = Buffer.concat(sent.map(framed));
    const reader = new FrameReader(frameBytesMax);
    const received: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + random.below(random.pick([3, 5_000, 200_000]));
      const deliver = (frame: Uint8Array): unknown => received.push(digest(frame));
      reader.push(slice(bytes.subarray(at, end)), deliver);
      at = end;
    }
    expect({ seed, received }).toEqual({ seed, received: sent.map(digest) });
  }
});

const digest = (bytes: Uint8Array): string => `${bytes.length} ${Bun.hash(bytes)}`;

test("a frame that lies whole in a chunk is a view of it, not a copy", () => {
  const reader = new FrameReader(frameBytesMax);
  const chunk = slice(Buffer.concat([framed(Uint8Array.of(1)), framed(Uint8Array.of(2, 3))]));
  const frames: Uint8Array[] = [];
  reader.push(chunk, (frame) => frames.push(frame));
  expect(frames.map((frame) => frame.buffer === chunk.buffer)).toEqual([true, true]);
  expect(reader.heldBytes).toBe(0);
});

function refusalOf(reader: FrameReader, pieces: readonly Uint8Array[]): CtlError {
  try {
    for (const piece of pieces) reader.push(piece, () => {});
  } catch (error) {
    if (error instanceof CtlError) return error;
  }
  throw new Error("It was accepted");
}

test("a length of 4 GiB is refused as soon as it is there, and nothing was allocated for it", () => {
  const reader = new FrameReader(frameBytesMax);
  const error = refusalOf(reader, [Uint8Array.of(0xff, 0xff), Uint8Array.of(0xff, 0xff)]);
  expect(error.code).toBe("protocol-violated");
  expect(error.message).toContain("4294967295");
  expect(reader.heldBytes).toBeLessThan(16);
});

test("a length of zero is refused", () => {
  const error = refusalOf(new FrameReader(frameBytesMax), [Uint8Array.of(0, 0, 0, 0)]);
  expect(error.code).toBe("protocol-violated");
});

test("the limit itself is accepted and one byte more is not", () => {
  const reader = new FrameReader(10);
  const frames: number[] = [];
  reader.push(framed(new Uint8Array(10)), (frame) => frames.push(frame.length));
  expect(frames).toEqual([10]);
  expect(refusalOf(reader, [framed(new Uint8Array(11))]).code).toBe("protocol-violated");
});

test("the limit can be raised between two frames of one chunk, as hello does", () => {
  const reader = new FrameReader(helloBytesMax);
  const chunk = Buffer.concat([framed(new Uint8Array(100)), framed(new Uint8Array(100_000))]);
  const frames: number[] = [];
  reader.push(chunk, (frame) => {
    frames.push(frame.length);
    reader.frameBytesMax = frameBytesMax;
  });
  expect(frames).toEqual([100, 100_000]);
});

test("memory follows what has arrived, not what was announced", () => {
  const reader = new FrameReader(frameBytesMax);
  const frame = framed(new Uint8Array(frameBytesMax));
  for (let at = 0; at < frame.length - 1; at += 1_000) {
    reader.push(frame.subarray(at, Math.min(at + 1_000, frame.length - 1)), () => {});
    expect(reader.heldBytes).toBeLessThanOrEqual(2 * Math.max(at, 1_000));
    expect(reader.heldBytes).toBeLessThanOrEqual(4 + frameBytesMax);
  }
  let delivered = 0;
  reader.push(frame.subarray(-1), ({ length }) => (delivered = length));
  expect(delivered).toBe(frameBytesMax);
  expect(reader.heldBytes).toBe(0);
});
