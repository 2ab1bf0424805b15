// Starts /bin/true once through the launcher and prints what was reported, one JSON object per line. Arguments: how many
// more descriptors this process may open, or "any".

import { dlopen } from "bun:ffi";

import { LauncherSpawner } from "../../src/launcher/spawner.ts";
import { SystemClock } from "../../src/os/clock.ts";
import { libc } from "../../src/os/libc.ts";

const RLIMIT_NOFILE = 7;
const [more = "any"] = process.argv.slice(2);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Opens descriptors until none is left, and closes as many as may still be opened. */
function leaveDescriptors(count: number): void {
  const { close, dup, setrlimit } = dlopen("libc.so.6", {
    close: { args: ["i32"], returns: "i32" },
    dup: { args: ["i32"], returns: "i32" },
    setrlimit: { args: ["i32", "buffer"], returns: "i32" },
  }).symbols;
  if (setrlimit(RLIMIT_NOFILE, new BigUint64Array([256n, 256n])) !== 0) {
    throw new Error("setrlimit failed");
  }
  const opened: number[] = [];
  for (let fd = dup(0); fd >= 0; fd = dup(0)) opened.push(fd);
  for (const fd of opened.slice(opened.length - count)) close(fd);
}

const spawner = new LauncherSpawner({ clock: new SystemClock() });
if (more !== "any") leaveDescriptors(Number(more));

spawner.start(
  {
    id: 1n,
    argv: [bytesOf("/bin/true")],
    env: [],
    directory: bytesOf(""),
    policy: "stop",
    graceMs: 0,
    limits: [],
    stdin: "pipe",
    label: "test",
  },
  (report) => {
    const { kind } = report;
    const failure = kind === "not-started" ? { phase: report.phase, errno: report.errno } : {};
    // Not through process.stdout, which wants a descriptor of its own.
    const line = bytesOf(`${JSON.stringify({ kind, ...failure })}\n`);
    libc().write(1, line, line.length);
    if (kind === "tree-empty" || kind === "not-started") process.exit(0);
  },
);
