// Where everything stands in a valid frame, found by walking it with the schema: so that tests and mutants can change one
// thing and know which. Trusts the frame.

import { schema } from "../../src/wire/generated/tables.ts";
import type { FieldShape, SchemaShape, TableShape } from "../../src/wire/shape.ts";

export type PlaceRole =
  /** The distance to a table, a vector or a string. */
  | "offset"
  /** The distance back to the vtable. */
  | "vtable-offset"
  | "vtable-bytes"
  | "table-bytes"
  /** Where a field stands in its table. */
  | "entry"
  /** Elements of a vector or bytes of a string. */
  | "length"
  /** The zero after a string. */
  | "terminator"
  | "union-type"
  | "scalar";

export interface FramePlace {
  at: number;
  bytes: number;
  role: PlaceRole;
  /** "Table" or "Table.field". */
  name: string;
  required: boolean;
}

/** @param frame one valid buffer without its length */
export function frameMap(frame: Uint8Array, shape: SchemaShape = schema): FramePlace[] {
  return new Walk(frame, shape).places;
}

class Walk {
  readonly places: FramePlace[] = [];
  readonly #view: DataView;
  readonly #tables: ReadonlyMap<string, TableShape>;

  constructor(frame: Uint8Array, shape: SchemaShape) {
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    this.#tables = new Map(shape.tables.map((table) => [table.name, table]));
    this.#table(0, shape.root);
  }

  #table(reference: number, name: string): void {
    const at = this.#follow(reference, name);
    this.#add("vtable-offset", at, { bytes: 4, name });
    const vtable = at - this.#view.getInt32(at, true);
    this.#add("vtable-bytes", vtable, { bytes: 2, name });
    this.#add("table-bytes", vtable + 2, { bytes: 2, name });
    for (const field of this.#tables.get(name)?.fields ?? []) {
      if (field.kind === "union")
        this.#entry({ at, vtable, name }, { ...field, slot: field.slot - 2 });
      const place = this.#entry({ at, vtable, name }, field);
      if (place > 0) this.#field(place, field, `${name}.${field.name}`);
      if (place > 0 && field.kind === "union") this.#union({ at, vtable, name }, place, field);
    }
  }

  /** Returns where the field stands, 0 when it is absent. */
  #entry(table: { at: number; vtable: number; name: string }, field: FieldShape): number {
    if (field.slot >= this.#view.getUint16(table.vtable, true)) return 0;
    const entry = table.vtable + field.slot;
    const offset = this.#view.getUint16(entry, true);
    if (offset === 0) return 0;
    const required = field.required === true;
    this.places.push({
      at: entry,
      bytes: 2,
      role: "entry",
      name: `${table.name}.${field.name}`,
      required,
    });
    return table.at + offset;
  }

  #field(at: number, field: FieldShape, name: string): void {
    if (field.kind === "scalar") return this.#add("scalar", at, { bytes: field.bytes, name });
    if (field.kind === "table") return this.#table(at, field.table);
    if (field.kind === "union") return;
    const vector = this.#follow(at, name);
    this.#add("length", vector, { bytes: 4, name });
    const length = this.#view.getUint32(vector, true);
    if (field.kind === "string") this.#add("terminator", vector + 4 + length, { bytes: 1, name });
    if (field.kind === "string" || field.kind === "scalars") return;
    for (let index = 0; index < length; index += 1) {
      this.#element(vector + 4 + 4 * index, field, name);
    }
  }

  #element(reference: number, field: FieldShape, name: string): void {
    if (field.kind === "tables") return this.#table(reference, field.table);
    const at = this.#follow(reference, name);
    this.#add("length", at, { bytes: 4, name });
    this.#add("terminator", at + 4 + this.#view.getUint32(at, true), { bytes: 1, name });
  }

  #union(
    table: { at: number; vtable: number; name: string },
    at: number,
    field: FieldShape & { kind: "union" },
  ): void {
    const type = table.at + this.#view.getUint16(table.vtable + field.slot - 2, true);
    this.#add("union-type", type, { bytes: 1, name: `${table.name}.${field.name}` });
    const member = field.members[this.#view.getUint8(type) - 1];
    if (!member) throw new Error(`${field.name} has an unknown member`);
    this.#table(at, member);
  }

  #follow(reference: number, name: string): number {
    this.#add("offset", reference, { bytes: 4, name });
    return reference + this.#view.getUint32(reference, true);
  }

  #add(role: PlaceRole, at: number, { bytes, name }: { bytes: number; name: string }): void {
    this.places.push({ at, bytes, role, name, required: false });
  }
}
