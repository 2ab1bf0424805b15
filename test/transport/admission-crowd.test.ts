// Crowds of strangers with a seed: whatever they do, the promises of admission hold, judged by a book-keeper that knows only
// the rules and not how they are carried out.

import { expect, test } from "bun:test";

import { Admission, sourceOf, type Verdict } from "../../src/transport/admission.ts";
import {
  handshakeMsMax,
  handshakesMax,
  handshakesPerSourceMax,
  handshakesPerTrustedMax,
  handshakeTrustedMsMax,
  penaltyMsMax,
  penaltyMsMin,
  strangersMax,
  trustedMs,
} from "../../src/transport/limits.ts";
import { type Random, withSeeds } from "../support/random.ts";

const addresses =
  "127.0.0.1 ::1 10.0.0.1 10.0.0.2 ::ffff:10.0.0.2 10.0.0.3 2001:db8::1 2001:db8::2 fe80::1%a"
    .split(" ")
    .concat(Array.from({ length: 90 }, (_, index) => `172.16.0.${index}`));

type Place = "waiting" | "running" | "session" | "over";

interface Seen {
  source: string;
  place: Place;
  openedMs: number;
  startedMs: number;
  mayTakeMs: number;
}

/** What is true of a source by the rules alone. */
interface Record {
  failedMs: number;
  sessions: number;
  endedMs: number;
}

class BookKeeper {
  readonly admission = new Admission<number>();
  readonly seen = new Map<number, Seen>();
  readonly #records = new Map<string, Record>();
  now = 0;

  at(...places: Place[]): number[] {
    return [...this.seen].flatMap(([id, { place }]) => (places.includes(place) ? [id] : []));
  }

  open(address: string): void {
    const id = this.seen.size;
    const source = sourceOf(address);
    this.seen.set(id, {
      source,
      place: "waiting",
      openedMs: this.now,
      startedMs: Number.NaN,
      mayTakeMs: 0,
    });
    this.#carryOut(this.admission.opened(id, address, this.now));
  }

  authenticate(id: number): void {
    this.#get(id).place = "session";
    this.#record(id).sessions += 1;
    this.#record(id).failedMs = Number.NEGATIVE_INFINITY;
    this.#carryOut(this.admission.authenticated(id, this.now));
  }

  fail(id: number): void {
    this.#blame(id);
    this.#carryOut(this.admission.failed(id, this.now));
  }

  close(id: number): void {
    const seen = this.#get(id);
    if (seen.place === "session") {
      this.#record(id).sessions -= 1;
      this.#record(id).endedMs = this.now;
    }
    seen.place = "over";
    this.#carryOut(this.admission.closed(id, this.now));
  }

  /** The one timer of the caller rings, in the order of time. */
  pass(ms: number): void {
    const end = this.now + ms;
    let due = this.admission.nextDueMs();
    while (due !== null && due <= end) {
      expect(due).toBeGreaterThanOrEqual(this.now);
      this.now = due;
      const verdicts = this.admission.due(this.now);
      // Nobody is woken up for nothing.
      expect(verdicts).not.toBeEmpty();
      this.#carryOut(verdicts);
      due = this.admission.nextDueMs();
    }
    this.now = end;
    this.#judge();
  }

  #carryOut(verdicts: readonly Verdict<number>[]): void {
    for (const { kind, id } of verdicts) {
      const seen = this.#get(id);
      if (kind === "go") this.#begin(id, seen);
      else if (kind === "evict") {
        expect(seen.place).toBeOneOf(["waiting", "running"]);
        // Only where there is no room left.
        const isCrowd = this.at("waiting", "running").length >= strangersMax;
        expect(isCrowd || this.at("running").length === handshakesMax).toBe(true);
        seen.place = "over";
      } else {
        expect(seen).toMatchObject({ place: "running", startedMs: this.now - seen.mayTakeMs });
        this.#blame(id);
      }
    }
    this.#judge();
  }

  #begin(id: number, seen: Seen): void {
    expect(seen.place).toBe("waiting");
    seen.place = "running";
    seen.startedMs = this.now;
    seen.mayTakeMs = this.#isExempt(id) ? handshakeTrustedMsMax : handshakeMsMax;
    const waitedMs = this.now - seen.openedMs;
    // Those of a trusted source wait for a place and nothing else, and nobody else begins within the shortest penalty.
    if (this.#isExempt(id)) return;
    expect(this.now - this.#record(id).failedMs).toBeGreaterThanOrEqual(penaltyMsMin);
    const rounds = Math.ceil(strangersMax / handshakesPerSourceMax);
    expect(waitedMs).toBeLessThanOrEqual(rounds * (handshakeTrustedMsMax + penaltyMsMax));
  }

  #blame(id: number): void {
    this.#get(id).place = "over";
    if (!this.#isExempt(id)) this.#record(id).failedMs = this.now;
  }

  #isExempt(id: number): boolean {
    const { sessions, endedMs } = this.#record(id);
    return (
      this.#get(id).source.startsWith("self:") || sessions > 0 || this.now - endedMs < trustedMs
    );
  }

  /** After every step. */
  #judge(): void {
    const [waiting, running] = [this.at("waiting"), this.at("running")];
    const counts = this.admission.counts;
    // No id is lost, and none is held beyond its end.
    expect(counts).toMatchObject({
      strangers: waiting.length + running.length,
      waiting: waiting.length,
    });
    expect(counts.strangers).toBeLessThanOrEqual(strangersMax);
    expect(running.length).toBeLessThanOrEqual(handshakesMax);
    const bySource = Map.groupBy(running, (id) => this.#get(id).source);
    for (const id of waiting) {
      const most = this.#isExempt(id) ? handshakesPerTrustedMax : handshakesPerSourceMax;
      const count = bySource.get(this.#get(id).source)?.length ?? 0;
      const isFull = count >= most || running.length === handshakesMax;
      // Who behaves waits for a place among the eight, or among all, and for nothing else.
      const sinceFailure = this.now - this.#record(id).failedMs;
      expect(isFull || (!this.#isExempt(id) && sinceFailure < penaltyMsMax)).toBe(true);
    }
    // Handshakes of a source beyond the eight began while it was trusted.
    for (const ids of bySource.values()) {
      const first = ids[0] ?? -1;
      if (this.#record(first).endedMs > Number.NEGATIVE_INFINITY || this.#isExempt(first)) continue;
      expect(ids.length).toBeLessThanOrEqual(handshakesPerSourceMax);
    }
    expect(this.admission.nextDueMs() === null).toBe(counts.strangers === 0);
  }

  #record(id: number): Record {
    const { source } = this.#get(id);
    const nothing = Number.NEGATIVE_INFINITY;
    const record = this.#records.get(source) ?? {
      failedMs: nothing,
      sessions: 0,
      endedMs: nothing,
    };
    this.#records.set(source, record);
    return record;
  }

  #get(id: number): Seen {
    const seen = this.seen.get(id);
    if (!seen) throw new Error(`A verdict on ${id}, which nobody has opened`);
    return seen;
  }
}

function step(keeper: BookKeeper, random: Random, crowd: readonly string[]): void {
  const one = (...places: Place[]): number | undefined => {
    const ids = keeper.at(...places);
    return ids.length === 0 ? undefined : random.pick(ids);
  };
  const kind = random.next();
  if (kind < 0.5) keeper.open(random.pick(crowd));
  else if (kind < 0.65) keeper.pass(random.pick([0, 1, 50, 900, 5_000, 70_000, 4_000_000]));
  else if (kind < 0.8) actOn(one("running"), (id) => keeper.fail(id));
  else if (kind < 0.85) actOn(one("running"), (id) => keeper.authenticate(id));
  else actOn(one("waiting", "running", "session"), (id) => keeper.close(id));
}

function actOn(id: number | undefined, act: (id: number) => void): void {
  if (id !== undefined) act(id);
}

test("the promises hold in every crowd", async () => {
  await withSeeds({ count: 150 }, (random) => {
    const keeper = new BookKeeper();
    const crowd = random.chance(0.5) ? addresses : addresses.slice(0, random.integer(1, 9));
    const steps = random.integer(50, 400);
    for (let index = 0; index < steps; index += 1) step(keeper, random, crowd);
    // Left alone, all of them are decided and nothing is due any more.
    keeper.pass(3_600_000);
    expect(keeper.at("waiting", "running")).toEqual([]);
    expect(keeper.admission.nextDueMs()).toBeNull();
  });
});

test("one that behaves gets in within a handshake, whatever a flood from elsewhere does", async () => {
  await withSeeds({ count: 50 }, (random) => {
    const keeper = new BookKeeper();
    const flood = (count: number): void => {
      for (let index = 0; index < count; index += 1) keeper.open("10.0.0.1");
    };
    flood(random.integer(0, 300));
    const id = keeper.seen.size;
    keeper.open("10.0.0.2");
    expect(keeper.seen.get(id)?.place).toBe("running");
    for (let turn = 0; turn < random.integer(1, 9); turn += 1) {
      flood(random.integer(0, 100));
      keeper.pass(random.integer(0, 1_000));
    }
    expect(keeper.seen.get(id)?.place).toBe("running");
    keeper.authenticate(id);
    expect(keeper.at("session")).toEqual([id]);
  });
});
