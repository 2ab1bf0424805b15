// The one gate: everything that must hold before a commit, in the order of how fast it fails. Says what it does and how long each
// step took, stops at the first step that fails and shows what that said. The last line counts tests.

import { join } from "node:path";

import { ensureBuilt, root } from "./build.ts";
import { installFor, pathOf, type SystemProgram } from "./system-packages.ts";

interface Verdict {
  isGood: boolean;
  /** Shown when it is not good. */
  output: string;
  /** Behind the name of the step. */
  note?: string;
  passed?: number;
  failed?: number;
}

interface Step {
  name: string;
  run(): Promise<Verdict>;
}

/** Whatever hangs is a failure; the whole gate aims at less than eight minutes. */
const stepMsMax = 10 * 60_000;
const bun = process.execPath;

const steps: readonly Step[] = [
  { name: "system programs", run: systemProgramsStep },
  { name: "format", run: () => command([bun, "fmt", "--no-script", "--check"]) },
  { name: "lint", run: () => command([join(root, "node_modules/.bin/oxlint"), "--deny-warnings"]) },
  { name: "types", run: () => command([bun, "check"]) },
  { name: "generated code", run: generatedStep },
  { name: "launcher image", run: () => command([bun, "scripts/launcher.ts", "--check"]) },
  { name: "build", run: buildStep },
  // Tests wait for conditions with time limits of their own; the runner's is only there for one that hangs.
  {
    name: "unit tests",
    run: () => tests(["--timeout", "60000", "--path-ignore-patterns", "test/e2e/**"]),
  },
  // Each file has its own directories and sees only its own descendants, so files may run side by side.
  { name: "end-to-end tests", run: () => tests(["--timeout", "180000", "test/e2e"]) },
];

/** Only strengthens the gate: what is missing is said, and two steps then compare less. */
async function systemProgramsStep(): Promise<Verdict> {
  const missing = await installFor("gate");
  const note = missing.map(missingLine).join("\n     ");
  return { isGood: true, output: "", ...(note === "" ? {} : { note }) };
}

const missingLine = ({ program, package: name, reason }: SystemProgram): string =>
  `MISSING ${program}: it ${reason}; apt-get install ${name}`;

async function generatedStep(): Promise<Verdict> {
  if (pathOf("flatc") === null) {
    return { isGood: true, output: "", note: "by its stamp only: flatc is missing" };
  }
  return await command([bun, "scripts/generate.ts", "--check"]);
}

async function buildStep(): Promise<Verdict> {
  try {
    await ensureBuilt();
    return { isGood: true, output: "" };
  } catch (error) {
    return { isGood: false, output: error instanceof Error ? error.message : String(error) };
  }
}

async function tests(words: readonly string[]): Promise<Verdict> {
  const verdict = await command([bun, "test", "--parallel", "--only-failures", ...words]);
  const count = (word: string): number =>
    Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(verdict.output)?.[1] ?? 0);
  const passed = count("pass");
  // An error between tests fails the run without being a test.
  const failed = count("fail") + count("errors?");
  const isGood = verdict.isGood && failed === 0 && passed > 0;
  return { ...verdict, isGood, passed, failed, note: `${passed} passed, ${failed} failed` };
}

async function command(words: readonly string[]): Promise<Verdict> {
  const child = Bun.spawn([...words], {
    cwd: root,
    // Some tools colour what no terminal will see.
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: stepMsMax,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  const late =
    child.signalCode === "SIGKILL" ? `\nKilled after ${stepMsMax / 60_000} minutes\n` : "";
  return { isGood: code === 0, output: `${stdout}${stderr}${late}`.trim() };
}

async function main(): Promise<number> {
  const startedMs = performance.now();
  let passed = 0;
  let failed = 0;
  for (const step of steps) {
    const stepStartedMs = performance.now();
    const verdict = await step.run();
    const note = verdict.note === undefined ? "" : `  ${verdict.note}`;
    console.log(
      `${verdict.isGood ? "ok  " : "FAIL"} ${seconds(stepStartedMs)}  ${step.name}${note}`,
    );
    passed += verdict.passed ?? 0;
    failed += verdict.failed ?? 0;
    if (verdict.isGood) continue;
    failed = Math.max(failed, 1);
    console.log(`\n${verdict.output}\n\nThe gate is closed: ${step.name}`);
    break;
  }
  console.log(`${" ".repeat(5)}${seconds(startedMs)}  in total`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const seconds = (sinceMs: number): string =>
  `${((performance.now() - sinceMs) / 1000).toFixed(1).padStart(6)} s`;

process.exit(await main());
