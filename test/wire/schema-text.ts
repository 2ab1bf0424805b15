// A second opinion on the verifier's tables: reads schema/*.fbs as text, independently of the compiler, and understands
// exactly the subset that our schema uses. Anything else is an error.

import type { FieldShape, SchemaShape, TableShape } from "../../src/wire/shape.ts";

interface Declarations {
  tables: Map<string, [name: string, type: string, isRequired: boolean][]>;
  unions: Map<string, string[]>;
  enums: Map<string, string[]>;
  identifier: string;
  root: string;
}

const scalars = new Map<string, 1 | 2 | 4 | 8>([
  ["bool", 1],
  ["ubyte", 1],
  ["uint8", 1],
  ["uint16", 2],
  ["uint32", 4],
  ["uint64", 8],
]);

export function schemaFromText(sources: readonly string[]): SchemaShape {
  const declarations = declarationsOf(sources.join("\n"));
  return {
    identifier: declarations.identifier,
    root: declarations.root,
    tables: [...declarations.tables.keys()]
      .toSorted()
      .map((name) => tableShape(name, declarations)),
  };
}

export function enumsFromText(sources: readonly string[]): ReadonlyMap<string, string[]> {
  return declarationsOf(sources.join("\n")).enums;
}

function declarationsOf(text: string): Declarations {
  const declarations: Declarations = {
    tables: new Map(),
    unions: new Map(),
    enums: new Map(),
    identifier: "",
    root: "",
  };
  let rest = text.replaceAll(/\/\/.*$/gm, "").trim();
  while (rest.length > 0) {
    const taken = takeDeclaration(rest, declarations);
    rest = rest.slice(taken).trim();
  }
  return declarations;
}

/** Returns how much of the text the first declaration is. */
function takeDeclaration(text: string, into: Declarations): number {
  const block = /^(table|union|enum)\s+(\w+)\s*(?::\s*ubyte\s*)?\{([^{}]*)\}/.exec(text);
  if (block) {
    const [, kind = "", name = "", content = ""] = block;
    if (kind === "table") into.tables.set(name, fieldsOf(content));
    else if (kind === "union") into.unions.set(name, wordsOf(content));
    else into.enums.set(name, wordsOf(content));
    return block[0].length;
  }
  const line = /^(include|namespace|root_type|file_identifier)\s+("[\w.]+"|[\w.]+)\s*;/.exec(text);
  if (!line) throw new Error(`Not understood: ${text.slice(0, 60)}`);
  const [, keyword = "", value = ""] = line;
  if (keyword === "root_type") into.root = value;
  if (keyword === "file_identifier") into.identifier = value.slice(1, -1);
  return line[0].length;
}

const wordsOf = (content: string): string[] =>
  content
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);

function fieldsOf(content: string): [string, string, boolean][] {
  const lines = content
    .split(";")
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.map((line) => {
    const field = /^(\w+)\s*:\s*(\w+|\[\w+\])\s*(\(required\))?$/.exec(line);
    if (!field) throw new Error(`Not understood: ${line}`);
    const [, name = "", type = "", required] = field;
    return [name, type, required !== undefined];
  });
}

function tableShape(name: string, declarations: Declarations): TableShape {
  let slot = 4;
  const fields = (declarations.tables.get(name) ?? []).map(([field, type, isRequired]) => {
    // A union takes two slots, its type first.
    if (declarations.unions.has(type)) slot += 2;
    const common = { name: field, slot, ...(isRequired ? { required: true as const } : {}) };
    slot += 2;
    return fieldShape(common, type, declarations);
  });
  return { name, fields };
}

function fieldShape(
  common: { name: string; slot: number; required?: true },
  type: string,
  { tables, unions, enums }: Declarations,
): FieldShape {
  const element = /^\[(\w+)\]$/.exec(type)?.[1];
  const bytes = enums.has(element ?? type) ? 1 : scalars.get(element ?? type);
  const members = unions.get(type);
  if (element === "string") return { ...common, kind: "strings" };
  if (element && tables.has(element)) return { ...common, kind: "tables", table: element };
  if (element && bytes) return { ...common, kind: "scalars", bytes };
  if (type === "string") return { ...common, kind: "string" };
  if (members) return { ...common, kind: "union", members };
  if (tables.has(type)) return { ...common, kind: "table", table: type };
  if (bytes) return { ...common, kind: "scalar", bytes };
  throw new Error(`Not understood: ${common.name}:${type}`);
}
