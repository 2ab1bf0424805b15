// Hundreds of silent strangers and hundreds that say a byte each second, at the door of the compiled ctl, who come back when they are
// closed: bun scripts/soak/slow-strangers.ts [--seconds N] [--count N]. A first, shorter round warms the daemon up. Prints one line
// of JSON per round, and fails when the second one cost memory or descriptors, or made the operator wait.

import { parseArgs } from "node:util";

import { mib } from "../../test/e2e/support/resources.ts";
import { openSandbox } from "../../test/e2e/support/sandbox.ts";
import { openRange, type Range } from "../../test/e2e/support/stranger-range.ts";
import { slowStrangers } from "../../test/e2e/support/stranger-slowness.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string" }, count: { type: "string" } },
});
const ms = Number(values.seconds ?? 120) * 1_000;
const count = Number(values.count ?? 500);

const warmUpShare = 0.25;
const growthBytesMax = 5 * mib;
const slowerMax = 2;

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Whether everything held. */
async function round(range: Range, name: string, roundMs: number): Promise<boolean> {
  const options = { silent: count, dripping: count, ms: roundMs };
  const seen = await slowStrangers(range, options);
  const slower = seen.busyP99Ms / seen.idleP99Ms;
  const holds = seen.isClosed && seen.growthBytes < growthBytesMax && slower < slowerMax;
  const { connections, answers, isClosed } = seen;
  console.log(
    JSON.stringify({
      round: name,
      holds,
      seconds: roundMs / 1_000,
      strangers: 2 * count,
      connections,
      answers,
      growthMib: rounded(seen.growthBytes / mib),
      idleP99Ms: rounded(seen.idleP99Ms),
      busyP99Ms: rounded(seen.busyP99Ms),
      slower: rounded(slower),
      slowestMs: rounded(seen.slowestMs),
      isClosed,
    }),
  );
  return holds;
}

await using box = await openSandbox();
await using daemon = await box.startDaemon();
const range = await openRange(box, daemon);
await round(range, "warm-up", ms * warmUpShare);
const holds = await round(range, "measured", ms);
process.exitCode = holds ? 0 : 1;
