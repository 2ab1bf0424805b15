// What a command looks like: its operands, its options and what is said about them. One value per command; parsing reads
// the one half of it, help the other.

import type { OptionTable } from "../options.ts";

export interface Example {
  command: string;
  explains: string;
}

export interface HelpSection {
  title: string;
  /** Paragraphs; help breaks the lines. One that starts with a blank is shown as it is. */
  paragraphs: readonly string[];
}

export interface CommandSyntax<Table extends OptionTable = OptionTable> {
  name: string;
  /** For the list of commands. */
  summary: string;
  /** What stands after "ctl NAME". */
  usage: string;
  /** Names of the operands, in order. */
  operands: readonly string[];
  /** The last operands may be missing, down to this many. */
  operandsMin: number;
  /** What follows the operands is a command of its own: options end at its first word. At least one word is needed. */
  hasCommand: boolean;
  options: Table;
  /** Pairs of keys of `options` that contradict each other. */
  conflicts: readonly (readonly [string, string])[];
  examples: readonly Example[];
  /** After the options, in full help only. */
  sections: readonly HelpSection[];
}
