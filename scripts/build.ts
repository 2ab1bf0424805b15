// Builds the one executable: dist/ctl for this machine, dist/ctl-linux-CPU with --target. The same sources give the same bytes in
// any directory. A build is finished elsewhere and renamed, so that a ctl that runs or is being copied is never half written.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { fetchRuntime, hostTarget, isTarget, type Target, targets } from "./runtime.ts";

export const root = dirname(import.meta.dir);
export const executable = join(root, "dist", "ctl");

export interface BuildOptions {
  /** The directory with package.json and the entry. */
  root?: string;
  /** Relative to `root`. */
  entry?: string;
  /** Absolute. */
  output?: string;
  target?: Target;
}

export interface Built {
  path: string;
  bytes: number;
  sha256: string;
}

/** Always builds. */
export async function build(options: BuildOptions = {}): Promise<Built> {
  const from = options.root ?? root;
  const output = options.output ?? join(from, "dist", "ctl");
  const target = options.target ?? hostTarget();
  const runtime = await fetchRuntime(target, root);
  mkdirSync(dirname(output), { recursive: true });
  const workshop = mkdtempSync(join(dirname(output), ".build-"));
  try {
    // The base name of the output is embedded: always "ctl", or the hash would depend on it.
    const finished = join(workshop, "ctl");
    await compile({ from, entry: options.entry ?? "src/main.ts", finished, runtime, target });
    const bytes = statSync(finished).size;
    const sha256 = createHash("sha256")
      .update(await Bun.file(finished).bytes())
      .digest("hex");
    renameSync(finished, output);
    return { path: output, bytes, sha256 };
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** Builds dist/ctl only when something that goes into it has changed; the path of it. For the gate and the tests. */
export async function ensureBuilt(): Promise<string> {
  const stampFile = join(root, "dist", ".ctl.stamp");
  const stamp = await inputsHash();
  const isCurrent = existsSync(executable) && (await textOf(stampFile)) === stamp;
  if (!isCurrent) {
    await build();
    await Bun.write(stampFile, stamp);
  }
  return executable;
}

interface Compilation {
  from: string;
  entry: string;
  finished: string;
  runtime: string;
  target: Target;
}

async function compile(job: Compilation): Promise<void> {
  const command = [
    process.execPath,
    "build",
    job.entry,
    "--compile",
    // Both: without the first, process.arch would be replaced by the name of the CPU that we build on.
    `--target=bun-${job.target}`,
    `--compile-executable-path=${job.runtime}`,
    "--minify",
    // Goes into the executable itself, compressed, and costs nothing until an error is printed.
    "--sourcemap=linked",
    // Half the start-up time; needs --format=esm for await at the top level.
    "--bytecode",
    "--format=esm",
    // A command loads its own code only: what is in one piece is taken apart whole at every start.
    "--splitting",
    // Most functions of a short command run once or twice and are not worth a compiler's time; see src/os/compiler.ts.
    "--compile-jit-policy=1000",
    // Or a .env or bunfig.toml in the directory where ctl is started would choose code to run.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--no-compile-autoload-tsconfig",
    "--no-compile-autoload-package-json",
    // Makes BUN_OPTIONS=--preload and BUN_INSPECT an error instead of a way in.
    "--compile-exec-argv=--disallow-code-generation-from-strings=strict",
    "--outfile",
    job.finished,
  ];
  // A clean environment: BUN_OPTIONS, NODE_ENV and the like would change the outcome.
  const child = Bun.spawn(command, {
    cwd: job.from,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0 || !existsSync(job.finished)) {
    throw new Error(`Cannot compile ${job.entry}\n${stdout}${stderr}`);
  }
}

/** Of everything that goes into the executable. */
async function inputsHash(): Promise<string> {
  const hash = createHash("sha256").update(Bun.version);
  const paths = ["package.json", "package-lock.json", "tsconfig.json"];
  for (const pattern of ["src/**/*", "scripts/build.ts", "scripts/runtime.ts"]) {
    for await (const path of new Bun.Glob(pattern).scan(root)) paths.push(path);
  }
  for (const path of paths.toSorted()) {
    hash.update(`\0${path}\0`).update(await Bun.file(join(root, path)).bytes());
  }
  return hash.digest("hex");
}

async function textOf(path: string): Promise<string | null> {
  return existsSync(path) ? await Bun.file(path).text() : null;
}

function targetIn(args: readonly string[]): Target | null {
  const [option, value, ...rest] = args.flatMap((arg) => arg.split("=", 2));
  if (option === undefined) return null;
  if (option !== "--target" || rest.length > 0) {
    throw new Error(`Unknown argument "${rest[0] ?? option}": only --target CPU is taken`);
  }
  if (!isTarget(value)) {
    throw new Error(`Unknown target "${value ?? ""}": ${targets.join(" or ")}`);
  }
  return value;
}

async function main(): Promise<void> {
  const target = targetIn(Bun.argv.slice(2));
  const built = await build(target === null ? {} : { target, output: `${executable}-${target}` });
  if (target === null) await Bun.write(join(root, "dist", ".ctl.stamp"), await inputsHash());
  const mebibytes = (built.bytes / 1024 ** 2).toFixed(1);
  console.log(`${relative(process.cwd(), built.path)}  ${mebibytes} MiB  sha256 ${built.sha256}`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`ctl: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
