// What runs on this machine below the test, read from /proc. The test adopts every orphan of its descendants, so that nothing that
// a daemon or a launcher leaves behind can hide from `descendants`.

import { dlopen } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessInfo {
  pid: number;
  parent: number;
  /** One letter, as in ps. */
  state: string;
  /** The words with blanks between them; the name in brackets where there are none. */
  command: string;
}

const PR_SET_CHILD_SUBREAPER = 36;

/** From now on an orphan below this process gets it as its parent. */
export function adoptOrphans(): void {
  const libc = dlopen("libc.so.6", {
    prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  });
  if (libc.symbols.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) {
    throw new Error("This process could not be made the reaper of its descendants");
  }
}

/** Everything alive below `ancestor`; processes that have ended and wait to be reaped do not count. */
export function descendants(ancestor: number = process.pid): ProcessInfo[] {
  const children = Map.groupBy(everyProcess(), (entry) => entry.parent);
  const found: ProcessInfo[] = [];
  const waiting = [ancestor];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const child of children.get(next) ?? []) {
      waiting.push(child.pid);
      if (child.state !== "Z" && child.state !== "X") found.push(child);
    }
  }
  return found;
}

export function isAlive(pid: number): boolean {
  const entry = infoOf(pid);
  return entry !== null && entry.state !== "Z" && entry.state !== "X";
}

export function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

/** Context switches of all threads so far, voluntary or not. */
export function contextSwitches(pid: number): number {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    for (const [, count] of text.matchAll(/ctxt_switches:\s+(\d+)/g)) total += Number(count);
  }
  return total;
}

function everyProcess(): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => infoOf(Number(name)) ?? []);
}

/** Null when it has gone meanwhile. */
function infoOf(pid: number): ProcessInfo | null {
  try {
    // The name stands in parentheses and may hold any character, so the rest is counted from the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const command = words.length > 0 ? words.join(" ") : `[${name}]`;
    return { pid, parent: Number(parent), state, command };
  } catch {
    return null;
  }
}
