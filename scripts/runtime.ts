// The Bun executable that a build is compiled onto: the installed one for this CPU, else the one that package-lock.json pins for the
// other, fetched from the npm registry once, checked against the pinned digest, and kept under node_modules/.cache.

import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

export const targets = ["linux-x64", "linux-arm64"] as const;
export type Target = (typeof targets)[number];

const packages: Record<Target, string> = {
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
};

interface Lockfile {
  packages: Record<string, { version?: string; integrity?: string }>;
}

export const isTarget = (text: unknown): text is Target =>
  targets.some((target) => target === text);

export function hostTarget(): Target {
  return process.arch === "arm64" ? "linux-arm64" : "linux-x64";
}

/** Path of the executable for `target`. */
export async function fetchRuntime(target: Target, root: string): Promise<string> {
  if (target === hostTarget()) return process.execPath;
  const name = packages[target];
  const { version, integrity } = await pinned(name, root);
  const cache = join(root, "node_modules", ".cache", "runtime");
  const kept = join(cache, `bun-${target}-${version}`);
  if (existsSync(kept)) return kept;

  mkdirSync(cache, { recursive: true });
  const workshop = mkdtempSync(join(cache, ".fetch-"));
  try {
    const bytes = await download(`${name}@${version}`, workshop);
    const digest = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    if (digest !== integrity) {
      throw new Error(`The download of ${name}@${version} is not what package-lock.json pins`);
    }
    const unpacked = join(workshop, "bun");
    await Bun.write(unpacked, await executableIn(bytes));
    chmodSync(unpacked, 0o755);
    renameSync(unpacked, kept);
    return kept;
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

async function pinned(name: string, root: string): Promise<{ version: string; integrity: string }> {
  const lockfile: Lockfile = await Bun.file(join(root, "package-lock.json")).json();
  const { version, integrity } = lockfile.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined) {
    throw new Error(`package-lock.json does not pin ${name}`);
  }
  return { version, integrity };
}

/** By npm, which knows the user's registry and proxy. */
async function download(specification: string, directory: string): Promise<Uint8Array> {
  const command = ["npm", "pack", specification, "--silent", "--pack-destination", directory];
  const child = Bun.spawn(command, {
    cwd: directory,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) {
    throw new Error(`Cannot download ${specification} with npm\n${stderr.trim()}`);
  }
  const fileName = stdout.trim().split("\n").at(-1) ?? "";
  return await Bun.file(join(directory, fileName)).bytes();
}

async function executableIn(tarball: Uint8Array): Promise<File> {
  const files = await new Bun.Archive(tarball).files("package/bin/bun");
  const file = files.get("package/bin/bun");
  if (!file) throw new Error("The downloaded package has no bin/bun");
  return file;
}
