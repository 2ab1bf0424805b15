// Help of one command, made from the same table that its words are parsed with. Examples come first: they are what most
// people look for.

import { helpOption, type Option } from "../options.ts";
import type { CommandSyntax, HelpSection } from "../syntax/command-syntax.ts";
import { columns, type Row, wrap } from "./layout.ts";

const exampleColumnMax = 44;
const optionColumnMax = 26;

/** The short form leaves out what explains, not what exists. */
export function helpOf(syntax: CommandSyntax, isFull: boolean): string {
  const { name, usage } = syntax;
  const blocks = [
    [`ctl ${name}: ${lowerFirst(syntax.summary)}`],
    columns(
      syntax.examples.map((one) => ({ left: one.command, right: one.explains })),
      exampleColumnMax,
    ),
    ["Usage:", `  ctl ${name} ${usage}`],
    ["Options:", ...columns(optionRows(syntax, isFull), optionColumnMax)],
    ...(isFull ? syntax.sections.map(sectionLines) : [[`More: ctl ${name} --help`]]),
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** A title and its paragraphs. */
export function sectionLines(section: HelpSection): string[] {
  const paragraphs = section.paragraphs.map((paragraph) =>
    paragraph.startsWith(" ") ? [paragraph] : wrap(paragraph, 2),
  );
  return [
    `${section.title}:`,
    ...paragraphs.flatMap((lines, index) => gapBefore(section, index, lines)),
  ];
}

/** An empty line between paragraphs, none between lines that are shown as they are. */
function gapBefore(section: HelpSection, index: number, lines: string[]): string[] {
  const isPlain = (at: number): boolean => section.paragraphs[at]?.startsWith(" ") === true;
  return index === 0 || (isPlain(index) && isPlain(index - 1)) ? lines : ["", ...lines];
}

function optionRows(syntax: CommandSyntax, isFull: boolean): Row[] {
  return [...Object.values(syntax.options), helpOption].map((option) => ({
    left: optionForm(option),
    right: isFull ? fullHelp(option) : option.help,
  }));
}

function optionForm({ name, letter, word }: Option<unknown>): string {
  const short = letter === null ? "    " : `-${letter}, `;
  return `${short}--${name}${word === null ? "" : ` ${word}`}`;
}

function fullHelp({ help, standard, environment }: Option<unknown>): string {
  const notes = [
    ...(standard === null ? [] : [`default: ${standard}`]),
    ...(environment === null ? [] : [`or ${environment}=1`]),
  ];
  return notes.length === 0 ? help : `${help} (${notes.join("; ")})`;
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
