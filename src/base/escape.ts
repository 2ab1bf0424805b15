// Bytes that others chose, made fit for a terminal and for one line. What could steer a terminal, reorder text or hide in
// it is written as its bytes, \xNN, like bytes that are not UTF-8 at all. Everything else stays as it is.

import { codePointLength, decodeUtf8 } from "./utf8.ts";

/** Longer texts are cut: a line for people is no place for a megabyte. */
const shownBytesMax = 1_024;

// C0 and DEL, C1, soft hyphen, direction marks, zero-width characters, line and paragraph separators, byte order mark.
const hostile =
  // oxlint-disable-next-line no-control-regex -- finding them is the purpose
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** One line without anything hostile. A backslash is doubled, so that nothing can be mistaken for an escape. */
export function escapeText(text: Uint8Array | string): string {
  return shown(text, (part) => part.replaceAll("\\", "\\\\"));
}

/** The same between double quotes, with those inside escaped. */
export function quote(text: Uint8Array | string): string {
  return `"${shown(text, (part) => part.replaceAll("\\", "\\\\").replaceAll('"', '\\"'))}"`;
}

/** For sentences that a peer wrote: nothing hostile, one line, but quotes and backslashes stay readable. */
export function cleanText(text: Uint8Array | string): string {
  return shown(text, (part) => part);
}

function shown(text: Uint8Array | string, protect: (part: string) => string): string {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const kept = bytes.subarray(0, shownBytesMax);
  let line = "";
  for (const part of validParts(kept)) {
    line += typeof part === "number" ? hex(part) : protect(part).replace(hostile, escapeCharacter);
  }
  return kept.length < bytes.length ? `${line}…` : line;
}

/** Runs of valid UTF-8, and single bytes that belong to none. */
function* validParts(bytes: Uint8Array): Generator<string | number> {
  const whole = decodeUtf8(bytes);
  if (whole !== null) {
    yield whole;
    return;
  }
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = codePointLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > start) yield decodeUtf8(bytes.subarray(start, at)) ?? "";
    yield bytes[at] ?? 0;
    at += 1;
    start = at;
  }
  if (at > start) yield decodeUtf8(bytes.subarray(start, at)) ?? "";
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return [...Buffer.from(character)].map(hex).join("");
}

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;
