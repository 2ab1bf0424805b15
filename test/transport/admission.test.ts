// Strangers at a listener: each rule by itself, and all of them under random crowds with a seed.

import { describe, expect, test } from "bun:test";

import { sourceOf } from "../../src/transport/admission.ts";
import {
  handshakeMsMax,
  handshakesPerSourceMax,
  handshakeTrustedMsMax,
  penalisedSourcesMax,
  penaltyDecayMs,
  penaltyMsMin,
  trustedMs,
  trustedSourcesMax,
} from "../../src/transport/limits.ts";
import { Door, go } from "../support/door.ts";

const alice = "192.0.2.1";
const bob = "192.0.2.2";
/** Different ones, as many as you like. */
const stranger = (index: number): string =>
  `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

describe("a stranger", () => {
  test("begins its handshake at once, and nothing is due when nobody is there", () => {
    const door = new Door();
    expect(door.admission.nextDueMs()).toBeNull();
    const { id, verdicts } = door.open(alice);
    expect(verdicts).toEqual(go(id));
    expect(door.admission.nextDueMs()).toBe(door.now + handshakeMsMax);
    expect(door.authenticated(id)).toEqual([]);
    expect(door.admission.nextDueMs()).toBeNull();
    expect(door.closed(id)).toEqual([]);
    expect(door.admission.counts).toEqual({ strangers: 0, waiting: 0, penalised: 0, trusted: 1 });
  });

  test("that goes by itself is forgotten without blame", () => {
    const door = new Door();
    const { id } = door.open(alice);
    door.closed(id);
    expect(door.admission.counts).toEqual({ strangers: 0, waiting: 0, penalised: 0, trusted: 0 });
    expect(door.waitOf(alice)).toBe(0);
  });

  test("has so long for handshake and hello, and its source pays when it is late", () => {
    const door = new Door();
    const { id } = door.open(alice);
    expect(door.pass(handshakeMsMax - 1)).toEqual([]);
    expect(door.pass(1)).toEqual([{ kind: "expire", id }]);
    expect(door.waitOf(alice)).toBe(penaltyMsMin);
  });

  test("that waited has as long, counted from when it may begin", () => {
    const door = new Door();
    door.fail(alice);
    const { id } = door.open(alice);
    expect(door.pass(penaltyMsMin)).toEqual(go(id));
    expect(door.pass(handshakeMsMax - 1)).toEqual([]);
    expect(door.pass(1)).toEqual([{ kind: "expire", id }]);
  });

  test("that has been told to go is over: what is said of it later changes nothing", () => {
    const door = new Door();
    const { id } = door.open(alice);
    door.pass(handshakeMsMax);
    const wait = door.waitOf(alice);
    expect(
      [door.failed(id), door.closed(id), door.authenticated(id), door.failed(99)].flat(),
    ).toEqual([]);
    expect(door.waitOf(alice)).toBe(wait);
    expect(door.admission.counts).toMatchObject({ strangers: 0, trusted: 0 });
  });

  test("opens once, and is not authenticated before its handshake", () => {
    const door = new Door();
    door.open(alice);
    expect(() => door.admission.opened(1, bob, door.now)).toThrow("opens once");
    door.authenticated(1);
    expect(() => door.admission.opened(1, bob, door.now)).toThrow("opens once");
    door.fail(bob);
    const { id } = door.open(bob);
    expect(() => door.authenticated(id)).toThrow("without a handshake");
  });
});

describe("of one source", () => {
  test("eight go, the next wait in order, each for one that ends, and others are not held up", () => {
    const door = new Door();
    expect(door.openMany(alice, 11)).toEqual(go(1, 2, 3, 4, 5, 6, 7, 8));
    expect(handshakesPerSourceMax).toBe(8);
    expect(door.admission.counts).toMatchObject({ strangers: 11, waiting: 3 });
    expect(door.open(bob).verdicts).toEqual(go(12));
    expect(door.closed(3)).toEqual(go(9));
    // One that waits leaves no place.
    expect(door.closed(10)).toEqual([]);
    expect(door.closed(9)).toEqual(go(11));
  });

  test("all that wait go as soon as one has shown who it is", () => {
    const door = new Door();
    door.openMany(alice, 12);
    expect(door.authenticated(5)).toEqual(go(9, 10, 11, 12));
  });

  test("those that wait for silent ones go when these expire, behind the penalty", () => {
    const door = new Door();
    door.openMany(alice, 10);
    expect(door.pass(handshakeMsMax).map(({ kind }) => kind)).toEqual(
      Array.from({ length: 8 }, () => "expire"),
    );
    expect(door.pass(penaltyMsMin)).toEqual(go(9, 10));
  });

  test("those that wait do not ask for a timer of their own", () => {
    const door = new Door();
    door.openMany(alice, 8);
    const due = door.admission.nextDueMs();
    door.now += 5;
    door.openMany(alice, 8);
    expect(door.admission.nextDueMs()).toBe(due);
  });
});

describe("after a failure", () => {
  test("the next waits a second, then twice as long each time, up to a minute", () => {
    const door = new Door();
    const waits = Array.from({ length: 9 }, () => {
      door.fail(alice);
      const wait = door.waitOf(alice);
      door.pass(wait);
      return wait / 1_000;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(door.waitOf(bob)).toBe(0);
  });

  test("what waits already waits for the penalty too, and a late failure makes it longer", () => {
    const door = new Door();
    const first = door.open(alice);
    const second = door.open(alice);
    door.failed(first.id);
    const third = door.open(alice);
    expect(third.verdicts).toEqual([]);
    expect(door.pass(600)).toEqual([]);
    door.failed(second.id);
    expect(door.pass(999)).toEqual([]);
    expect(door.pass(1)).toEqual(go(third.id));
  });

  test("handshakes that ran side by side count as one", () => {
    const door = new Door();
    door.openMany(alice, 8);
    for (let id = 1; id <= 8; id += 1) door.failed(id);
    expect(door.waitOf(alice)).toBe(1_000);
    door.pass(1_000);
    door.openMany(alice, 8);
    for (let id = 10; id <= 17; id += 1) door.failed(id);
    expect(door.waitOf(alice)).toBe(2_000);
  });

  test("the wait is a second at least, also when the machine slept between two that ran together", () => {
    const door = new Door();
    door.openMany(alice, 2);
    door.failed(1);
    // No timer rang meanwhile.
    door.now += 100 * penaltyDecayMs;
    door.failed(2);
    expect(door.waitOf(alice)).toBe(1_000);
  });

  test("each minute without another one, from the end of the wait, takes a doubling back", () => {
    const door = new Door();
    const failTimes = (count: number): void => {
      for (let index = 0; index < count; index += 1) {
        door.pass(door.waitOf(alice));
        door.fail(alice);
      }
    };
    failTimes(4);
    expect(door.waitOf(alice)).toBe(8_000);
    door.pass(8_000 + penaltyDecayMs - 1);
    door.fail(alice);
    expect(door.waitOf(alice)).toBe(16_000);
    door.pass(16_000 + 2 * penaltyDecayMs);
    door.fail(alice);
    expect(door.waitOf(alice)).toBe(8_000);
    failTimes(20);
    door.pass(60_000 + 6 * penaltyDecayMs);
    door.fail(alice);
    expect(door.waitOf(alice)).toBe(2_000);
    door.pass(2_000 + 100 * penaltyDecayMs);
    door.fail(alice);
    expect(door.waitOf(alice)).toBe(1_000);
  });

  test("one that had not begun costs nothing when the caller gives it up", () => {
    const door = new Door();
    door.openMany(alice, 9);
    door.failed(9);
    expect(door.admission.counts.penalised).toBe(0);
  });

  test("so many sources are remembered, and the one that failed least recently is forgotten", () => {
    const door = new Door();
    for (let index = 0; index < penalisedSourcesMax; index += 1) door.fail(stranger(index));
    // The first has failed again meanwhile, so the second is the oldest.
    door.pass(penaltyMsMin);
    door.fail(stranger(0));
    door.fail(bob);
    expect(door.admission.counts.penalised).toBe(penalisedSourcesMax);
    expect(door.waitOf(stranger(0))).toBe(2_000);
    door.now -= 1;
    expect(door.waitOf(stranger(1))).toBe(0);
    expect(door.waitOf(stranger(2))).toBe(1);
  });
});

describe("trusted is", () => {
  test.each(["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])(
    "the machine itself: %s",
    (address) => {
      const door = new Door();
      expect(door.openMany(address, 20)).toHaveLength(20);
      for (let id = 1; id <= 20; id += 1) door.failed(id);
      expect(door.waitOf(address)).toBe(0);
      expect(door.admission.counts.penalised).toBe(0);
    },
  );

  test("a source with a session, for as long as it lasts and an hour more", () => {
    const door = new Door();
    const session = door.open(alice);
    door.authenticated(session.id);
    door.pass(10 * trustedMs);
    expect(door.openMany(alice, 20)).toHaveLength(20);
    for (let id = 2; id <= 21; id += 1) door.failed(id);
    door.closed(session.id);
    door.pass(trustedMs - 1);
    door.fail(alice);
    expect(door.waitOf(alice)).toBe(0);
    door.pass(1);
    door.fail(alice);
    expect(door.waitOf(alice)).toBe(penaltyMsMin);
  });

  test("given six times as long for a handshake", () => {
    const door = new Door();
    const { id } = door.open("127.0.0.1");
    expect(door.pass(handshakeTrustedMsMax - 1)).toEqual([]);
    expect(door.pass(1)).toEqual([{ kind: "expire", id }]);
  });

  test("a source whose penalty is forgiven by its session", () => {
    const door = new Door();
    const honest = door.open(alice);
    door.fail(alice);
    const waiting = door.open(alice);
    expect(door.authenticated(honest.id)).toEqual(go(waiting.id));
    expect(door.admission.counts.penalised).toBe(0);
  });

  test("one of so many sources: those whose sessions are over are forgotten first", () => {
    const door = new Door();
    const live = door.open(bob);
    door.authenticated(live.id);
    for (let index = 0; index <= trustedSourcesMax; index += 1) {
      const { id } = door.open(stranger(index));
      door.authenticated(id);
      door.closed(id);
    }
    expect(door.admission.counts.trusted).toBe(trustedSourcesMax);
    const isTrusted = (address: string): boolean => {
      door.fail(address);
      return door.waitOf(address) === 0;
    };
    expect([bob, stranger(0), stranger(trustedSourcesMax)].map(isTrusted)).toEqual([
      true,
      false,
      true,
    ]);
  });
});

const same = (one: string, other: string): boolean => sourceOf(one) === sourceOf(other);

test("a source is an IPv4 address, or 64 bits of IPv6", () => {
  expect(same("10.1.2.3", "::ffff:10.1.2.3")).toBe(true);
  expect(same("10.1.2.3", "10.1.2.4")).toBe(false);
  expect(same("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff")).toBe(true);
  expect(same("2001:db8::1", "2001:db8:0:1::1")).toBe(false);
  expect(same("fe80::1%eth0", "fe80::2%eth1")).toBe(true);
  expect(same("127.0.0.1", "::1")).toBe(false);
  expect(same("127.0.0.1", "127.0.0.2")).toBe(false);
  expect(same("127.0.0.1", "128.0.0.1")).toBe(false);
  expect(same("::1", "::2")).toBe(false);
  expect(same("::a01:203", "10.1.2.3")).toBe(false);
  expect(same("", "not an address")).toBe(true);
});
