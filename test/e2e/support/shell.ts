// Command lines as a person types them, with ctl inside a pipeline: real pipes, redirections, closed descriptors.

import { join } from "node:path";

import { root } from "../../../scripts/build.ts";
import { type Ended, type Env, start } from "./running.ts";
import type { Sandbox } from "./sandbox.ts";

export interface ShellOptions {
  /** Added to the environment of the script. */
  env?: Env;
  timeoutMs?: number;
}

/** A program of test/programs as a command line, for a node as well as for the shell. */
export function program(name: string, ...words: readonly string[]): string[] {
  return [process.execPath, join(root, "test", "programs", `${name}.ts`), ...words];
}

/** The environment of a ctl that belongs to `box`, with the ways to ctl and to the programs. */
export function environmentOf(box: Sandbox): Env {
  return {
    PATH: process.env["PATH"],
    HOME: join(box.directory, "home"),
    XDG_RUNTIME_DIR: join(box.directory, "run"),
    CTL: box.executable,
    STREAM: program("stream").join(" "),
  };
}

/** Runs `script` with bash, in the directory of `box`; $CTL is ctl, and $STREAM the program of that name. */
export async function shell(
  box: Sandbox,
  script: string,
  options: ShellOptions = {},
): Promise<Ended> {
  const { env, ...rest } = options;
  const settings = { ...rest, cwd: box.directory, env: { ...environmentOf(box), ...env } };
  return await start(["bash", "-c", script], settings).ended;
}
