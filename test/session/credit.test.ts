import { describe, expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { ReceiveWindow, SendWindow } from "../../src/session/credit.ts";
import { outputChunkBytesMax, windowBytes } from "../../src/wire/limits.ts";

const bytes = (length: number, first = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) & 255);

function takeAll(window: SendWindow): { offset: number; length: number; gap: boolean }[] {
  const taken = [];
  for (let piece = window.take(); piece; piece = window.take()) {
    taken.push({ offset: piece.offset, length: piece.length, gap: piece.bytes === null });
  }
  return taken;
}

describe("the sending end of a stream", () => {
  test("sends at most one window ahead of the acknowledgement", () => {
    const window = new SendWindow();
    window.append(bytes(windowBytes + outputChunkBytesMax));
    const sent = takeAll(window).reduce((sum, piece) => sum + piece.length, 0);
    expect(sent).toBe(windowBytes);
    window.acknowledge(outputChunkBytesMax);
    expect(takeAll(window)).toEqual([
      { offset: windowBytes, length: outputChunkBytesMax, gap: false },
    ]);
  });

  test("has no room while a window is unacknowledged", () => {
    const window = new SendWindow();
    window.append(bytes(windowBytes));
    expect(window.hasRoom).toBe(false);
    takeAll(window);
    window.acknowledge(1);
    expect(window.hasRoom).toBe(true);
  });

  test("cuts what it is given into chunks", () => {
    const window = new SendWindow();
    window.append(bytes(outputChunkBytesMax + 1));
    expect(takeAll(window).map((piece) => piece.length)).toEqual([outputChunkBytesMax, 1]);
  });

  test("sends again from any offset that is not acknowledged, byte for byte", () => {
    const whole = bytes(1_000);
    for (let offset = 100; offset <= 1_000; offset += 1) {
      const window = new SendWindow();
      window.append(whole.subarray(0, 300));
      window.append(whole.subarray(300, 301));
      window.append(whole.subarray(301));
      takeAll(window);
      window.acknowledge(100);
      window.resumeAt(offset);
      const again: number[] = [];
      for (let piece = window.take(); piece; piece = window.take()) {
        expect(piece.offset).toBe(offset + again.length);
        again.push(...(piece.bytes ?? []));
      }
      expect(again).toEqual([...whole.subarray(offset)]);
    }
  });

  test("refuses credit that goes back or was never sent, and resumes outside of what it keeps", () => {
    const window = new SendWindow();
    window.append(bytes(100));
    expect(() => window.acknowledge(1)).toThrow(CtlError);
    takeAll(window);
    window.acknowledge(50);
    expect(() => window.acknowledge(49)).toThrow(CtlError);
    expect(() => window.acknowledge(101)).toThrow(CtlError);
    expect(() => window.resumeAt(49)).toThrow(CtlError);
    expect(() => window.resumeAt(101)).toThrow(CtlError);
  });

  test("tells of a part that was thrown away in its place", () => {
    const window = new SendWindow();
    window.append(bytes(10));
    window.appendGap(5);
    window.appendGap(6);
    window.append(bytes(3));
    expect(takeAll(window)).toEqual([
      { offset: 0, length: 10, gap: false },
      { offset: 10, length: 11, gap: true },
      { offset: 21, length: 3, gap: false },
    ]);
    expect(window.length).toBe(24);
  });

  test("passes a gap larger than the window without waiting for ever", () => {
    const sender = new SendWindow();
    const receiver = new ReceiveWindow();
    sender.append(bytes(10));
    sender.appendGap(10 * windowBytes);
    sender.append(bytes(20));
    for (const piece of takeAll(sender)) {
      if (piece.gap) receiver.receiveGap(piece.offset, piece.length);
      else receiver.receive(piece.offset, piece.length);
      const credit = receiver.consume(piece.length);
      if (credit !== null) sender.acknowledge(credit);
    }
    for (const piece of takeAll(sender)) receiver.receive(piece.offset, piece.length);
    expect(receiver.received).toBe(30 + 10 * windowBytes);
  });
});

describe("the receiving end of a stream", () => {
  test("refuses a lost, a doubled and an unasked-for byte", () => {
    const window = new ReceiveWindow();
    window.receive(0, 10);
    expect(() => window.receive(9, 1)).toThrow(CtlError);
    expect(() => window.receive(11, 1)).toThrow(CtlError);
    expect(() => window.receive(10, windowBytes)).toThrow(CtlError);
    window.receive(10, windowBytes - 10);
  });

  test("gives credit in portions worth a message, and only for what was written out", () => {
    const window = new ReceiveWindow();
    window.receive(0, windowBytes);
    expect(window.consume(windowBytes / 4 - 1)).toBeNull();
    expect(window.consume(1)).toBe(windowBytes / 4);
    expect(() => window.consume(windowBytes)).toThrow("Only what was received");
  });
});
