// schema/ -> src/wire/generated/: flatc's TypeScript, the verifier's tables, and a stamp of what they come from.
// `--check` changes nothing and fails when the committed files are not what the schema gives.

import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stampName, stampOf } from "./generated-stamp.ts";
import { shapeOf } from "./reflection.ts";

const root = join(import.meta.dir, "..");
const target = join(root, "src/wire/generated");
/** Another version writes other text, and the committed files would change with the machine. */
const compilerVersion = "2.0.8";
const compilerHint = `Needs flatc ${compilerVersion}: apt-get install flatbuffers-compiler`;
const header = "// @ts-nocheck\n";

const workspace = await mkdtemp(join(tmpdir(), "ctl-generate-"));
try {
  const output = join(workspace, "generated");
  await generateInto(output, workspace);
  if (process.argv.includes("--check")) await compare(output);
  else await replace(output);
} finally {
  await rm(workspace, { recursive: true, force: true });
}

async function generateInto(output: string, scratch: string): Promise<void> {
  requireCompiler();
  const sources = (await readdir(join(root, "schema"))).filter((name) => name.endsWith(".fbs"));
  flatc(["--ts", "-o", scratch, ...sources.toSorted()]);
  flatc(["--binary", "--schema", "-o", scratch, "message.fbs"]);

  await mkdir(output);
  const classes = join(scratch, "ctl/wire");
  for (const name of await readdir(classes)) {
    const text = await Bun.file(join(classes, name)).text();
    // flatc imports by the path from its namespace's root and without the ending; ours lie in one folder.
    const local = text.replaceAll(/'(?:\.\.\/)+ctl\/wire\/([a-z-]+)'/g, "'./$1.ts'");
    await Bun.write(join(output, name), header + local);
  }
  const shape = shapeOf(await Bun.file(join(scratch, "message.bfbs")).bytes());
  await Bun.write(join(output, "tables.ts"), tablesSource(shape));
  await Bun.write(join(output, stampName), await stampOf(root, output));
}

function tablesSource(shape: ReturnType<typeof shapeOf>): string {
  const tables = shape.tables.map(({ name, fields }) => {
    const lines = fields.map((field) => `      ${JSON.stringify(field)},\n`).join("");
    return `    { name: ${JSON.stringify(name)}, fields: [\n${lines}    ] },\n`;
  });
  return [
    header,
    "// Generated from schema/ by scripts/generate.ts, do not modify.\n\n",
    'import type { SchemaShape } from "../shape.ts";\n\n',
    "export const schema: SchemaShape = {\n",
    `  identifier: ${JSON.stringify(shape.identifier)},\n`,
    `  root: ${JSON.stringify(shape.root)},\n`,
    `  tables: [\n${tables.join("")}  ],\n};\n`,
  ].join("");
}

async function replace(output: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await cp(output, target, { recursive: true });
  console.log(`${(await readdir(target)).length} files in src/wire/generated`);
}

async function compare(output: string): Promise<void> {
  const names = new Set([...(await readdir(output)), ...(await readdir(target))]);
  const stale: string[] = [];
  for (const name of names) {
    const [fresh, committed] = await Promise.all([textOf(output, name), textOf(target, name)]);
    if (fresh !== committed) stale.push(name);
  }
  if (stale.length === 0) return console.log("src/wire/generated is what the schema gives");
  fail(`Not what the schema gives: ${stale.join(", ")}. Run: bun scripts/generate.ts`);
}

async function textOf(folder: string, name: string): Promise<string | null> {
  const file = Bun.file(join(folder, name));
  return (await file.exists()) ? file.text() : null;
}

function requireCompiler(): void {
  if (!Bun.which("flatc")) fail(compilerHint);
  const version = flatc(["--version"]).trim();
  if (version !== `flatc version ${compilerVersion}`) fail(`${compilerHint} (found: ${version})`);
}

function flatc(argv: string[]): string {
  const run = Bun.spawnSync(["flatc", ...argv], { cwd: join(root, "schema") });
  const said = run.stdout.toString() + run.stderr.toString();
  if (run.exitCode !== 0) fail(`flatc ${argv.join(" ")} failed:\n${said}`);
  return said;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
