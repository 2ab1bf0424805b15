// What an option is, and how its value is read. Each command has one table of options; parsing and help are both made from
// it, so that neither can promise what the other does not keep. Values are bytes: paths and variables need not be text.

import { parseDuration, printDuration } from "../base/duration.ts";
import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import { nearest } from "./suggest.ts";

export interface Option<Value> {
  /** "connect-timeout". */
  readonly name: string;
  /** "e" for -e; null when there is only the long name. */
  readonly letter: string | null;
  /** What stands for the value in help, such as "DIR"; null when it takes none. */
  readonly word: string | null;
  /** One line for help; it does not repeat the default. */
  readonly help: string;
  /** How help shows what holds when it is not given; null when that goes without saying. */
  readonly standard: string | null;
  /** A flag may be set by this variable too, with "1". */
  readonly environment: string | null;
  readonly initial: Value;
  /**
   * The new value. `bytes` is null for a flag; `before` is the value so far, for options that may be repeated.
   * @throws CtlError("usage")
   */
  read(bytes: Uint8Array | null, before: Value): Value;
}

/** What every kind of option is described by; "-e/--env" is written `named("env", "e", "…")`. */
export interface OptionName {
  name: string;
  letter: string | null;
  help: string;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

export type ValuesOf<Table> = {
  -readonly [Key in keyof Table]: Table[Key] extends Option<infer Value> ? Value : never;
};

export function named(name: string, letter: string | null, help: string): OptionName {
  return { name, letter, help };
}

export function flag(about: OptionName, environment: string | null = null): Option<boolean> {
  return {
    ...about,
    word: null,
    standard: null,
    environment,
    initial: false,
    read: () => true,
  };
}

/** Every command has it. */
export const helpOption = flag(
  named("help", "h", "Show help: -h the short form, --help all of it"),
);

/** Text that must be UTF-8, such as an address; not empty. */
export function text(about: OptionName, word: string): Option<string | null> {
  return valued<string | null>(about, {
    word,
    initial: null,
    read: (given) => textOf(about, given),
  });
}

/** Bytes as they are; not empty. */
export function path(about: OptionName, word: string): Option<Uint8Array | null> {
  const read = (given: Uint8Array): Uint8Array => {
    if (given.length === 0) throw wrong(about, given, { problem: "is empty" });
    return given;
  };
  return valued<Uint8Array | null>(about, { word, initial: null, read });
}

/** May be given several times. */
export function repeated(about: OptionName, word: string): Option<readonly Uint8Array[]> {
  return valued<readonly Uint8Array[]>(about, { word, initial: [], read: appended });
}

const appended = (given: Uint8Array, before: readonly Uint8Array[]): readonly Uint8Array[] => [
  ...before,
  given,
];

export interface DurationBounds {
  initialMs: number;
  /** 0 unless said otherwise. */
  minMs?: number;
  /** How help calls the initial value, when not by its length. */
  standard?: string;
}

/** In milliseconds. */
export function duration(about: OptionName, bounds: DurationBounds): Option<number> {
  const { initialMs } = bounds;
  return valued(about, {
    word: "D",
    initial: initialMs,
    standard: bounds.standard ?? printDuration(initialMs),
    read: (given) => durationOf(about, given, bounds.minMs ?? 0),
  });
}

export interface IntegerBounds<Initial> {
  initial: Initial;
  min: number;
  max: number;
}

export function integer<Initial extends number | null>(
  about: OptionName,
  bounds: IntegerBounds<Initial>,
): Option<number | Initial> {
  const { initial, min, max } = bounds;
  const read = (given: Uint8Array): number => {
    const written = textOf(about, given);
    const value = /^-?\d{1,15}$/.test(written) ? Number(written) : null;
    if (value === null) throw wrong(about, given, { problem: "is not a whole number" });
    if (value < min || value > max) {
      throw wrong(about, given, { problem: "is out of range", hint: `write ${min} to ${max}` });
    }
    return value;
  };
  const standard = initial === null ? null : `${initial}`;
  return valued<number | Initial>(about, { word: "N", initial, standard, read });
}

/** One of several words; the first is what holds when it is not given. */
export function choice<Word extends string>(
  about: OptionName,
  words: readonly [Word, ...Word[]],
): Option<Word> {
  const read = (given: Uint8Array): Word => {
    const written = textOf(about, given);
    const found = words.find((word) => word === written);
    if (found !== undefined) return found;
    const meant = nearest(written, words);
    const hint = meant === null ? {} : { hint: `did you mean "${meant}"?` };
    throw wrong(about, given, { problem: `is none of ${words.join(", ")}`, ...hint });
  };
  return valued<Word>(about, {
    word: words.join("|"),
    initial: words[0],
    standard: words[0],
    read,
  });
}

export interface CustomValue<Value> {
  word: string;
  initial: Value;
  standard?: string | null;
  read(given: Uint8Array, before: Value): Value;
}

/** A value of its own grammar. */
export function valued<Value>(about: OptionName, value: CustomValue<Value>): Option<Value> {
  const { word, initial, standard = null } = value;
  return {
    ...about,
    word,
    initial,
    standard,
    environment: null,
    read: (given, before) => value.read(given ?? new Uint8Array(), before),
  };
}

/** The text of a value. @throws CtlError("usage") when it is empty or not UTF-8 */
export function textOf(about: { name: string }, given: Uint8Array): string {
  const written = decodeUtf8(given);
  if (written === null) throw wrong(about, given, { problem: "is not UTF-8" });
  if (written === "") throw wrong(about, given, { problem: "is empty" });
  return written;
}

/** In milliseconds. @throws CtlError("usage") */
export function durationOf(about: { name: string }, given: Uint8Array, minMs: number): number {
  const parsed = parseDuration(textOf(about, given));
  if ("problem" in parsed) throw wrong(about, given, parsed);
  if (parsed.ms < minMs) {
    throw wrong(about, given, {
      problem: "is too short",
      hint: `write ${printDuration(minMs)} or more`,
    });
  }
  return parsed.ms;
}

export interface Mistake {
  /** A phrase that goes after the quoted value. */
  problem: string;
  /** What to do about it. */
  hint?: string;
}

/** `--timeout "5" has no unit`, and as a hint `write 5s or 5ms`. */
export function wrong(about: { name: string }, given: Uint8Array, mistake: Mistake): CtlError {
  const { problem, hint } = mistake;
  return new CtlError("usage", `--${about.name} ${quote(given)} ${problem}`, hint ? { hint } : {});
}
