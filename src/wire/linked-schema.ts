// The schema's tables made quick for the verifier: one form for all fields, tables by reference instead of by name.

import { assert } from "../base/assert.ts";
import type { FieldShape, SchemaShape, TableShape } from "./shape.ts";

export interface LinkedField {
  /** "Table.field", for messages. */
  readonly name: string;
  readonly slot: number;
  readonly kind: FieldShape["kind"];
  readonly isRequired: boolean;
  /** What the field takes inside its table, and how it is aligned there. */
  readonly inlineBytes: number;
  /** One element of a vector. */
  readonly elementBytes: number;
  /** The table of a table or of a list of tables; the members of a union by their number. */
  readonly targets: readonly (LinkedTable | null)[];
}

export interface LinkedTable {
  readonly name: string;
  readonly fields: LinkedField[];
}

const offsetBytes = 4;

export function linkedRoot(schema: SchemaShape): LinkedTable {
  const tables = new Map(schema.tables.map(({ name }) => [name, emptyTable(name)]));
  const find = (name: string): LinkedTable => {
    const table = tables.get(name);
    assert(table, `The schema has no table "${name}"`);
    return table;
  };
  for (const shape of schema.tables) {
    find(shape.name).fields.push(...shape.fields.map((field) => linkedField(field, shape, find)));
  }
  return find(schema.root);
}

const emptyTable = (name: string): LinkedTable => ({ name, fields: [] });

function linkedField(
  field: FieldShape,
  table: TableShape,
  find: (name: string) => LinkedTable,
): LinkedField {
  return {
    name: `${table.name}.${field.name}`,
    slot: field.slot,
    kind: field.kind,
    isRequired: field.required === true,
    inlineBytes: field.kind === "scalar" ? field.bytes : offsetBytes,
    elementBytes: elementBytesOf(field),
    targets: targetsOf(field, find),
  };
}

function elementBytesOf(field: FieldShape): number {
  if (field.kind === "scalars") return field.bytes;
  return field.kind === "string" ? 1 : offsetBytes;
}

function targetsOf(field: FieldShape, find: (name: string) => LinkedTable): (LinkedTable | null)[] {
  if (field.kind === "union") return [null, ...field.members.map(find)];
  return field.kind === "table" || field.kind === "tables" ? [find(field.table)] : [];
}
