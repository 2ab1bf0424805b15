// What ctl is held against, compiled anew for each run: small C programs, and the smallest executable that Bun can make.

import { join } from "node:path";

import { build } from "../build.ts";

const sources = join(import.meta.dir, "reference");
const flags = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror"];

export interface References {
  runOnce: string;
  spawnLoop: string;
  execClient: string;
  execDaemon: string;
}

export async function compileReferences(directory: string): Promise<References> {
  return {
    runOnce: await compile("run-once", directory),
    spawnLoop: await compile("spawn-loop", directory),
    execClient: await compile("exec-client", directory),
    execDaemon: await compile("exec-daemon", directory),
  };
}

/** Start and end of the runtime itself, with the flags that ctl is built with. */
export async function compileHello(directory: string): Promise<string> {
  await Bun.write(join(directory, "hello.ts"), 'console.log("hello");\n');
  const built = await build({
    root: directory,
    entry: "hello.ts",
    output: join(directory, "hello"),
  });
  return built.path;
}

async function compile(name: string, directory: string): Promise<string> {
  const path = join(directory, name);
  const child = Bun.spawn(["gcc", ...flags, "-o", path, join(sources, `${name}.c`)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error(`Cannot compile ${name}.c`);
  return path;
}
