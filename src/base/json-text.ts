// JSON with exact integers of any size, one line, and nothing in it that could steer a terminal. Nanoseconds since 1970 do
// not fit into a double, so they come as bigint and are written out in full.

export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  /** Left out of an object. */
  | undefined
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export function toJson(value: JsonValue): string {
  if (typeof value === "string") return stringJson(value);
  if (typeof value === "number") return Number.isFinite(value) ? `${value}` : "null";
  if (value === null || value === undefined) return "null";
  return typeof value === "object" ? compositeJson(value) : `${value}`;
}

function compositeJson(
  value: readonly JsonValue[] | { readonly [key: string]: JsonValue },
): string {
  if (isList(value)) return `[${value.map(toJson).join(",")}]`;
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${stringJson(key)}:${toJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

const isList = (value: object): value is readonly JsonValue[] => Array.isArray(value);

// JSON.stringify escapes C0 only. These are the others that base/escape.ts names; as \uNNNN they mean the same to every reader.
const hostile =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function stringJson(text: string): string {
  return JSON.stringify(text).replace(
    hostile,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
