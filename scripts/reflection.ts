// Reads flatc's binary form of a schema and turns it into the shapes that the verifier works with. Understands what our
// schema uses and refuses everything else. The numbers below are those of flatbuffers' own reflection.fbs.

import type { FieldShape, SchemaShape, TableShape } from "../src/wire/shape.ts";

const slots = {
  schema: { objects: 4, enums: 6, identifier: 8, root: 12 },
  object: { name: 4, fields: 6, isStruct: 8 },
  field: { name: 4, type: 6, offset: 10, deprecated: 16, required: 18 },
  type: { base: 4, element: 6, index: 8 },
  enum: { values: 6 },
  value: { value: 6, type: 10 },
} as const;

const base = { utype: 1, ulong: 10, string: 13, vector: 14, object: 15, union: 16 } as const;
/** By base type: utype, bool, byte, ubyte, short, ushort, int, uint, long, ulong. */
const scalarBytes: readonly (1 | 2 | 4 | 8)[] = [1, 1, 1, 1, 2, 2, 4, 4, 8, 8];

/** @throws Error that names what of the schema is not understood */
export function shapeOf(binarySchema: Uint8Array): SchemaShape {
  const { buffer, byteOffset, byteLength } = binarySchema;
  const schema = new Node(new DataView(buffer, byteOffset, byteLength), 0);
  const objects = schema.nodes(slots.schema.objects);
  const enums = schema.nodes(slots.schema.enums);
  return {
    identifier: schema.text(slots.schema.identifier),
    root: nameOf(schema.node(slots.schema.root)),
    tables: objects.map((object) => tableShape(object, { objects, enums })),
  };
}

interface Context {
  objects: readonly Node[];
  enums: readonly Node[];
}

function tableShape(object: Node, context: Context): TableShape {
  const name = nameOf(object);
  if (object.number(slots.object.isStruct, 1) !== 0) throw new Error(`${name} is a struct`);
  const fields = object
    .nodes(slots.object.fields)
    .map((field) => fieldShape(field, context))
    .filter((field) => field !== null)
    .toSorted((a, b) => a.slot - b.slot);
  return { name, fields };
}

/** Null for the type of a union, which belongs to the union itself. */
function fieldShape(field: Node, { objects, enums }: Context): FieldShape | null {
  const type = field.node(slots.field.type);
  const kind = type.number(slots.type.base, 1);
  const element = type.number(slots.type.element, 1);
  const index = type.number(slots.type.index, 4, -1);
  const common = {
    name: field.text(slots.field.name),
    slot: field.number(slots.field.offset, 2),
    ...(field.number(slots.field.required, 1) === 1 ? { required: true as const } : {}),
  };
  if (field.number(slots.field.deprecated, 1) !== 0) throw new Error(`${common.name}: deprecated`);
  const table = (): string => nameOf(entryOf(objects, index));

  if (kind === base.utype) return null;
  if (kind === base.string) return { ...common, kind: "string" };
  if (kind === base.object) return { ...common, kind: "table", table: table() };
  if (kind === base.union) {
    return { ...common, kind: "union", members: membersOf(entryOf(enums, index), objects) };
  }
  if (kind !== base.vector) return { ...common, kind: "scalar", bytes: bytesOf(kind) };
  if (element === base.string) return { ...common, kind: "strings" };
  if (element === base.object) return { ...common, kind: "tables", table: table() };
  return { ...common, kind: "scalars", bytes: bytesOf(element) };
}

function membersOf(union: Node, objects: readonly Node[]): string[] {
  return union
    .nodes(slots.enum.values)
    .slice(1)
    .map((value, index) => {
      if (value.number(slots.value.value, 8) !== index + 1) throw new Error("Union with a gap");
      const type = value.node(slots.value.type);
      if (type.number(slots.type.base, 1) !== base.object) throw new Error("Union of non-tables");
      return nameOf(entryOf(objects, type.number(slots.type.index, 4, -1)));
    });
}

function bytesOf(baseType: number): 1 | 2 | 4 | 8 {
  const bytes = baseType <= base.ulong ? scalarBytes[baseType - 1] : undefined;
  if (!bytes) throw new Error(`Type ${baseType} of the schema is not understood`);
  return bytes;
}

/** Without the namespace. */
const nameOf = (object: Node): string => object.text(slots.object.name).split(".").at(-1) ?? "";

function entryOf<Value>(list: readonly Value[], index: number): Value {
  const value = list[index];
  if (value === undefined) throw new Error(`The schema names its type ${index}, which is missing`);
  return value;
}

/** One table of the binary schema. It comes from the compiler, so it is not verified. */
class Node {
  readonly #view: DataView;
  readonly #at: number;

  constructor(view: DataView, reference: number) {
    this.#view = view;
    this.#at = reference + view.getUint32(reference, true);
  }

  number(slot: number, bytes: 1 | 2 | 4 | 8, absent = 0): number {
    const place = this.#place(slot);
    if (place === 0) return absent;
    if (bytes === 1) return this.#view.getUint8(place);
    if (bytes === 2) return this.#view.getUint16(place, true);
    if (bytes === 4) return this.#view.getInt32(place, true);
    return Number(this.#view.getBigInt64(place, true));
  }

  text(slot: number): string {
    const { first, length } = this.#vector(slot);
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer, this.#view.byteOffset + first, length),
    );
  }

  node(slot: number): Node {
    return new Node(this.#view, this.#place(slot));
  }

  nodes(slot: number): Node[] {
    const { first, length } = this.#vector(slot);
    return Array.from({ length }, (_, index) => new Node(this.#view, first + 4 * index));
  }

  /** An absent vector is an empty one. */
  #vector(slot: number): { first: number; length: number } {
    const place = this.#place(slot);
    if (place === 0) return { first: 0, length: 0 };
    const at = place + this.#view.getUint32(place, true);
    return { first: at + 4, length: this.#view.getUint32(at, true) };
  }

  /** Where a field stands; 0 when it is absent. */
  #place(slot: number): number {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const isKnown = slot < this.#view.getUint16(vtable, true);
    const offset = isKnown ? this.#view.getUint16(vtable + slot, true) : 0;
    return offset === 0 ? 0 : this.#at + offset;
  }
}
