// Thousands of each kind of stranger at the door of one compiled daemon: bun scripts/soak/strangers.ts [--attempts N] [--minutes N].
// Half as many of each kind come before, until the daemon's heap has the size of one that is besieged. Prints one line per kind, and
// fails when one stranger got further than he may, was not written down, cost memory or descriptors, or kept the operator out.
// Stops between two kinds when the time is over, and says so.

import { parseArgs } from "node:util";

import { residentBytes } from "../../test/e2e/support/processes.ts";
import { descriptorKinds, mib } from "../../test/e2e/support/resources.ts";
import { openSandbox } from "../../test/e2e/support/sandbox.ts";
import {
  besiege,
  besiegeAsObserver,
  openRange,
  type Range,
  type Siege,
} from "../../test/e2e/support/stranger-range.ts";
import { faultOf, strangerKinds } from "../../test/e2e/support/strangers.ts";
import { until } from "../../test/support/until.ts";

const { values } = parseArgs({
  options: { attempts: { type: "string" }, minutes: { type: "string" } },
});
const attempts = Number(values.attempts ?? 10_000);
const endMs = performance.now() + Number(values.minutes ?? 30) * 60_000;

const warmUpShare = 0.5;
const firstGrowthBytesMax = 128 * mib;
/** Of one kind. */
const growthBytesMax = 5 * mib;

const inMib = (bytes: number): string => (bytes / mib).toFixed(1);

interface Wanted {
  refused: number;
  requestsRefused: number;
  codes: string;
}

/** What is wrong with it, in words; empty when nothing is. */
function faultsOf({ done, books, pings, isMarked }: Siege, wanted: Wanted): string[] {
  const { requestsRefused, requestsSuppressed } = books;
  const isRefusedAsWanted =
    requestsRefused > 0 === wanted.requestsRefused > 0 &&
    requestsRefused + requestsSuppressed >= wanted.requestsRefused;
  const checks: [boolean, string][] = [
    [done.count === attempts && done.wrong === 0, `${done.wrong} words for strangers`],
    [books.refused === wanted.refused, `${books.refused} in the audit log`],
    [books.told === wanted.refused, `${books.told} on stderr`],
    [isRefusedAsWanted, `${books.requestsRefused} refusals of ${wanted.requestsRefused}`],
    [books.codes.join(",") === wanted.codes, `refused for "${books.codes.join(",")}"`],
    [books.beyond.length === 0, `beyond the door: ${books.beyond[0]}`],
    [!isMarked, "a stranger's command ran"],
    [pings.length > 0 && pings.every((code) => code === 0), "the operator was kept out"],
  ];
  return checks.flatMap(([holds, text]) => (holds ? [] : [text]));
}

/** Whether everything held. */
async function measured(
  range: Range,
  name: string,
  { siege, wanted }: { siege: () => Promise<Siege>; wanted: Wanted },
): Promise<boolean> {
  const { daemon, box } = range;
  const before = { fds: descriptorKinds(daemon.pid).length, bytes: residentBytes(daemon.pid) };
  const seen = await siege();
  const growth = residentBytes(daemon.pid) - before.bytes;
  const faults = faultsOf(seen, wanted);
  if (growth >= growthBytesMax) faults.push(`grew by ${inMib(growth)} MiB`);
  const served = await box.ctl(["exec", daemon.address, "echo", "served"]);
  if (served.text !== "served\n") faults.push("the operator was not served afterwards");
  // A launcher that is kept ready goes by itself.
  await until(() => descriptorKinds(daemon.pid).length <= before.fds, { timeoutMs: 20_000 }).catch(
    () => faults.push(`${descriptorKinds(daemon.pid).length - before.fds} descriptors more`),
  );
  range.books();
  const row = [
    name.padEnd(28),
    `${attempts}`.padStart(7),
    `${(attempts / (seen.done.ms / 1_000)).toFixed(0)}/s`.padStart(8),
    `${inMib(growth)} MiB`.padStart(10),
    `${seen.pings.length} pings`.padStart(10),
    faults.length === 0 ? "holds" : `FAILS: ${faults.join("; ")}`,
  ];
  console.log(row.join("  "));
  return faults.length === 0;
}

/** How much the daemon grew. */
async function warmedUp(range: Range): Promise<number> {
  const before = residentBytes(range.daemon.pid);
  const count = Math.ceil(attempts * warmUpShare);
  for (const kind of strangerKinds) await besiege(range, kind, count);
  await besiegeAsObserver(range, count);
  range.books();
  return residentBytes(range.daemon.pid) - before;
}

/** Whether everything held. */
async function all(range: Range): Promise<boolean> {
  const observer = {
    siege: () => besiegeAsObserver(range, attempts),
    wanted: { refused: 0, requestsRefused: attempts, codes: "" },
  };
  const growth = await warmedUp(range);
  console.log(`before, with half as many: grew by ${inMib(growth)} MiB`);
  let holds = growth < firstGrowthBytesMax;
  for (const kind of strangerKinds) {
    if (performance.now() > endMs) {
      console.log(`${kind}: NOT TRIED: the time is over`);
      return false;
    }
    const wanted = { refused: attempts, requestsRefused: 0, codes: faultOf[kind] };
    const siege = (): Promise<Siege> => besiege(range, kind, attempts);
    holds = (await measured(range, kind, { siege, wanted })) && holds;
  }
  return (await measured(range, "an observer who commands", observer)) && holds;
}

await using box = await openSandbox();
await using daemon = await box.startDaemon();
const range = await openRange(box, daemon);
const atFirst = residentBytes(daemon.pid);
const holds = await all(range);
console.log(
  `resident: ${inMib(atFirst)} MiB at first, ${inMib(residentBytes(daemon.pid))} at the end`,
);
process.exitCode = holds ? 0 : 1;
