// Who must wait, and who must go, when all places for handshakes or for strangers are taken.

import { describe, expect, test } from "bun:test";

import {
  handshakesMax,
  handshakeSparedMs,
  handshakesPerSourceMax,
  handshakesPerTrustedMax,
  strangersMax,
} from "../../src/transport/limits.ts";
import { Door, go } from "../support/door.ts";

const alice = "192.0.2.1";
const bob = "192.0.2.2";
/** Different ones, as many as you like. */
const stranger = (index: number): string =>
  `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** As many of each as may run side by side, until all 64 places are taken. */
function crowded(): Door {
  const door = new Door();
  for (let index = 0; index < handshakesMax / handshakesPerSourceMax; index += 1) {
    door.openMany(stranger(index), handshakesPerSourceMax);
  }
  expect(door.admission.counts).toMatchObject({ strangers: handshakesMax, waiting: 0 });
  return door;
}

describe("when 64 handshakes are under way", () => {
  test("somebody from elsewhere takes the place of the oldest of those with the most", () => {
    const door = crowded();
    door.pass(handshakeSparedMs);
    const next = door.open(alice);
    expect(next.verdicts).toEqual([{ kind: "evict", id: 1 }, ...go(next.id)]);
    const again = door.open(alice);
    expect(again.verdicts).toEqual([{ kind: "evict", id: 9 }, ...go(again.id)]);
  });

  test("those that have just begun are spared, but not from somebody who was here before", () => {
    const door = crowded();
    const early = door.open(bob);
    expect(early.verdicts).toEqual([]);
    door.closed(early.id);
    door.closed(1);
    const session = door.open(alice);
    door.authenticated(session.id);
    door.openMany(stranger(0), 1);
    const next = door.open(alice);
    expect(next.verdicts).toEqual([{ kind: "evict", id: 2 }, ...go(next.id)]);
    // Whoever waits longest goes next; but room that was made for somebody is his.
    const late = door.open(bob);
    expect(late.verdicts).toEqual([]);
    door.pass(handshakeSparedMs);
    const last = door.open(bob);
    expect(last.verdicts).toEqual([{ kind: "evict", id: expect.any(Number) }, ...go(last.id)]);
    expect(door.closed(last.id)).toEqual(go(late.id));
  });

  test("one more of those that have the most waits, and takes nobody's place", () => {
    const door = new Door();
    expect(door.openMany("127.0.0.1", 200)).toHaveLength(handshakesPerTrustedMax);
    door.openMany("127.0.0.2", strangersMax - 200);
    expect(door.admission.counts).toMatchObject({
      strangers: strangersMax,
      waiting: strangersMax - handshakesMax,
    });
  });

  test("a crowd of honest ones gets in to the last, in the order of arrival", () => {
    const door = new Door();
    const begun = door.openMany("127.0.0.1", 200).map(({ id }) => id);
    for (const id of begun) begun.push(...door.authenticated(id).map((verdict) => verdict.id));
    expect(begun).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(door.admission.counts.strangers).toBe(0);
  });

  test("whoever has to wait anyway takes nobody's place", () => {
    const door = crowded();
    door.pass(handshakeSparedMs);
    door.failed(door.open(alice).id);
    door.open(stranger(100));
    const before = door.admission.counts;
    expect(before.strangers - before.waiting).toBe(handshakesMax);
    expect(door.open(alice).verdicts).toEqual([]);
    expect(door.admission.counts).toMatchObject({
      strangers: before.strangers + 1,
      waiting: before.waiting + 1,
    });
  });

  test("and each is another's, the oldest goes, one that is trusted last", () => {
    const door = new Door();
    door.open("::1");
    for (let index = 1; index < handshakesMax; index += 1) door.open(stranger(index));
    door.pass(handshakeSparedMs);
    const next = door.open(alice);
    expect(next.verdicts).toEqual([{ kind: "evict", id: 2 }, ...go(next.id)]);
    const again = door.open(bob);
    expect(again.verdicts).toEqual([{ kind: "evict", id: 3 }, ...go(again.id)]);
  });

  test("sessions do not count: they are nobody's strangers", () => {
    const door = new Door();
    for (let index = 0; index < 300; index += 1) door.authenticated(door.open(bob).id);
    expect(door.openMany(alice, strangersMax).some(({ kind }) => kind === "evict")).toBe(false);
  });
});

describe(`when there are ${strangersMax} strangers, those that wait included`, () => {
  test("the source with the most loses its oldest, so that a flood keeps nobody out", () => {
    const door = new Door();
    const honest = door.open(bob);
    door.openMany(alice, strangersMax - 1);
    expect(door.admission.counts.strangers).toBe(strangersMax);
    const next = door.open("192.0.2.3");
    // Its place among the eight goes to the next of the same source.
    expect(next.verdicts).toEqual([{ kind: "evict", id: 2 }, ...go(10), ...go(next.id)]);
    for (let index = 0; index < 1_000; index += 1) {
      const { verdicts } = door.open(alice);
      expect(verdicts).not.toContainEqual({ kind: "evict", id: honest.id });
    }
    expect(door.admission.counts.strangers).toBe(strangersMax);
    expect(door.authenticated(honest.id)).toEqual([]);
    expect(door.authenticated(next.id)).toEqual([]);
  });

  test("the newcomer counts with its source: it takes no place from one with as many", () => {
    const door = new Door();
    door.openMany(alice, strangersMax / 2);
    door.openMany(bob, strangersMax / 2);
    expect(door.open(bob).verdicts[0]).toEqual({ kind: "evict", id: strangersMax / 2 + 1 });
  });
});
