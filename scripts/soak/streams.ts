// The largest streams at full size, through the compiled ctl: bun scripts/soak/streams.ts [--bytes N] [--cuts N]. Prints one line of
// JSON per stream with its memory and its speed, and fails when a byte or a bound was missed.

import { parseArgs } from "node:util";

import { mib } from "../../test/e2e/support/resources.ts";
import { type Daemon, openSandbox, type Sandbox } from "../../test/e2e/support/sandbox.ts";
import { checkedStream, growthOf, idlePeak } from "../../test/e2e/support/streaming.ts";
import { TcpProxy } from "../../test/support/tcp-proxy.ts";

const { values } = parseArgs({
  options: { bytes: { type: "string" }, cuts: { type: "string" } },
});
const bytes = Number(values.bytes ?? 2_048 * mib);
const cutsWanted = Number(values.cuts ?? 100);

const firstGrowthMax = 64 * mib;
const laterGrowthMax = 8 * mib;

interface Case {
  name: string;
  node: string;
  daemon: Daemon;
  daemonGrowthMax: number;
}

const inMib = (count: number): number => Math.round((count / mib) * 10) / 10;

/** Whether everything held. */
async function stream(
  box: Sandbox,
  { name, node, daemon, daemonGrowthMax }: Case,
): Promise<boolean> {
  const idle = await idlePeak(box, node);
  const startedMs = performance.now();
  let isRight = false;
  let ctlGrowth = 0;
  const daemonGrowth = await growthOf(daemon.pid, async () => {
    const { verdict, code, peak } = await checkedStream(box, node, bytes);
    isRight = verdict === `right ${bytes}` && code === 0;
    ctlGrowth = peak - idle;
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  const holds = isRight && ctlGrowth < firstGrowthMax && daemonGrowth < daemonGrowthMax;
  console.log(
    JSON.stringify({
      stream: name,
      holds,
      bytes,
      isRight,
      ctlGrowthMib: inMib(ctlGrowth),
      daemonGrowthMib: inMib(daemonGrowth),
      mibPerSecond: Math.round(bytes / mib / seconds),
    }),
  );
  return holds;
}

/** The same through a link that is cut all the time, by reset and by end in turn. */
async function throughCuts(box: Sandbox, daemon: Daemon): Promise<boolean> {
  const proxy = await TcpProxy.start({ port: daemon.port });
  const everyBytes = Math.max(mib, Math.floor(bytes / cutsWanted));
  const cut = (): void => {
    proxy.cutAfter(everyBytes, "down", { how: proxy.accepted % 2 === 0 ? "reset" : "end" });
  };
  let accepted = 0;
  const timer = setInterval(() => {
    if (proxy.accepted === accepted) return;
    accepted = proxy.accepted;
    cut();
  }, 5);
  try {
    const { verdict, code, stderr } = await checkedStream(box, `127.0.0.1:${proxy.port}`, bytes);
    const isRight = verdict === `right ${bytes}` && code === 0;
    const cuts = proxy.accepted - 1;
    const resumed = stderr.match(/connected again, nothing is missing/g)?.length ?? 0;
    const holds = isRight && cuts > 0 && resumed === cuts;
    console.log(JSON.stringify({ stream: "through cuts", holds, bytes, isRight, cuts, resumed }));
    return holds;
  } finally {
    clearInterval(timer);
    proxy.close();
  }
}

await using box = await openSandbox();
await using daemon = await box.startDaemon();
const local = { node: "local", daemon };
const tcp = { node: daemon.address, daemon };
const results = [
  await stream(box, { ...local, name: "local", daemonGrowthMax: laterGrowthMax }),
  await stream(box, { ...tcp, name: "over TCP", daemonGrowthMax: firstGrowthMax }),
  await stream(box, { ...tcp, name: "over TCP again", daemonGrowthMax: laterGrowthMax }),
  await throughCuts(box, daemon),
];
process.exitCode = results.every(Boolean) ? 0 : 1;
