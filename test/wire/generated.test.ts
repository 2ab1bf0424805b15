// The generated files belong to the schema that lies beside them; noticed without the compiler.

import { expect, test } from "bun:test";
import { join } from "node:path";

import { stampName, stampOf } from "../../scripts/generated-stamp.ts";
import { schema } from "../../src/wire/generated/tables.ts";
import { schemaFromText } from "./schema-text.ts";

const root = join(import.meta.dir, "../..");
const generated = join(root, "src/wire/generated");

async function schemaSources(): Promise<string[]> {
  const names = [...new Bun.Glob("*.fbs").scanSync(join(root, "schema"))].toSorted();
  return Promise.all(names.map((name) => Bun.file(join(root, "schema", name)).text()));
}

test("schema and generated files are as they were when generated: else bun scripts/generate.ts", async () => {
  const stamp = await Bun.file(join(generated, stampName)).text();
  expect(stamp).toBe(await stampOf(root, generated));
});

test("the verifier's tables say what the schema's text says", async () => {
  expect(schema).toEqual(schemaFromText(await schemaSources()));
});

test("every generated file is left alone by the type checker", async () => {
  for (const name of new Bun.Glob("*.ts").scanSync(generated)) {
    const text = await Bun.file(join(generated, name)).text();
    expect({ name, start: text.slice(0, 15) }).toEqual({ name, start: "// @ts-nocheck\n" });
  }
});

test("no table is called like a function that flatc writes beside its class for Python", () => {
  for (const { name, fields } of schema.tables) {
    const functions = fields.flatMap((field) => {
      const pascal = field.name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) =>
        letter.toUpperCase(),
      );
      return [`Add${pascal}`, `Start${pascal}Vector`];
    });
    expect(["Start", "End", ...functions]).not.toContain(name);
  }
});
