// A daemon reduced to its spawner, to be killed: starts one child, says who it is, and waits. Arguments: the policy, the
// grace in milliseconds, what to do once it runs ("nothing", "leave", "spare"), and the child's shell script.

import type { OrphanPolicy } from "../../src/launcher/contract.ts";
import { LauncherSpawner } from "../../src/launcher/spawner.ts";
import { SystemClock } from "../../src/os/clock.ts";
import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";

const [policy, graceMs, next, script = ""] = process.argv.slice(2);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const spawner = new LauncherSpawner({ clock: new SystemClock() });

if (next === "spare") {
  spawner.keepSpare(true);
  await until(() => descendantsOf(process.pid, 1).length === 1);
}
const child = spawner.start(
  {
    id: 1n,
    argv: ["/bin/sh", "-c", script].map(bytesOf),
    env: [bytesOf("PATH=/usr/bin:/bin")],
    directory: bytesOf("/"),
    policy: policy as OrphanPolicy,
    graceMs: Number(graceMs),
    limits: [],
    stdin: "null",
    label: "test",
  },
  (report) => {
    if (report.kind !== "started") return;
    if (next === "leave") {
      child.stdout.close();
      child.stderr.close();
      child.releaseOutput();
      child.setPolicy("keep", 0);
    }
    const { pid, launcherPid } = report;
    process.stdout.write(`${JSON.stringify({ pid, launcherPid })}\n`);
  },
);
setInterval(() => {}, 1_000_000);
