// What of a command line may stand in a log. Pure. A guard rail and no promise: it knows the usual ways of writing a secret into an
// argument, and cannot know the others ("-pSECRET", "curl -u name:secret", a bare word that happens to be one).

import { escapeText } from "../base/escape.ts";
import { incompleteTail } from "../base/utf8.ts";

/** Words of one command that are shown. */
export const shownWordsMax = 64;
/** Of one word; a longer one is cut, and its length is told. */
export const shownWordBytesMax = 256;
/** Secrets are looked for in so much of a word, so that one that the cut would split is still seen whole. */
const scannedBytesMax = 1_024;

export const redacted = "[redacted]";

export interface ShownWords {
  words: string[];
  /** How many there were. */
  count: number;
}

/** A command line with its secrets replaced, its bytes escaped, and its length bounded. */
export function redactArgv(argv: readonly Uint8Array[]): ShownWords {
  const shown = argv.slice(0, shownWordsMax);
  const words = shown.map((word, index) => {
    const before = argv[index - 1];
    return before && announcesSecret(latin1(before)) ? redacted : redactWord(word);
  });
  return { words, count: argv.length };
}

/** The names of NAME=VALUE entries. Their values are never shown, whatever they are. */
export function environmentNames(env: readonly Uint8Array[]): ShownWords {
  const words = env.slice(0, shownWordsMax).map((entry) => {
    const end = entry.indexOf(equalsSign);
    return shorten(entry, end < 0 ? entry.length : end);
  });
  return { words, count: env.length };
}

/** A path or another word that is no argument: escaped and bounded. */
export function showBytes(bytes: Uint8Array): string {
  return shorten(bytes, bytes.length);
}

const equalsSign = 0x3d;

// One character for each byte: what is no UTF-8 stays what it is until it is escaped.
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, scannedBytesMax)).toString(
    "latin1",
  );

const secretWord =
  /^(pass|passwd|password|passphrase|token|secret|key|apikey|auth|authorization|credential)s?$/;
const secretPart = /pass|secret|token|key|credential|auth/i;

/** Whether the word behind this one is a secret: "--password", "-token", "--db-password", "--accessToken". */
function announcesSecret(word: string): boolean {
  const name = /^--?(?<name>[A-Za-z][\w.-]*)$/.exec(word)?.groups?.["name"] ?? "";
  const last = name
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, "-")
    .split(/[-_.]/)
    .at(-1);
  return secretWord.test((last ?? "").toLowerCase());
}

function redactWord(word: Uint8Array): string {
  const scanned = latin1(word);
  const text = withoutSecrets(scanned);
  if (text === scanned) return shorten(word, word.length);
  const bytes = Buffer.from(text, "latin1");
  // How long a secret is that reached the end of what was looked at is nobody's business.
  if (text.endsWith(redacted)) return shorten(bytes, bytes.length);
  const unseen = word.length - scanned.length;
  return unseen > 0 ? shorten(bytes, bytes.length + unseen) : shorten(bytes, bytes.length);
}

function withoutSecrets(word: string): string {
  const pem = word.indexOf("-----BEGIN ");
  if (pem >= 0) return `${withoutSecrets(word.slice(0, pem))}${redacted}`;
  // "NAME=VALUE", "--name=value", "Name: value": the value is the rest of the word, blanks and all.
  const whole = /^(?<head>-{0,2}(?<name>[A-Za-z_][\w.-]*)(?:=|: ))[^]/.exec(word)?.groups;
  if (whole && secretPart.test(whole["name"] ?? "")) return `${whole["head"]}${redacted}`;
  return withoutInnerSecrets(withoutUrlSecrets(word));
}

/** "://user:password@": up to the last "@", for passwords that were not encoded. */
function withoutUrlSecrets(word: string): string {
  return word.replaceAll(/(?<=:\/\/[^\s/:@]{0,256}:)[^\s]*@/g, `${redacted}@`);
}

/** The same within a script that is one word: "export TOKEN=abc; tool --password 'a b'". */
function withoutInnerSecrets(word: string): string {
  const assignments = word.replaceAll(
    /(?<![\w.-])(?<name>[A-Za-z_-][\w.-]{0,63})=(?<value>"[^"]*"?|'[^']*'?|[^\s"';&|]+)/g,
    (match, name: string) => (secretPart.test(name) ? `${name}=${redacted}` : match),
  );
  return assignments.replaceAll(
    /(?<![\w.-])(?<option>--?[A-Za-z][\w.-]{0,63})(?<gap>[ \t]+)(?:"[^"]*"?|'[^']*'?|[^\s"';&|]+)/g,
    (match, option: string, gap: string) =>
      announcesSecret(option) ? `${option}${gap}${redacted}` : match,
  );
}

/** The first bytes, never a piece of a code point; `length` is how many there would be. */
function shorten(bytes: Uint8Array, length: number): string {
  const kept = bytes.subarray(0, Math.min(length, shownWordBytesMax));
  if (kept.length === length) return escapeText(kept);
  const whole = kept.subarray(0, kept.length - incompleteTail(kept));
  return `${escapeText(whole)}… (${length} bytes)`;
}
