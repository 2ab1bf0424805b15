// What a running process holds, read from /proc: its memory at the highest, its descriptors, its children that nobody has reaped.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";

export const mib = 1024 * 1024;

/** The most memory that was resident since the process began, or since `forgetPeak`. Null when it has ended. */
export function peakBytes(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** From now on the peak is that of the time to come. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Watches a process until `stop`, which tells its peak even when it has ended meanwhile. */
export function watchPeak(pid: number): { stop(): number } {
  let peak = 0;
  const look = (): void => void (peak = Math.max(peak, peakBytes(pid) ?? 0));
  const timer = setInterval(look, 20);
  return {
    stop: () => {
      look();
      clearInterval(timer);
      return peak;
    },
  };
}

/** What the descriptors of a process lead to, without the numbers that tell two of a kind apart. */
export function descriptorKinds(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .flatMap((fd) => targetOf(`${directory}/${fd}`) ?? [])
    .map((target) => target.replace(/:\[\d+\]$/, ""))
    .toSorted();
}

function targetOf(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    // Closed since it was listed.
    return null;
  }
}

/** Children that have ended and wait for `parent` to ask how. */
export function zombieCount(parent: number): number {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isZombieOf(name, parent))
    .length;
}

function isZombieOf(pid: string, parent: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith(`Z ${parent} `);
  } catch {
    return false;
  }
}

/** Bytes that a process has written so far, to wherever. */
export function writtenBytes(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0);
}

/** Context switches of each thread so far, voluntary or not, by thread id. */
export function switchesByThread(pid: number): Map<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`);
  return new Map(
    threads.map((thread) => {
      const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
      const counts = [...text.matchAll(/ctxt_switches:\s+(\d+)/g)].map(([, count]) =>
        Number(count),
      );
      return [thread, counts.reduce((sum, count) => sum + count, 0)];
    }),
  );
}

/** Those that came between two looks. A thread that ended has run for that at least once. */
export function switchesBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): number {
  let total = 0;
  for (const [thread, count] of after) total += count - (before.get(thread) ?? 0);
  for (const thread of before.keys()) if (!after.has(thread)) total += 1;
  return total;
}
