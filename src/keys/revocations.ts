// The deny-list: fingerprints of keys that are no longer good, one on each line, in one file or several. A broken list is never taken
// for an empty one: whoever asks then gets an error, and must let nobody in.

import { assert } from "../base/assert.ts";
import { errnoName } from "../base/errnos.ts";
import { CtlError } from "../base/errors.ts";
import { cleanText, quote } from "../base/escape.ts";
import { nodeFs, nodePath } from "../os/builtin.ts";
import { closeFd, osErrorOf } from "../os/libc.ts";

/** More than 50,000 keys. A longer file is none of ours. */
export const revocationBytesMax = 4 * 1024 * 1024;

/** Of what is written behind a fingerprint. */
const commentBytesMax = 256;

/** What a user types, upper or lower case, with or without colons. @throws CtlError("usage") */
export function parseFingerprint(text: string): string {
  const plain = /^[0-9a-f]{2}(:[0-9a-f]{2}){31}$/i.test(text) ? text.replaceAll(":", "") : text;
  if (/^[0-9a-f]{64}$/i.test(plain)) return plain.toLowerCase();
  throw new CtlError("usage", `${quote(text)} is not the fingerprint of a key`, {
    hint: 'it has 64 hexadecimal digits, and "ctl key show" prints it',
  });
}

/** The fingerprints of the list in `path`; none when there is no such file. @throws CtlError */
export function readRevocations(path: string): ReadonlySet<string> {
  const fd = openIfThere(path);
  if (fd === null) return new Set();
  try {
    return parseRevocations(readChecked(fd, path), path);
  } finally {
    closeFd(fd);
  }
}

/** Pure. @param where the file's name, for the message @throws CtlError("key-unreadable") */
export function parseRevocations(text: string, where: string): ReadonlySet<string> {
  const fingerprints = new Set<string>();
  for (const [index, line] of text.split("\n").entries()) {
    const found = linePattern.exec(line);
    if (!found) throw brokenLine(where, index + 1);
    const fingerprint = found.groups?.["fingerprint"];
    if (fingerprint !== undefined) fingerprints.add(fingerprint);
  }
  return fingerprints;
}

/** Why user `ours` cannot trust a list, as the end of a sentence about it, or null. Root may do what it likes anyway. */
export function distrustOfList(facts: { uid: number; mode: number }, ours: number): string | null {
  const { uid, mode } = facts;
  if (uid !== 0 && uid !== ours) return `belongs to user id ${uid}`;
  if ((mode & 0o022) === 0) return null;
  return `can be written by others (mode ${(mode & 0o7777).toString(8)})`;
}

/**
 * Puts one more on the list in `path`, which is made when it is missing. It is on the disk when this returns.
 * @returns false when it was there already
 * @throws CtlError
 */
export function addRevocation(path: string, fingerprint: string, comment: string): boolean {
  const canonical = parseFingerprint(fingerprint);
  const isNew = !nodeFs().existsSync(path);
  const fd = attempt("change", path, () => nodeFs().openSync(path, "a+", 0o600));
  try {
    const text = readChecked(fd, path);
    if (parseRevocations(text, path).has(canonical)) return false;
    const start = text === "" || text.endsWith("\n") ? "" : "\n";
    attempt("change", path, () => appendWhole(fd, `${start}${lineOf(canonical, comment)}`));
    if (isNew) attempt("change", path, () => syncDirectory(nodePath().dirname(path)));
    return true;
  } finally {
    closeFd(fd);
  }
}

/** The lists as a daemon keeps them: read once, and again when one of their files has changed. */
export class Revocations {
  readonly #lists: { path: string; stamp: string; fingerprints: ReadonlySet<string> }[];

  /** @throws CtlError when a list is there and cannot be trusted or read */
  constructor(paths: readonly string[]) {
    this.#lists = paths.map((path) => {
      // Taken before the reading: what changes meanwhile is seen at the next question.
      const stamp = stampOf(path);
      return { path, stamp, fingerprints: readRevocations(path) };
    });
  }

  /** How many keys are revoked, as of the last reading. */
  get size(): number {
    return new Set(this.#lists.flatMap(({ fingerprints }) => [...fingerprints])).size;
  }

  /**
   * Asked for every new connection; costs one look at each file's facts.
   * @throws CtlError when a list has become unreadable: the answer is not known then, and nobody may be let in
   */
  isRevoked(fingerprint: string): boolean {
    this.#refresh();
    return this.#lists.some(({ fingerprints }) => fingerprints.has(fingerprint));
  }

  /**
   * Puts one more on the first of the lists, which is the owner's own; see addRevocation.
   * @throws CtlError
   */
  add(fingerprint: string, comment: string): boolean {
    const [own] = this.#lists;
    assert(own, "Whoever revokes a key has a list to put it on");
    return addRevocation(own.path, fingerprint, comment);
  }

  #refresh(): void {
    for (const list of this.#lists) {
      const stamp = stampOf(list.path);
      if (stamp === list.stamp) continue;
      list.fingerprints = readRevocations(list.path);
      // Only now: a list that could not be read is tried again at the next question.
      list.stamp = stamp;
    }
  }
}

// A fingerprint, a comment, both, or nothing. Blanks at the end and the carriage return of a foreign editor do no harm.
const linePattern = /^(?:(?<fingerprint>[0-9a-f]{64})(?=\s|$))?\s*(?:#[^\n]*)?$/;

function lineOf(fingerprint: string, comment: string): string {
  const text = cleanText(Buffer.from(comment).subarray(0, commentBytesMax)).trim();
  return text === "" ? `${fingerprint}\n` : `${fingerprint} # ${text}\n`;
}

function stampOf(path: string): string {
  const facts = attempt("read", path, () =>
    nodeFs().statSync(path, { bigint: true, throwIfNoEntry: false }),
  );
  if (!facts) return "missing";
  const { dev, ino, size, mtimeNs, ctimeNs } = facts;
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

function openIfThere(path: string): number | null {
  // A pipe of that name would otherwise wait for a writer.
  const { O_RDONLY, O_NONBLOCK } = nodeFs().constants;
  return attempt("read", path, () => {
    try {
      return nodeFs().openSync(path, O_RDONLY | O_NONBLOCK);
    } catch (error) {
      if (errnoName(osErrorOf(error).errno) === "ENOENT") return null;
      throw error;
    }
  });
}

/** The text of an open list. What is asked about is the open file, not the name: nobody can exchange it in between. */
function readChecked(fd: number, path: string): string {
  const { size, mode, uid, isFile } = attempt("read", path, () => factsOf(fd));
  if (!isFile)
    throw new CtlError("key-unreadable", `The list of revoked keys ${quote(path)} is no file`);
  const distrust = distrustOfList({ uid, mode }, process.geteuid?.() ?? 0);
  if (distrust !== null) {
    throw new CtlError("key-unsafe", `The list of revoked keys ${quote(path)} ${distrust}`, {
      hint: "make it yours alone, and look through it: somebody may have taken keys off it",
    });
  }
  if (size > revocationBytesMax) {
    const text = `The list of revoked keys ${quote(path)} is longer than ${revocationBytesMax} bytes`;
    throw new CtlError("key-unreadable", text);
  }
  const bytes = Buffer.alloc(size);
  const length = attempt("read", path, () => nodeFs().readSync(fd, bytes, 0, size, 0));
  return bytes.toString("latin1", 0, length);
}

function factsOf(fd: number): { size: number; mode: number; uid: number; isFile: boolean } {
  const facts = nodeFs().fstatSync(fd);
  return { size: facts.size, mode: facts.mode, uid: facts.uid, isFile: facts.isFile() };
}

/** One write. Half a line would make the whole list unreadable, so it is taken back when the disk is full. */
function appendWhole(fd: number, line: string): void {
  const bytes = Buffer.from(line);
  const { size } = nodeFs().fstatSync(fd);
  const written = nodeFs().writeSync(fd, bytes);
  if (written < bytes.length) {
    nodeFs().ftruncateSync(fd, size);
    throw Object.assign(new Error("The disk is full"), { errno: ENOSPC, syscall: "write" });
  }
  nodeFs().fsyncSync(fd);
}

const ENOSPC = 28;

/** Or the new name itself could be gone after a crash. */
function syncDirectory(path: string): void {
  const fd = nodeFs().openSync(path, "r");
  try {
    nodeFs().fsyncSync(fd);
  } finally {
    closeFd(fd);
  }
}

function brokenLine(where: string, line: number): CtlError {
  return new CtlError(
    "key-unreadable",
    `The list of revoked keys ${quote(where)} is broken in line ${line}`,
    { hint: 'a line is a fingerprint of 64 digits in lower case, and may go on with "# comment"' },
  );
}

/** @throws CtlError for what the system said no to */
function attempt<Value>(verb: "read" | "change", path: string, body: () => Value): Value {
  try {
    return body();
  } catch (error) {
    const errno = errnoName(osErrorOf(error).errno);
    const code = verb === "read" ? "key-unreadable" : "io-failed";
    const text = `Cannot ${verb} the list of revoked keys ${quote(path)}: ${errno}`;
    throw new CtlError(code, text, { errno, cause: error });
  }
}
