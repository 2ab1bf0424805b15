// From the words of the command line to the command that they name. Each command is loaded only when it is called, so that
// nobody pays for another's start.

import packageJson from "../../package.json" with { type: "json" };
import { CtlError } from "../base/errors.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import { SystemClock } from "../os/clock.ts";
import { compileEagerly } from "../os/compiler.ts";
import { openStandardOutput } from "../os/standard-output.ts";
import type { App, Command } from "./app.ts";
import { readArguments } from "./argv.ts";
import { Console } from "./console.ts";
import { quietDown } from "./quiet-runtime.ts";

/** Every command there is. */
const commands: Record<string, () => Promise<Command>> = {
  exec: async () => (await import("./commands/exec.ts")).exec,
  ping: async () => (await import("./commands/ping.ts")).ping,
  daemon: async () => (await import("./commands/daemon.ts")).daemon,
  init: async () => (await import("./commands/init.ts")).init,
  key: async () => (await import("./commands/key.ts")).key,
  pack: async () => (await import("./commands/pack.ts")).pack,
  rekey: async () => (await import("./commands/rekey.ts")).rekey,
  revoke: async () => (await import("./commands/revoke.ts")).revoke,
  version: async () => (await import("./commands/version.ts")).version,
  help: async () => (await import("./commands/help.ts")).help,
};

const exitUsage = 2;
const exitExecUsage = 125;
const exitUnwritten = 255;
const exitReaderGone = 141;

/** A command that still runs then has work that is worth compiling. */
const shortCommandMs = 200;

export async function main(): Promise<number> {
  const [first, ...words] = readArguments();
  const isDaemon = first !== undefined && Buffer.from(first).toString() === "daemon";
  if (isDaemon) quietDown();
  const app = appOf();
  if (isDaemon) compileEagerly();
  else app.clock.after(shortCommandMs, compileEagerly);
  const code = await run(app, first, words);
  await app.console.idle();
  return withOwnOutput(app, code);
}

async function run(
  app: App,
  first: Uint8Array | undefined,
  words: readonly Uint8Array[],
): Promise<number> {
  const name = first ? (decodeUtf8(first) ?? "") : "help";
  const known = aliases[name] ?? name;
  const load = Object.hasOwn(commands, known) ? commands[known] : undefined;
  try {
    if (!load) throw await unknown(name);
    const command = await load();
    const code = await command(app, words);
    return first ? code : exitUsage;
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    const { errorText } = await import("./failure-text.ts");
    app.console.say(errorText(error));
    return known === "exec" ? exitExecUsage : exitUsage;
  }
}

async function unknown(name: string): Promise<CtlError> {
  const { unknownCommand } = await import("./help/topics.ts");
  return unknownCommand(name);
}

const aliases: Record<string, string> = {
  "--help": "help",
  "-h": "help",
  "--version": "version",
  "-V": "version",
};

/** Nothing that ctl was asked to print may vanish in silence. */
function withOwnOutput(app: App, code: number): number {
  const errno = app.console.stdout.errno;
  if (errno === null || code > exitReaderGone) return code;
  return errno === "EPIPE" ? Math.max(code, exitReaderGone) : exitUnwritten;
}

function appOf(): App {
  const stdout = openStandardOutput(1);
  const stderr = openStandardOutput(2);
  return {
    console: new Console(stdout, stderr),
    clock: new SystemClock(),
    env: process.env,
    software: packageJson.version,
    onSignals: (signals, callback) => {
      for (const signal of signals) process.on(signal, callback);
      return () => {
        for (const signal of signals) process.off(signal, callback);
      };
    },
  };
}
