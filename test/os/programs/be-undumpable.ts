// Makes itself undumpable through the code under test, as a user without rights, and says what others then see of it and
// of what it starts. Stays until its input ends. argv: the uid to become, or "-" for its own.

import { dlopen } from "bun:ffi";
import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";

import { isDumpable, makeUndumpable } from "../../../src/os/process-hygiene.ts";

const PR_SET_DUMPABLE = 4;
const [uid = "-"] = process.argv.slice(2);
const { symbols } = dlopen("libc.so.6", {
  prctl: { args: ["i64", "i64", "i64", "i64", "i64"], returns: "i32" },
});

if (uid !== "-") {
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
  // A change of user has made it undumpable already; the test is to see who else does.
  symbols.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

function tryToRead(path: string): string {
  try {
    readFileSync(path);
    return "read";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

function look(): object {
  return {
    isDumpable: isDumpable(),
    owner: statSync("/proc/self/environ").uid,
    environ: tryToRead("/proc/self/environ"),
    limits: tryToRead("/proc/self/limits"),
    cmdline: tryToRead("/proc/self/cmdline"),
    hasDescriptors: readdirSync("/proc/self/fd").length > 2,
  };
}

/** By the descriptor of its file, as the daemon starts a launcher: by the name that the new process has for it. */
function startAnother(): string {
  const fd = openSync("/bin/sh", "r");
  const words = [
    "-c",
    "stat -c %u /proc/$$/environ; cat /proc/$$/environ > /dev/null && echo read",
  ];
  const { stdout } = Bun.spawnSync([`/proc/self/fd/${fd}`, ...words]);
  closeSync(fd);
  return stdout.toString();
}

const before = look();
const childBefore = startAnother();
makeUndumpable();
makeUndumpable();
const facts = {
  uid: process.getuid?.(),
  before,
  childBefore,
  after: look(),
  child: startAnother(),
};
process.stdout.write(`${JSON.stringify(facts)}\n`);
for await (const _ of Bun.stdin.stream());
