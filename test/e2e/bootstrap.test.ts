// The way in for a fresh machine, with a stand-in for npm: what is installed when, what is passed on, and what is said when it
// cannot be done.

import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root } from "../../scripts/build.ts";

const scratch = mkdtempSync(join(tmpdir(), "ctl-bootstrap-"));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Machine {
  directory: string;
  run(...words: string[]): { code: number | null; stdout: string; stderr: string };
}

/** A clone without node_modules, on a machine whose npm is `npm`, a shell script. */
function machine(name: string, npm: string): Machine {
  const directory = join(scratch, name);
  const programs = join(directory, "programs");
  mkdirSync(join(directory, "scripts"), { recursive: true });
  mkdirSync(programs);
  copyFileSync(join(root, "scripts/bootstrap.mjs"), join(directory, "scripts/bootstrap.mjs"));
  writeFileSync(join(directory, "package-lock.json"), "{}\n");
  writeFileSync(join(programs, "npm"), `#!/bin/sh\n${npm}\n`);
  chmodSync(join(programs, "npm"), 0o755);
  const node = Bun.which("node");
  if (node === null) throw new Error("Needs Node, as npm does");
  return {
    directory,
    run: (...words) => {
      const run = Bun.spawnSync([node, "scripts/bootstrap.mjs", ...words], {
        cwd: directory,
        env: { PATH: `${programs}:/usr/bin:/bin` },
      });
      return { code: run.exitCode, stdout: run.stdout.toString(), stderr: run.stderr.toString() };
    },
  };
}

/** Leaves what the real one leaves; the stand-in for Bun runs shell scripts. */
const workingNpm = `
echo "npm noise"
echo called "$@" >> npm-calls
rm -rf node_modules
mkdir -p node_modules/bun node_modules/.bin
cat > node_modules/bun/install.js <<'END'
const fs = require("node:fs");
fs.writeFileSync("node_modules/.bin/bun", '#!/bin/sh\\n[ "$1" = --version ] && exit 0\\nexec /bin/sh "$@"\\n');
fs.chmodSync("node_modules/.bin/bun", 0o755);
END`;

const callsIn = async ({ directory }: Machine): Promise<number> =>
  (await Bun.file(join(directory, "npm-calls")).text()).trim().split("\n").length;

test("installs what is missing, once, and says only that", async () => {
  const fresh = machine("fresh", workingNpm);
  writeFileSync(join(fresh.directory, "job"), 'echo "did $*"\n');
  const first = fresh.run("job", "this and", "that");
  expect(first.stdout).toBe("did this and that\n");
  expect(first.stderr).toBe("ctl: installing the tools that package-lock.json pins …\n");
  const second = fresh.run("job", "more");
  expect(second).toEqual({ code: 0, stdout: "did more\n", stderr: "" });
  expect(await callsIn(fresh)).toBe(1);
});

test("never lets npm run the install scripts of packages", async () => {
  const careful = machine("careful", workingNpm);
  writeFileSync(join(careful.directory, "job"), "true\n");
  careful.run("job");
  expect(await Bun.file(join(careful.directory, "npm-calls")).text()).toContain(
    "called ci --ignore-scripts",
  );
});

test("installs again when package-lock.json has changed, or node_modules is gone", async () => {
  const stale = machine("stale", workingNpm);
  writeFileSync(join(stale.directory, "job"), "true\n");
  stale.run("job");
  writeFileSync(join(stale.directory, "package-lock.json"), '{ "changed": true }\n');
  stale.run("job");
  expect(await callsIn(stale)).toBe(2);
  rmSync(join(stale.directory, "node_modules"), { recursive: true });
  stale.run("job");
  expect(await callsIn(stale)).toBe(3);
});

test("passes the exit status on, and a signal as a shell would", () => {
  const passing = machine("passing", workingNpm);
  writeFileSync(join(passing.directory, "job"), 'eval "$1"\n');
  expect(passing.run("job", "exit 7").code).toBe(7);
  expect(passing.run("job", "kill -KILL $$").code).toBe(137);
});

for (const [what, output, sentence] of [
  ["no network", "npm error code EAI_AGAIN", "The npm registry cannot be reached"],
  ["a full disk", "npm error code ENOSPC", "The disk is full"],
  ["a forged package", "npm error code EINTEGRITY", "is not the one that package-lock.json pins"],
] as const) {
  test(`says in one line that there is ${what}`, () => {
    const broken = machine(what.replaceAll(" ", "-"), `echo "${output}" >&2; exit 1`);
    const { code, stdout, stderr } = broken.run("job");
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr).toContain(sentence);
  });
}

test("package-lock.json pins everything that any machine may need", async () => {
  interface Locked {
    version?: string;
    integrity?: string;
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  }
  const lockfile: { packages: Record<string, Locked> } = await Bun.file(
    join(root, "package-lock.json"),
  ).json();
  const locked = Object.entries(lockfile.packages);
  expect(locked.length).toBeGreaterThan(20);
  // npm leaves out what it could not find when the file was made, and "npm ci" then fails on every machine.
  const missing = locked.flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => lockfile.packages[`node_modules/${name}`]?.integrity === undefined)
      .map((name) => `${path || "package.json"} needs ${name}`),
  );
  expect(missing).toEqual([]);
});

test("shows what npm said when it failed for another reason", () => {
  const odd = machine("odd", 'echo "npm error something else" >&2; exit 1');
  expect(odd.run("job").stderr).toContain("npm error something else");
});
