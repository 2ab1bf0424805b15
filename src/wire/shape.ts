// What the verifier knows of the schema: per table, where each field stands and what it must be. Plain data; the tables
// themselves are generated.

interface AnyField {
  name: string;
  /** Place in the vtable, in bytes: 4 for the first field. */
  slot: number;
  /** A message without it is refused. */
  required?: true;
}

export type FieldShape = AnyField &
  (
    | { kind: "scalar"; bytes: 1 | 2 | 4 | 8 }
    | { kind: "string" }
    | { kind: "strings" }
    /** A vector of scalars. */
    | { kind: "scalars"; bytes: 1 | 2 | 4 | 8 }
    | { kind: "table"; table: string }
    | { kind: "tables"; table: string }
    /** Its type, one byte, stands in the slot before. Members by their number, from 1; 0 is none. */
    | { kind: "union"; members: readonly string[] }
  );

export interface TableShape {
  name: string;
  fields: readonly FieldShape[];
}

export interface SchemaShape {
  identifier: string;
  root: string;
  tables: readonly TableShape[];
}
