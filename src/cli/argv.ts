// The words of the command line: ours taken apart by a command's table of options, those of the remote command left as they
// are, byte for byte. An own tokenizer, because importing node:util for its parseArgs costs 1.3 ms of every start.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import { helpOption, type Option, type OptionTable, type ValuesOf } from "./options.ts";
import { nearest } from "./suggest.ts";
import type { CommandSyntax } from "./syntax/command-syntax.ts";

export type Parsed<Table> =
  /** -h or --help stood among our words; nothing else was looked at. */
  | { kind: "help"; isFull: boolean }
  | {
      kind: "run";
      options: ValuesOf<Table>;
      operands: string[];
      /** Every word from the first of the remote command on. */
      command: Uint8Array[];
    };

/** The words after the program's name, byte for byte. */
export function readArguments(): Uint8Array[] {
  const words = process.argv.slice(2);
  // The runtime decodes argv as UTF-8. Only where it had to replace something does the kernel know more; asking it costs
  // as much as all the rest of parsing.
  if (!words.some((word) => word.includes("\u{fffd}")))
    return words.map((word) => Buffer.from(word));
  const { readFileSync } = process.getBuiltinModule("node:fs");
  return wordsOf(readFileSync("/proc/self/cmdline")).slice(-words.length);
}

/** Splits what ends with NUL each. */
export function wordsOf(list: Uint8Array): Uint8Array[] {
  const words: Uint8Array[] = [];
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start);
    const stop = end < 0 ? list.length : end;
    words.push(list.subarray(start, stop));
    start = stop + 1;
  }
  return words;
}

/**
 * Takes the words after the command's name apart. `env` is where flags may be set as well.
 * @throws CtlError("usage")
 */
export function parseArguments<Table extends OptionTable>(
  syntax: CommandSyntax<Table>,
  words: readonly Uint8Array[],
  env: Readonly<Record<string, string | undefined>> = {},
): Parsed<Table> {
  const reader = new Reader(syntax, words);
  const help = reader.readAll();
  if (help) return { kind: "help", isFull: help === "full" };
  reader.applyEnvironment(env);
  refuseConflicts(syntax, reader.given);
  refuseMissing(syntax, reader);
  const { operands, command } = reader;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table's own readers made these values
  const options = reader.values as ValuesOf<Table>;
  return { kind: "run", options, operands, command };
}

class Reader {
  readonly #syntax: CommandSyntax;
  readonly #words: readonly Uint8Array[];
  #next = 0;
  #help: "short" | "full" | null = null;
  readonly values: Record<string, unknown> = {};
  /** Keys of the options that were typed. */
  readonly given = new Set<string>();
  readonly operands: string[] = [];
  command: Uint8Array[] = [];

  constructor(syntax: CommandSyntax, words: readonly Uint8Array[]) {
    this.#syntax = syntax;
    this.#words = words;
    for (const [key, option] of Object.entries(syntax.options)) this.values[key] = option.initial;
  }

  /** Says which help was asked for, if any. */
  readAll(): "short" | "full" | null {
    let optionsEnded = false;
    while (this.#next < this.#words.length && this.#help === null) {
      const word = this.#words[this.#next] ?? new Uint8Array();
      const isFull = this.operands.length === this.#syntax.operands.length;
      const isOurs = !optionsEnded && isOption(word) && !isTerminator(word);
      if (isFull && this.#syntax.hasCommand && !isOurs) {
        this.#takeCommand(isTerminator(word) ? 1 : 0);
        break;
      }
      this.#next += 1;
      if (isOurs) this.#option(word);
      else if (!optionsEnded && isTerminator(word)) optionsEnded = true;
      else if (isFull) throw this.#unexpected(word);
      else this.#operand(word);
    }
    return this.#help;
  }

  applyEnvironment(env: Readonly<Record<string, string | undefined>>): void {
    for (const [key, { name, environment }] of Object.entries(this.#syntax.options)) {
      const value = environment === null ? undefined : env[environment];
      if (value === undefined || value === "" || value === "0") continue;
      if (value !== "1") {
        const hint = `1 means --${name}, 0 or nothing means that it is not given`;
        throw new CtlError("usage", `${environment}=${quote(value)} is neither 1 nor 0`, { hint });
      }
      this.values[key] = true;
    }
  }

  #operand(word: Uint8Array): void {
    const operand = decodeUtf8(word);
    const name = this.#syntax.operands[this.operands.length] ?? "";
    if (operand === null) throw usage(`${name} ${quote(word)} is not UTF-8`);
    if (operand === "") throw usage(`${name} is empty`);
    this.operands.push(operand);
  }

  /** One "--" right before it is no part of it. */
  #takeCommand(skipped: number): void {
    this.command = this.#words.slice(this.#next + skipped);
  }

  #unexpected(word: Uint8Array): CtlError {
    return usage(`Unexpected ${quote(word)}`, formOf(this.#syntax));
  }

  #option(word: Uint8Array): void {
    // Latin-1 keeps every byte apart, so that a value comes back as it was.
    const written = Buffer.from(word).toString("latin1");
    if (written.startsWith("--")) this.#long(written);
    else this.#letters(written);
  }

  #long(written: string): void {
    const equals = written.indexOf("=");
    const name = written.slice(2, equals < 0 ? undefined : equals);
    const value = equals < 0 ? null : written.slice(equals + 1);
    const found = this.#find((option) => option.name === name);
    if (!found) throw this.#unknown(`--${name}`);
    if (found.option.word === null && value !== null) {
      throw usage(`--${name} takes no value, but ${quote(latin1(value))} was given`);
    }
    this.#set(found, value, `--${name}`);
  }

  /** "-qn", "-eK=V", "-qC/tmp". */
  #letters(written: string): void {
    for (let at = 1; at < written.length; at += 1) {
      const letter = written[at] ?? "";
      const found = this.#find((option) => option.letter === letter);
      if (!found) throw this.#unknownLetter(letter, written);
      if (found.option.word === null) {
        this.#set(found, null, `-${letter}`);
        continue;
      }
      const value = written.slice(at + 1);
      return this.#set(found, value === "" ? null : value, `-${letter}`);
    }
  }

  #set({ key, option }: Found, given: string | null, typed: string): void {
    if (option === helpOption) {
      this.#help ??= typed === "-h" ? "short" : "full";
      return;
    }
    let value: Uint8Array | null = null;
    if (option.word !== null) {
      value = given === null ? (this.#words[this.#next] ?? null) : latin1(given);
      if (given === null) this.#next += 1;
      if (value === null) throw usage(`${typed} needs a value`, `write ${typed} ${option.word}`);
    }
    this.values[key] = option.read(value, this.values[key]);
    this.given.add(key);
  }

  #find(matches: (option: Option<unknown>) => boolean): Found | null {
    for (const [key, option] of Object.entries(this.#syntax.options)) {
      if (matches(option)) return { key, option };
    }
    return matches(helpOption) ? { key: "help", option: helpOption } : null;
  }

  #unknown(typed: string): CtlError {
    const names = ["help", ...Object.values(this.#syntax.options).map((option) => option.name)];
    const meant = nearest(typed.slice(2), names);
    return this.#unknownOption(typed, meant);
  }

  #unknownLetter(letter: string, written: string): CtlError {
    const names = Object.values(this.#syntax.options).map((option) => option.name);
    const name = written.slice(1).split("=")[0] ?? "";
    // "-timeout 5s": the habit of other tools.
    const meant = name.length > 2 ? nearest(name, names) : null;
    return this.#unknownOption(meant === null ? `-${letter}` : `-${name}`, meant);
  }

  #unknownOption(typed: string, meant: string | null): CtlError {
    const hint =
      meant === null ? `see: ctl ${this.#syntax.name} --help` : `did you mean "--${meant}"?`;
    return usage(`Unknown option ${quote(latin1(typed))}`, hint);
  }
}

interface Found {
  key: string;
  option: Option<unknown>;
}

/** "-" alone and negative numbers are operands. */
function isOption(word: Uint8Array): boolean {
  const [first, second] = word;
  if (first !== 0x2d || second === undefined) return false;
  return second < 0x30 || second > 0x39;
}

const isTerminator = (word: Uint8Array): boolean =>
  word.length === 2 && word[0] === 0x2d && word[1] === 0x2d;

function refuseConflicts(syntax: CommandSyntax, given: ReadonlySet<string>): void {
  for (const [one, other] of syntax.conflicts) {
    if (!given.has(one) || !given.has(other)) continue;
    const names = [one, other].map((key) => `--${syntax.options[key]?.name}`);
    throw usage(`${names.join(" and ")} contradict each other`, "give one of them");
  }
}

function refuseMissing(syntax: CommandSyntax, reader: Reader): void {
  const { name, operands, operandsMin } = syntax;
  const form = formOf(syntax);
  const missing = operands[reader.operands.length];
  if (reader.operands.length < operandsMin && missing !== undefined) {
    throw usage(`ctl ${name} needs ${missing}`, form);
  }
  if (syntax.hasCommand && reader.command.length === 0) {
    throw usage(`ctl ${name} needs a COMMAND to run on ${quote(reader.operands[0] ?? "")}`, form);
  }
}

const formOf = (syntax: CommandSyntax): string =>
  `write: ctl ${syntax.name} ${syntax.usage}`.trimEnd();

const latin1 = (written: string): Uint8Array => Buffer.from(written, "latin1");

const usage = (message: string, hint?: string): CtlError =>
  new CtlError("usage", message, hint === undefined ? {} : { hint });
