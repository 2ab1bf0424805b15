// How fast a daemon answers its operator while hundreds of strangers sit at its door, compared to how fast it does without them.

import { until } from "../../support/until.ts";
import { residentBytes } from "./processes.ts";
import { descriptorKinds } from "./resources.ts";
import { crowd, doneBy, type Range } from "./stranger-range.ts";
import { greeting, percentile, roundTripsMs, Talk } from "./stranger-talk.ts";
import { otherAddresses } from "./strangers.ts";

export interface SlowOptions {
  silent: number;
  dripping: number;
  ms: number;
}

export interface Slowness {
  /** Connections that strangers made. */
  connections: number;
  /** While the daemon's heap gets the size that so many strangers need. */
  firstGrowthBytes: number;
  /** After that. */
  laterGrowthBytes: number;
  /** Of the operator's questions, with strangers about. */
  answers: number;
  slowestMs: number;
  idleP99Ms: number;
  busyP99Ms: number;
  /** Whether the daemon has as many descriptors afterwards as before. */
  isClosed: boolean;
}

/** A third: the runtime collects its garbage in its own time. */
const firstShare = 1 / 3;
const idleShare = 0.2;
const idleMsMax = 20_000;
const settleMs = 10_000;

export async function slowStrangers(range: Range, options: SlowOptions): Promise<Slowness> {
  const { daemon, door, keys } = range;
  const fds = descriptorKinds(daemon.pid).length;
  using talk = await Talk.open({ door, from: "127.0.0.1", key: keys.operator });
  talk.say(0, greeting);
  await talk.hear("hello");
  // The first ones are slower, on both sides.
  await roundTripsMs(talk, (count) => count < 100);
  const idleUntilMs = performance.now() + Math.min(idleMsMax, options.ms * idleShare);
  const idle = await roundTripsMs(talk, () => performance.now() < idleUntilMs);
  const before = residentBytes(daemon.pid);
  const run = crowd({ job: "slow", door, from: otherAddresses, ...options });
  let isOver = false;
  const over = (): void => void (isOver = true);
  void run.ended.then(over, over);
  const firstUntilMs = performance.now() + options.ms * firstShare;
  const first = await roundTripsMs(talk, () => !isOver && performance.now() < firstUntilMs);
  const between = residentBytes(daemon.pid);
  const busy = [...first, ...(await roundTripsMs(talk, () => !isOver))];
  const after = residentBytes(daemon.pid);
  const done = await doneBy(run);
  talk[Symbol.dispose]();
  const isClosed = await until(() => descriptorKinds(daemon.pid).length <= fds, {
    timeoutMs: settleMs,
  }).catch(() => false);
  return {
    connections: done.count,
    firstGrowthBytes: between - before,
    laterGrowthBytes: after - between,
    answers: busy.length,
    slowestMs: Math.max(...busy),
    idleP99Ms: percentile(idle, 99),
    busyP99Ms: percentile(busy, 99),
    isClosed,
  };
}
