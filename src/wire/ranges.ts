// Checked steps between a table's fields and plain values: what the schema cannot say. The reading half meets hostile
// bytes, the writing half our own mistakes; both refuse instead of wrapping or cutting a number.

import { type Builder, Encoding } from "flatbuffers";

import { assert } from "../base/assert.ts";
import { CtlError } from "../base/errors.ts";

/** As an argument of a generated string accessor: the bytes, so that their number is checked before they are decoded. */
export const asBytes = Encoding.UTF8_BYTES;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** @throws CtlError("protocol-violated") */
export function violated(what: string): never {
  throw new CtlError("protocol-violated", what);
}

/** The verifier has seen to it that a required field is there. */
export function present<Value>(value: Value | null): Value {
  assert(value !== null, "The verifier lets no table pass without its required fields");
  return value;
}

/** A whole number of one, two or four bytes as JavaScript has it. */
export function within(value: number, max: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    violated(`"${field}" is ${value}, at most ${max} is possible`);
  }
  return value;
}

export const uint16 = (value: number, field: string): number => within(value, 0xffff, field);
export const uint32 = (value: number, field: string): number => within(value, 0xffff_ffff, field);

export function uint64(value: bigint, field: string): bigint {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) violated(`"${field}" is ${value}`);
  return value;
}

/** A count of bytes, milliseconds or the like: travels as 64 bits, and must be exact as a number. */
export function writeCount(value: number, field: string): bigint {
  return BigInt(within(value, Number.MAX_SAFE_INTEGER, field));
}

export function readCount(value: bigint, field: string): number {
  const count = Number(value);
  if (count > Number.MAX_SAFE_INTEGER) violated(`"${field}" is ${value}, more than 2^53 - 1`);
  return count;
}

/** The stream must stay countable up to the end of these bytes. */
export function readSpan(offset: bigint, length: number, field: string): number {
  const start = readCount(offset, field);
  if (start > Number.MAX_SAFE_INTEGER - length) violated(`"${field}" plus ${length} is too large`);
  return start;
}

export function exactly(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length !== length)
    violated(`"${field}" has ${bytes.length} bytes instead of ${length}`);
  return bytes;
}

export function atMost(bytes: Uint8Array, max: number, field: string): Uint8Array {
  if (bytes.length > max) violated(`"${field}" has ${bytes.length} bytes, at most ${max} may be`);
  return bytes;
}

/** The number of a list's entries. */
export function entries(length: number, max: number, field: string): number {
  if (length > max) violated(`"${field}" has ${length} entries, at most ${max} may be`);
  return length;
}

/** Text for people. What is not UTF-8 becomes U+FFFD. */
export function readText(value: string | Uint8Array | null, max: number, field: string): string {
  assert(value instanceof Uint8Array, "Text is asked for as bytes, and required");
  return decoder.decode(atMost(value, max, field));
}

/** Text for people: what is too long is cut between two characters, for a report must not fail for its length. */
export function writeText(builder: Builder, text: string, max: number): number {
  const bytes = encoder.encode(text);
  if (bytes.length <= max) return builder.createString(bytes);
  const room = new Uint8Array(max);
  return builder.createString(room.subarray(0, encoder.encodeInto(text, room).written));
}

/** One of a closed list of words that travels as its number. */
export interface Words<Word extends string, Value extends number> {
  numberOf(word: Word): Value;
  /** @throws CtlError("protocol-violated") */
  wordOf(number: number): Word;
}

/** @param numbers the members of the schema's enum, exhaustive */
export function words<Word extends string, Value extends number>(
  field: string,
  numbers: Readonly<Record<Word, Value>>,
): Words<Word, Value> {
  const byNumber: Word[] = [];
  for (const word in numbers) byNumber[numbers[word]] = word;
  return {
    numberOf: (word) => numbers[word],
    wordOf: (number) => byNumber[number] ?? violated(`"${field}" is ${number}, which is unknown`),
  };
}

/** One of a closed list of words that travels as text. */
export interface Codes<Code extends string> {
  /** @throws CtlError("protocol-violated") */
  codeOf(text: string): Code;
}

export function codes<Code extends string>(
  field: string,
  list: Readonly<Record<Code, true>>,
): Codes<Code> {
  const known: ReadonlySet<string> = new Set(Object.keys(list));
  const isKnown = (text: string): text is Code => known.has(text);
  return {
    codeOf: (text) =>
      isKnown(text) ? text : violated(`"${field}" is "${text}", which is unknown`),
  };
}
