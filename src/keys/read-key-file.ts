// Reads keys from files, and only from files that nobody else could have read or changed, as ssh does with its keys.

import { errnoPhrase } from "../base/errnos.ts";
import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import { errnoName } from "../os/errno.ts";
import { OsError } from "../os/libc.ts";
import { type FileFacts, withOwnedFile } from "../os/owned-file.ts";
import type { Key } from "./contract.ts";
import { keyBytesMax, parseKey } from "./key-file.ts";

const ENOENT = 2;
const ENOTDIR = 20;

/**
 * Null when there is no such file.
 * @throws CtlError("key-unsafe") or CtlError("key-unreadable"), the latter with an errno when the system said no
 */
export function readKeyFile(path: string): Key | null {
  try {
    return withOwnedFile(path, (file) => {
      const { facts } = file;
      const where = quote(path);
      if (!facts.isRegular) throw unreadable(`${where} is not a file`);
      refuseUnsafe(facts, path);
      if (facts.bytes > keyBytesMax) throw unreadable(`${where} is too large to be a key of ctl`);
      return keyIn(file.readAt(0, facts.bytes), where);
    });
  } catch (error) {
    if (isAbsent(error)) return null;
    throw keyErrorOf(error, path);
  }
}

/** One that must be there, whatever its role. @throws CtlError("key-missing") and those of `readKeyFile` */
export function loadKey(path: string): { key: Key; from: string } {
  const key = readKeyFile(path);
  if (!key) throw new CtlError("key-missing", `There is no key ${quote(path)}`);
  return { key, from: quote(path) };
}

/** @param where for the message @throws CtlError("key-unreadable") */
export function keyIn(bytes: Uint8Array, where: string): Key {
  const text = decodeUtf8(bytes);
  if (text === null) throw unreadable(`${where} is not a key of ctl: it is not text`);
  return parseKey(text, where);
}

/** @throws CtlError("key-unsafe") when others than its owner, who must be us or root, can get at the file */
export function refuseUnsafe(facts: FileFacts, path: string): void {
  const uid = process.geteuid?.() ?? 0;
  if (facts.uid !== uid && facts.uid !== 0) {
    const whose = `it belongs to user id ${facts.uid}, and this is user id ${uid}`;
    throw unsafe(path, whose, `chown ${uid} ${shellWord(path)}`);
  }
  if ((facts.mode & 0o077) === 0) return;
  const isProgram = (facts.mode & 0o100) !== 0;
  const mode = facts.mode.toString(8).padStart(4, "0");
  throw unsafe(
    path,
    `others than its owner may use it (mode ${mode})`,
    `chmod ${isProgram ? "700" : "600"} ${shellWord(path)}`,
  );
}

export function isAbsent(error: unknown): boolean {
  return error instanceof OsError && (error.errno === ENOENT || error.errno === ENOTDIR);
}

/** The system's refusal in our words; anything else as it is. */
export function keyErrorOf(error: unknown, path: string): unknown {
  if (!(error instanceof OsError)) return error;
  const errno = errnoName(error.errno);
  const text = `Cannot read the key ${quote(path)}: ${errno}: ${errnoPhrase(error.errno)}`;
  return new CtlError("key-unreadable", text, { errno, cause: error });
}

const unreadable = (message: string): CtlError => new CtlError("key-unreadable", message);

const unsafe = (path: string, why: string, command: string): CtlError =>
  new CtlError("key-unsafe", `The key in ${quote(path)} is not safe: ${why}`, { hint: command });

/** Fit to be typed again where nothing needs quoting, which is nearly always. */
const shellWord = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : quote(path));
