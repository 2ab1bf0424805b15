// Hundreds of silent strangers and hundreds that say a byte each second, at the door of the compiled ctl, who come back when they are
// closed: bun scripts/soak/slow-strangers.ts [--seconds N] [--count N]. Prints one line of JSON, and fails when they cost memory or
// descriptors, or made the operator wait.

import { parseArgs } from "node:util";

import { mib } from "../../test/e2e/support/resources.ts";
import { openSandbox } from "../../test/e2e/support/sandbox.ts";
import { openRange } from "../../test/e2e/support/stranger-range.ts";
import { slowStrangers } from "../../test/e2e/support/stranger-slowness.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string" }, count: { type: "string" } },
});
const ms = Number(values.seconds ?? 120) * 1_000;
const count = Number(values.count ?? 500);

/** The heap of a daemon that is besieged has another size than that of an idle one; then it must stay. */
const firstGrowthMax = 48 * mib;
const laterGrowthMax = 5 * mib;
const slowerMax = 2;

const rounded = (value: number): number => Math.round(value * 100) / 100;

await using box = await openSandbox();
await using daemon = await box.startDaemon();
const range = await openRange(box, daemon);
const seen = await slowStrangers(range, { silent: count, dripping: count, ms });
const slower = seen.busyP99Ms / seen.idleP99Ms;
const isSmall = seen.firstGrowthBytes < firstGrowthMax && seen.laterGrowthBytes < laterGrowthMax;
const holds = seen.isClosed && isSmall && slower < slowerMax;
console.log(
  JSON.stringify({
    holds,
    seconds: ms / 1_000,
    strangers: 2 * count,
    connections: seen.connections,
    answers: seen.answers,
    firstGrowthMib: rounded(seen.firstGrowthBytes / mib),
    laterGrowthMib: rounded(seen.laterGrowthBytes / mib),
    idleP99Ms: rounded(seen.idleP99Ms),
    busyP99Ms: rounded(seen.busyP99Ms),
    slower: rounded(slower),
    slowestMs: rounded(seen.slowestMs),
    isClosed: seen.isClosed,
  }),
);
process.exitCode = holds ? 0 : 1;
