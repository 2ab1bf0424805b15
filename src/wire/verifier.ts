// Decides whether a frame may be read at all: FlatBuffers' accessors believe every offset and would return whatever
// lies beside the frame. After any verdict but "refused" every accessor stays inside the frame and every vector is as
// long as it says. Driven by tables that come from the schema; knows no message.

import { verifierBytesPerTable, verifierDepthMax, verifierTablesMin } from "./limits.ts";
import { type LinkedField, linkedRoot, type LinkedTable } from "./linked-schema.ts";
import type { SchemaShape } from "./shape.ts";

/** "unknown": well formed, but one of its unions has a member that this schema does not have. */
export type Verdict = "known" | "unknown" | "refused";

/** Frames are aligned together with the length before them, as FlatBuffers' "size-prefixed" says. */
const prefixBytes = 4;
/** Offsets, and the lengths of vectors. */
const wordBytes = 4;
/** The offset of the root, and the identifier. */
const headerBytes = 8;
/** The lengths of a vtable and of its table. */
const vtableBytesMin = 4;

/** A table of the frame whose vtable is in order. */
interface Place {
  readonly at: number;
  readonly bytes: number;
  readonly vtable: number;
  readonly vtableBytes: number;
  readonly depth: number;
}

export class Verifier {
  readonly #root: LinkedTable;
  readonly #identifier: number;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #length = 0;
  #tablesLeft = 0;
  #isUnknown = false;
  #fault = "";

  /** @param root the schema's tables, where many verifiers share them */
  constructor(schema: SchemaShape, root: LinkedTable = linkedRoot(schema)) {
    this.#root = root;
    this.#identifier = Buffer.from(schema.identifier).readUInt32LE(0);
  }

  /** What was wrong with the last frame that was refused, and where: half a sentence for people. */
  get fault(): string {
    return this.#fault;
  }

  /** @param frame one buffer without its length */
  verify(frame: Uint8Array): Verdict {
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    this.#length = frame.byteLength;
    this.#tablesLeft = verifierTablesMin + Math.floor(this.#length / verifierBytesPerTable);
    this.#isUnknown = false;
    if (!this.#header() || !this.#table(0, this.#root, 1)) return "refused";
    return this.#isUnknown ? "unknown" : "known";
  }

  #header(): boolean {
    const { name } = this.#root;
    if (this.#length < headerBytes) return this.#refuse("shorter than a header", name);
    const identifier = this.#view.getUint32(wordBytes, true);
    return identifier === this.#identifier || this.#refuse("foreign identifier", name);
  }

  /** @param reference where the table's offset stands; it is inside the frame and aligned */
  #table(reference: number, table: LinkedTable, depth: number): boolean {
    const at = this.#target(reference);
    if (at < 0) return this.#refuse("offset leads outside", table.name);
    if (depth > verifierDepthMax) return this.#refuse("nested too deeply", table.name);
    this.#tablesLeft -= 1;
    if (this.#tablesLeft < 0) return this.#refuse("too many tables for its size", table.name);

    const vtable = at - this.#view.getInt32(at, true);
    if (vtable < 0 || vtable > this.#length - vtableBytesMin || (vtable & 1) !== 0) {
      return this.#refuse("vtable outside", table.name);
    }
    const vtableBytes = this.#view.getUint16(vtable, true);
    const isWhole = vtableBytes >= vtableBytesMin && vtable + vtableBytes <= this.#length;
    if (!isWhole || (vtableBytes & 1) !== 0) return this.#refuse("bad vtable", table.name);
    const bytes = this.#view.getUint16(vtable + 2, true);
    if (bytes < wordBytes || at + bytes > this.#length) {
      return this.#refuse("table longer than the frame", table.name);
    }

    const place = { at, bytes, vtable, vtableBytes, depth };
    for (const field of table.fields) if (!this.#field(place, field)) return false;
    return true;
  }

  #field(place: Place, field: LinkedField): boolean {
    if (field.kind === "union") return this.#union(place, field);
    const offset = this.#offsetOf(place, field.slot);
    if (offset === 0) return !field.isRequired || this.#refuse("missing", field.name);
    const at = place.at + offset;
    if (!isPlaced(place, offset, field.inlineBytes)) {
      return this.#refuse("outside its table or not aligned", field.name);
    }
    if (field.kind === "scalar") return true;
    if (field.kind === "table") return this.#eachTarget(at, field, place.depth);
    return this.#vector(at, field, place.depth);
  }

  #vector(reference: number, field: LinkedField, depth: number): boolean {
    const at = this.#target(reference);
    if (at < 0) return this.#refuse("offset leads outside", field.name);
    const length = this.#view.getUint32(at, true);
    const first = at + wordBytes;
    if (length * field.elementBytes > this.#length - first) {
      return this.#refuse("longer than the frame", field.name);
    }
    if (field.kind === "string") return this.#isTerminated(first + length, field);
    if (field.kind === "scalars") {
      return isAligned(first, field.elementBytes) || this.#refuse("not aligned", field.name);
    }
    for (let index = 0; index < length; index += 1) {
      if (!this.#eachTarget(first + index * wordBytes, field, depth)) return false;
    }
    return true;
  }

  /** One table, or one element of a list. */
  #eachTarget(reference: number, field: LinkedField, depth: number): boolean {
    const [table] = field.targets;
    if (table) return this.#table(reference, table, depth + 1);
    const at = this.#target(reference);
    if (at < 0) return this.#refuse("offset leads outside", field.name);
    const end = at + wordBytes + this.#view.getUint32(at, true);
    return this.#isTerminated(end, field);
  }

  #isTerminated(end: number, field: LinkedField): boolean {
    const isInside = end < this.#length;
    return (isInside && this.#view.getUint8(end) === 0) || this.#refuse("without end", field.name);
  }

  #union(place: Place, field: LinkedField): boolean {
    const typeOffset = this.#offsetOf(place, field.slot - 2);
    if (typeOffset !== 0 && !isPlaced(place, typeOffset, 1)) {
      return this.#refuse("type outside its table", field.name);
    }
    const type = typeOffset === 0 ? 0 : this.#view.getUint8(place.at + typeOffset);
    const offset = this.#offsetOf(place, field.slot);
    if (type === 0 && offset === 0) return !field.isRequired || this.#refuse("missing", field.name);
    if (type === 0 || offset === 0) return this.#refuse("half there", field.name);

    const at = place.at + offset;
    if (!isPlaced(place, offset, wordBytes)) {
      return this.#refuse("outside its table or not aligned", field.name);
    }
    const table = field.targets[type];
    if (table) return this.#table(at, table, place.depth + 1);
    this.#isUnknown = true;
    return this.#target(at) >= 0 || this.#refuse("offset leads outside", field.name);
  }

  /** Where a field stands inside its table; 0 when it is absent. */
  #offsetOf(place: Place, slot: number): number {
    return slot < place.vtableBytes ? this.#view.getUint16(place.vtable + slot, true) : 0;
  }

  /** What the offset at `reference` leads to: room for a word, aligned. -1 when it leads elsewhere. */
  #target(reference: number): number {
    const offset = this.#view.getUint32(reference, true);
    const at = reference + offset;
    return offset === 0 || at > this.#length - wordBytes || !isAligned(at, wordBytes) ? -1 : at;
  }

  #refuse(fault: string, where: string): false {
    this.#fault = `${where}: ${fault}`;
    return false;
  }
}

/** Not on top of the table's own offset, not beyond its end, and aligned. */
function isPlaced(place: Place, offset: number, bytes: number): boolean {
  return (
    offset >= wordBytes && offset + bytes <= place.bytes && isAligned(place.at + offset, bytes)
  );
}

function isAligned(at: number, bytes: number): boolean {
  return ((at + prefixBytes) & (bytes - 1)) === 0;
}
