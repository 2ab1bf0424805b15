// The executable as a thing to be carried: one file, the same bytes wherever it is built, and deaf to what lies in the directory
// or the environment where it is started.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { dependencies } from "../../package.json";
import { build, root } from "../../scripts/build.ts";
import { openSandbox, type Sandbox } from "./support/sandbox.ts";

const scratch = mkdtempSync(join(tmpdir(), "ctl-build-test-"));
const buildMsMax = 60_000;
let box: Sandbox;

beforeAll(async () => {
  box = await openSandbox();
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

function folder(name: string, files: Record<string, string> = {}): string {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

function projectCopy(name: string): string {
  const copy = folder(name);
  cpSync(join(root, "src"), join(copy, "src"), { recursive: true });
  for (const file of ["package.json", "tsconfig.json"])
    copyFileSync(join(root, file), join(copy, file));
  // Copied, not linked: a link leads to a place outside of the copy, and the path to there would be embedded.
  for (const dependency of withTheirOwn(Object.keys(dependencies))) {
    const path = join("node_modules", dependency);
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  return copy;
}

/** These packages, and those that they need, at the top of node_modules. What one has inside of itself comes with it. */
function withTheirOwn(packages: readonly string[]): Set<string> {
  const found = new Set(packages);
  for (const name of found) {
    const manifest = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
    const needed: Record<string, string> = JSON.parse(manifest).dependencies ?? {};
    for (const each of Object.keys(needed)) found.add(each);
  }
  return found;
}

describe("a build", () => {
  test(
    "gives the same bytes in any directory",
    async () => {
      const first = await build({ root: projectCopy("here") });
      const second = await build({ root: projectCopy("there/further/down") });
      expect(second.sha256).toBe(first.sha256);
      expect(second.bytes).toBe(statSync(second.path).size);
    },
    buildMsMax,
  );

  test(
    "leaves one file and nothing beside it",
    async () => {
      const place = folder("alone", { "main.ts": 'console.log("one file");\n' });
      const built = await build({ root: place, entry: "main.ts" });
      expect(readdirSync(join(place, "dist"))).toEqual(["ctl"]);
      expect(Bun.spawnSync([built.path]).stdout.toString()).toBe("one file\n");
    },
    buildMsMax,
  );

  test(
    "that fails leaves the last good one alone",
    async () => {
      const place = folder("broken", { "main.ts": 'console.log("good");\n' });
      const built = await build({ root: place, entry: "main.ts" });
      writeFileSync(join(place, "main.ts"), "this is (not a program\n");
      expect(build({ root: place, entry: "main.ts" })).rejects.toThrow("Cannot compile main.ts");
      expect(Bun.spawnSync([built.path]).stdout.toString()).toBe("good\n");
      expect(readdirSync(join(place, "dist"))).toEqual(["ctl"]);
    },
    buildMsMax,
  );

  test(
    "does not look at the environment",
    async () => {
      const place = folder("environment", {
        "main.ts": 'console.log(process.env.NODE_ENV ?? "unset");\n',
        ".env": "NODE_ENV=planted\n",
        "preload.ts": "throw new Error('preloaded');\n",
      });
      const script = join(root, "scripts/build.ts");
      const program = `const { build } = await import(${JSON.stringify(script)});
        console.log((await build({ root: ${JSON.stringify(place)}, entry: "main.ts" })).sha256);`;
      const sha256With = (env: Record<string, string>): string => {
        const run = Bun.spawnSync([process.execPath, "-e", program], {
          env: { ...process.env, ...env },
        });
        expect(run.stderr.toString()).toBe("");
        return run.stdout.toString();
      };
      expect(sha256With({ NODE_ENV: "development", FORCE_COLOR: "1" })).toBe(sha256With({}));
    },
    buildMsMax,
  );

  test(
    "for the other CPU is an executable of that CPU, with our program in it",
    async () => {
      const [cpu, machine] =
        process.arch === "x64" ? (["arm64", 183] as const) : (["x64", 62] as const);
      const place = folder("other", { "main.ts": 'console.log("built for " + process.arch);\n' });
      const built = await build({ root: place, entry: "main.ts", target: `linux-${cpu}` as const });
      const bytes = readFileSync(built.path);
      expect(bytes.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
      expect(bytes.readUInt16LE(18)).toBe(machine);
      expect(bytes.includes("/$bunfs/root/ctl")).toBe(true);
      // The bundler replaces process.arch by a constant.
      expect(bytes.includes(`built for ${cpu}`)).toBe(true);
    },
    buildMsMax,
  );

  test("for a CPU that there is not is refused in one line", () => {
    const script = join(root, "scripts/build.ts");
    const run = Bun.spawnSync([process.execPath, script, "--target", "linux-vax"]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr.toString()).toBe(
      'ctl: Unknown target "linux-vax": linux-x64 or linux-arm64\n',
    );
  });
});

describe("the executable", () => {
  test("says the version of package.json", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const { text, code } = await box.ctl(["version"]);
    expect(text).toContain(`ctl ${version}\n`);
    expect(code).toBe(0);
  });

  test("is all that has to be copied", async () => {
    const place = folder("carried");
    const copy = join(place, "renamed");
    copyFileSync(box.executable, copy);
    const run = Bun.spawnSync([copy, "exec", "local", "--", "/bin/echo", "carried"], {
      cwd: place,
      env: {},
    });
    expect(run.stderr.toString()).toBe("");
    expect(run.stdout.toString()).toBe("carried\n");
    expect(readdirSync(place)).toEqual(["renamed"]);
  });

  test("runs nothing that lies in the directory where it is started", async () => {
    const planted = `require("node:fs").writeFileSync(${JSON.stringify(join(scratch, "was-run"))}, "");`;
    const cwd = folder("trapped", {
      ".env": "PLANTED=by-dotenv\nBUN_OPTIONS=--preload ./preload.js\n",
      ".env.local": "PLANTED=by-dotenv-local\n",
      "bunfig.toml": 'preload = ["./preload.js"]\n[run]\npreload = ["./preload.js"]\n',
      "preload.js": planted,
      "package.json": '{ "name": "planted", "version": "99.0.0", "type": "commonjs" }',
      "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./preload.js"] } } }',
    });
    const { text, stderr, code } = await box.ctl(["exec", "--export", "ALL", "local", "env"], {
      cwd,
    });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(text).not.toContain("PLANTED");
    expect((await box.ctl(["version"], { cwd })).text).not.toContain("99.0.0");
    expect(existsSync(join(scratch, "was-run"))).toBe(false);
  });

  test("runs nothing that the runtime's own variables name", async () => {
    const trace = join(scratch, "was-preloaded");
    const preload = join(
      folder("preload", {
        "preload.js": `require("node:fs").writeFileSync(${JSON.stringify(trace)}, "");`,
      }),
      "preload.js",
    );
    for (const name of ["BUN_OPTIONS", "NODE_OPTIONS"]) {
      const flag = name === "BUN_OPTIONS" ? "--preload" : "--require";
      await box.ctl(["exec", "local", "true"], { env: { [name]: `${flag} ${preload}` } });
    }
    expect(existsSync(trace)).toBe(false);
  });

  test("opens no door for a debugger", async () => {
    const path = join(scratch, "inspector.sock");
    const listener = Bun.listen({
      unix: path,
      socket: { data() {}, open: () => void (knocks += 1) },
    });
    let knocks = 0;
    for (const name of ["BUN_INSPECT", "BUN_INSPECT_NOTIFY", "BUN_INSPECT_CONNECT_TO"]) {
      await box.ctl(["exec", "local", "true"], { env: { [name]: `unix://${path}` } });
    }
    listener.stop(true);
    expect(knocks).toBe(0);
  });
});
