// A long stream through the compiled ctl, from a program that makes it to one that checks it, with real pipes, and what it costs.

import { closeSync } from "node:fs";

import { openPipe } from "../../../src/os/pipe.ts";
import { until } from "../../support/until.ts";
import { forgetPeak, peakBytes, watchPeak } from "./resources.ts";
import type { Sandbox } from "./sandbox.ts";
import { environmentOf, program } from "./shell.ts";

export interface CheckedStream {
  /** "right BYTES" when every byte arrived, once and in order. */
  verdict: string;
  /** Exit code of ctl. */
  code: number;
  stderr: string;
  /** The most memory that ctl took. */
  peak: number;
}

/** `ctl exec NODE stream make BYTES | stream check`. */
export async function checkedStream(
  box: Sandbox,
  node: string,
  bytes: number,
): Promise<CheckedStream> {
  const pipe = openPipe();
  const ctl = Bun.spawn(
    [box.executable, "exec", node, ...program("stream", "make", String(bytes))],
    { env: environmentOf(box), stdin: "ignore", stdout: pipe.writeFd, stderr: "pipe" },
  );
  const checker = Bun.spawn(program("stream", "check"), { stdin: pipe.readFd });
  closeSync(pipe.readFd);
  closeSync(pipe.writeFd);
  const watch = watchPeak(ctl.pid);
  const [verdict, stderr] = await Promise.all([
    new Response(checker.stdout).text(),
    new Response(ctl.stderr).text(),
  ]);
  const code = await ctl.exited;
  return { verdict: verdict.trim(), code, stderr, peak: watch.stop() };
}

/** The most memory that a ctl of this build takes while nothing is said. */
export async function idlePeak(box: Sandbox, node: string): Promise<number> {
  const run = box.start(["exec", node, "sh", "-c", "echo ready; exec sleep 600"]);
  await until(() => run.stdoutText() !== "");
  const peak = peakBytes(run.pid) ?? 0;
  run.signal("SIGINT");
  await run.ended;
  return peak;
}

/** How far the memory of `pid` rose above what it holds now, while `body` ran. */
export async function growthOf(pid: number, body: () => Promise<void>): Promise<number> {
  forgetPeak(pid);
  const before = peakBytes(pid) ?? 0;
  await body();
  return (peakBytes(pid) ?? 0) - before;
}
