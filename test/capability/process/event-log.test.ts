import { expect, test } from "bun:test";

import type { Fact, ProcessEvent } from "../../../src/capability/process/contract.ts";
import { EventLog } from "../../../src/capability/process/event-log.ts";

const moment = { monotonicNs: 1n, realtimeNs: 2n };
const started: Fact = { kind: "started", pid: 1 };
const empty: Fact = { kind: "tree-empty" };
const killing: Fact = { kind: "killing" };

function logOf(): { log: EventLog; published: ProcessEvent[] } {
  const published: ProcessEvent[] = [];
  let sequence = 10n;
  const log = new EventLog({
    process: "p_00000000",
    nextSequence: () => (sequence += 1n),
    publish: (event) => published.push(event),
  });
  return { log, published };
}

test("events are numbered in the order in which they are told", () => {
  const { log, published } = logOf();
  log.tell(started, moment);
  log.tell(empty, moment);
  expect(published.map((event) => [event.sequence, event.fact.kind])).toEqual([
    [11n, "started"],
    [12n, "tree-empty"],
  ]);
});

test("facts behind an incomplete one wait for it, and keep the moment when they happened", () => {
  const { log, published } = logOf();
  log.tell(started, moment);
  log.hold();
  log.tell(killing, { monotonicNs: 5n, realtimeNs: 6n });
  log.tell(empty, { monotonicNs: 7n, realtimeNs: 8n });
  expect(published).toHaveLength(1);
  expect(log.isHolding).toBe(true);
  log.complete({ kind: "stuck", left: 1, pid: 2 }, { monotonicNs: 3n, realtimeNs: 4n });
  expect(log.isHolding).toBe(false);
  expect(published.map((event) => [event.fact.kind, event.monotonicNs])).toEqual([
    ["started", 1n],
    ["stuck", 3n],
    ["killing", 5n],
    ["tree-empty", 7n],
  ]);
});

test("whoever comes back gets what it has not seen, and no more", () => {
  const { log } = logOf();
  log.tell(started, moment);
  log.tell(killing, moment);
  log.tell(empty, moment);
  expect(log.after(11n).map((event) => event.fact.kind)).toEqual(["killing", "tree-empty"]);
  expect(log.after(13n)).toEqual([]);
});
