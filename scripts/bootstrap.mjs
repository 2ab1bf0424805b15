// The way in for a fresh machine: run by Node, needs nothing else. Installs what package-lock.json pins when that is missing or
// has changed, then runs the given script with the pinned Bun and passes arguments, signals and exit status on.
// Says nothing when nothing is missing. Never runs an install script of a package except Bun's own.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const programs = join(modules, ".bin");
const bun = join(programs, "bun");
/** Lives inside node_modules, so it goes when they go. */
const stampFile = join(modules, ".installed-from");
const nodeMajorMin = 18;
const nodeMajor = Number(process.versions.node.split(".")[0]);

if (nodeMajor < nodeMajorMin) {
  fail(`Node ${process.versions.node} is too old: install Node ${nodeMajorMin} or newer`);
}
if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
  fail(`${process.platform} on ${process.arch} is not supported: use Linux on x86-64 or arm64`);
}
const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail("usage: node scripts/bootstrap.mjs SCRIPT [ARG…]");

const stamp = wantedStamp();
if (!isInstalled()) install();
run();

function fail(message) {
  process.stderr.write(`ctl: ${message}\n`);
  process.exit(1);
}

/** Changes with the pinned versions and with the machine that a shared folder is used on. */
function wantedStamp() {
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  return `${process.platform}-${process.arch} ${hash.digest("hex")}\n`;
}

function isInstalled() {
  return existsSync(stampFile) && existsSync(bun) && readFileSync(stampFile, "utf8") === stamp;
}

function install() {
  process.stderr.write("ctl: installing the tools that package-lock.json pins …\n");
  npm([
    "ci",
    "--ignore-scripts",
    // The user's own configuration may leave these out; the build needs both.
    "--include=dev",
    "--include=optional",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
  ]);
  // npm was told to run no install script; this one puts the executable for this CPU where .bin/bun points to.
  const placed = quietly(process.execPath, [join(modules, "bun", "install.js")]);
  if (placed.status !== 0) fail(`Bun could not be installed\n${placed.output}`);
  checkBun();
  writeFileSync(stampFile, stamp);
}

function npm(npmArgs) {
  // Set when npm started this script; the same npm is then used again.
  const cli = process.env.npm_execpath;
  const isScript = cli !== undefined && /npm-cli\.c?js$/.test(cli) && existsSync(cli);
  const result = isScript ? quietly(process.execPath, [cli, ...npmArgs]) : quietly("npm", npmArgs);
  if (result.error?.code === "ENOENT")
    fail("npm was not found: it comes with Node, and is needed once");
  if (result.status !== 0) fail(reasonOf(result.output));
}

function reasonOf(output) {
  if (/E(NOTFOUND|AI_AGAIN|TIMEDOUT|CONNREFUSED|CONNRESET|NETUNREACH|HOSTUNREACH)\b/.test(output)) {
    return "The npm registry cannot be reached: check the network, a proxy, or npm config get registry";
  }
  if (/ENOSPC/.test(output)) return "The disk is full: nothing was installed";
  if (/E(ACCES|PERM|ROFS)\b/.test(output)) return `node_modules cannot be written in ${root}`;
  if (/EINTEGRITY/.test(output)) {
    return "A downloaded package is not the one that package-lock.json pins: nothing was installed";
  }
  if (/EUSAGE/.test(output)) return "package-lock.json does not fit package.json: run npm install";
  // What npm says first is what is wrong; its manual follows.
  return `npm ci failed\n${output.split("\n").slice(0, 8).join("\n")}`;
}

function checkBun() {
  const result = quietly(bun, ["--version"]);
  if (result.signal === "SIGILL") {
    fail("This CPU is too old for Bun: it lacks SSE4.2");
  }
  if (result.status !== 0) {
    fail(`Bun was installed but does not run: it needs glibc 2.17 or newer\n${result.output}`);
  }
}

function quietly(program, programArgs) {
  const result = spawnSync(program, programArgs, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}`.trim();
  return { status: result.status, signal: result.signal, error: result.error, output };
}

function run() {
  const child = spawn(bun, [resolve(root, script), ...args], {
    stdio: "inherit",
    env: { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH ?? ""}` },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // Ctrl-C reaches the child from the terminal itself; a second copy would mean "hurry".
    const isFromTerminal = signal === "SIGINT" && process.stdin.isTTY;
    process.on(signal, () => isFromTerminal || child.kill(signal));
  }
  child.on("error", (error) => fail(`Bun cannot be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
