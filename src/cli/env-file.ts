// Variables from a file, in the format of `docker run --env-file`: NAME=VALUE lines, NAME alone for the caller's value, "#"
// lines are comments, nothing is quoted or expanded. Bytes in, bytes out; every mistake names its line.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";

/** What the caller's environment holds for a name; null when it is not set. */
export type LookUp = (name: Uint8Array) => Uint8Array | null;

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const equals = 0x3d;

/**
 * NAME=VALUE each, in the order of the file.
 * @param path of the file, for messages
 * @throws CtlError("usage")
 */
export function parseEnvFile(
  content: Uint8Array,
  path: Uint8Array,
  lookUp: LookUp = () => null,
): Uint8Array[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  let start = bytes.indexOf(byteOrderMark) === 0 ? byteOrderMark.length : 0;
  const entries: Uint8Array[] = [];
  for (let line = 1; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const entry = entryOf(bytes.subarray(start, end), lookUp);
    if (typeof entry === "string") {
      const where = `--env-file ${quote(path)}, line ${line}`;
      throw new CtlError("usage", `${where}: ${entry}`, { hint: "write NAME=VALUE" });
    }
    if (entry) entries.push(entry);
    start = end + 1;
  }
  return entries;
}

/** Null for a line that says nothing; a text for what is wrong with it. */
function entryOf(line: Buffer, lookUp: LookUp): Uint8Array | string | null {
  let start = 0;
  while (isBlank(line[start])) start += 1;
  const end = line[line.length - 1] === 0x0d ? line.length - 1 : line.length;
  const entry = line.subarray(start, Math.max(start, end));
  if (entry.length === 0 || entry[0] === 0x23) return null;
  if (entry.includes(0)) return "a NUL byte cannot be part of a variable";
  const at = entry.indexOf(equals);
  const name = at < 0 ? entry : entry.subarray(0, at);
  if (name.length === 0) return "there is no name before the =";
  if (name.some(isBlank)) return `the name ${quote(name)} has blanks in it`;
  if (at >= 0) return entry;
  const value = lookUp(name);
  if (!value) return `${quote(name)} has no value, and is not set here`;
  return Buffer.concat([name, Buffer.of(equals), value]);
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d;
