// Shows the main job for real, on this machine alone: builds ctl, makes a cluster's keys, starts a daemon, commands it, ends it. Every
// line behind a "$" is what ran, as one would type it. Keys and all else are in a directory that is gone at the end.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensureBuilt } from "./build.ts";

const readyMsMax = 10_000;

const executable = await ensureBuilt();
const directory = mkdtempSync(join(tmpdir(), "ctl-demo-"));
const home = join(directory, "home");
mkdirSync(home);
// Nothing of whoever runs this: he may have a cluster of his own.
const env = { PATH: process.env["PATH"], HOME: home, XDG_RUNTIME_DIR: directory };

try {
  await demo();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function demo(): Promise<void> {
  heading("This machine, nothing to set up");
  await show(["exec", "local", "uname", "-sm"]);

  heading(
    "A cluster: a key that may command, and ctl for the nodes with a key that may only answer",
  );
  await show(["init"]);

  heading("A daemon, as it would run on every node");
  const daemonWords = ["daemon", "--listen", "127.0.0.1", "--port", "0", "--state-dir", "state"];
  console.log(`$ ./ctl-node ${daemonWords.join(" ")} &`);
  const daemon = Bun.spawn([join(directory, "ctl-node"), ...daemonWords], {
    cwd: directory,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const late = setTimeout(() => daemon.kill("SIGKILL"), readyMsMax);
    const address = await addressOf(daemon.stdout);
    clearTimeout(late);

    heading("Commands on that node: output, errors and status are the command's own");
    await show(["exec", address, "--", "sh", "-c", 'echo "hello from pid $$"']);
    await show(["exec", address, "--", "sh", "-c", "echo about to fail >&2; exit 3"], 3);
    await show(["exec", address, "no-such-program"], 127);

    heading("Several nodes at once: whole lines with their names");
    await show(["exec", `${address},local`, "--", "date", "+%H:%M"]);

    heading("Who is there");
    await show(["ping", address]);
  } finally {
    console.log("\n$ kill %1");
    daemon.kill("SIGTERM");
    const code = await daemon.exited;
    console.log(`# the daemon ended with ${code}`);
    sayWhatNext();
  }
}

function heading(text: string): void {
  console.log(`\n# ${text}`);
}

/** Runs one command in the open. Where another status than 0 is the point, it is named. */
async function show(words: readonly string[], expected = 0): Promise<void> {
  console.log(`$ ctl ${words.map(typed).join(" ")}`);
  const child = Bun.spawn([executable, ...words], {
    cwd: directory,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const code = await child.exited;
  if (code !== 0 || expected !== 0) console.log(`# exit status ${code}`);
  if (code !== expected) throw new Error(`Expected exit status ${expected}`);
}

/** As a shell wants it. */
function typed(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Reads the line that says where it listens, and shows it. */
async function addressOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk);
    const address = /^ctl: listening on (\S+)$/m.exec(text)?.[1];
    if (address === undefined) continue;
    console.log(text.trimEnd());
    return address;
  }
  throw new Error(`The daemon ended without listening: ${text}`);
}

function sayWhatNext(): void {
  console.log(`
# Next, on your own (the executable is one file; copy it to any node):
    alias ctl=${executable}
    ctl help
    ctl exec local --timeout 2s sleep 10
    ctl init                             # here, once: your key, and ctl-node
    scp ctl-node NODE:ctl                # to every node
    ./ctl daemon --port 9000             # on the node
    ctl exec NODE uname -a               # here`);
}
