// `ctl help`: the list of commands, and pages on what belongs to no single command.

import { CtlError } from "../../base/errors.ts";
import { quote } from "../../base/escape.ts";
import { nearest } from "../suggest.ts";
import type { CommandSyntax, HelpSection } from "../syntax/command-syntax.ts";
import { daemonSyntax } from "../syntax/daemon.ts";
import { execSyntax } from "../syntax/exec.ts";
import { initSyntax } from "../syntax/init.ts";
import { keySyntax } from "../syntax/key.ts";
import { packSyntax } from "../syntax/pack.ts";
import { pingSyntax } from "../syntax/ping.ts";
import { rekeySyntax } from "../syntax/rekey.ts";
import { revokeSyntax } from "../syntax/revoke.ts";
import { versionSyntax } from "../syntax/version.ts";
import { helpOf, sectionLines } from "./command-help.ts";
import { columns } from "./layout.ts";
import { exitCodePage, jsonPage } from "./pages.ts";

const commands: readonly CommandSyntax[] = [
  execSyntax,
  daemonSyntax,
  pingSyntax,
  initSyntax,
  keySyntax,
  packSyntax,
  rekeySyntax,
  revokeSyntax,
  versionSyntax,
];

interface Page {
  summary: string;
  sections: readonly HelpSection[];
}

const pages: ReadonlyMap<string, Page> = new Map([
  ["exit-codes", { summary: "What ctl exits with", sections: exitCodePage }],
  ["json", { summary: "What --json prints", sections: jsonPage }],
]);

/** Every word that may stand after `ctl`, the nearest of which is meant by one that may not. */
export const commandNames: readonly string[] = [...commands.map(({ name }) => name), "help"];

/**
 * @param topic a command or a page; null for the list of them
 * @throws CtlError("usage") for a topic that there is not
 */
export function helpText(topic: string | null): string {
  if (topic === null || topic === "help") return overview();
  const command = commands.find(({ name }) => name === topic);
  if (command) return helpOf(command, true);
  const page = pages.get(topic);
  if (page)
    return `${page.sections.map((section) => sectionLines(section).join("\n")).join("\n\n")}\n`;
  throw unknownWord(`There is no help on ${quote(topic)}`, topic, [
    ...commandNames,
    ...pages.keys(),
  ]);
}

/** For a first word that is no command. */
export function unknownCommand(word: string): CtlError {
  return unknownWord(`Unknown command ${quote(word)}`, word, commandNames);
}

function unknownWord(message: string, word: string, known: readonly string[]): CtlError {
  const meant = nearest(word, known);
  const hint = meant === null ? "see: ctl help" : `did you mean "${meant}"?`;
  return new CtlError("usage", message, { hint });
}

function overview(): string {
  const blocks = [
    ["ctl: run and control processes on many machines"],
    columns(
      [
        { left: "ctl exec local uname -r", right: "try it: this machine, nothing to set up" },
        { left: "ctl daemon", right: "serve this machine" },
        { left: "ctl exec node3 sleep 10", right: "run a command on a node" },
        { left: "ctl ping node1,node2", right: "who is there" },
      ],
      exampleLeftMax,
    ),
    ["Commands:", ...columns(rowsOf(commands), commandLeftMax)],
    ["Pages:", ...columns(pageRows(), commandLeftMax)],
    ["More: ctl help COMMAND, ctl help PAGE, or ctl COMMAND -h for the short form"],
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const exampleLeftMax = 40;
const commandLeftMax = 20;

const rowsOf = (
  list: readonly { name: string; summary: string }[],
): { left: string; right: string }[] =>
  list.map(({ name, summary }) => ({ left: `ctl ${name}`, right: summary }));

const pageRows = (): { left: string; right: string }[] =>
  [...pages].map(([name, { summary }]) => ({
    left: `ctl help ${name}`,
    right: summary,
  }));
