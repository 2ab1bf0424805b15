// `ctl version`: its options and what help says of it.

import { flag, named, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";

const table = { json: flag(named("json", null, "Print JSON")) };

export type VersionOptions = ValuesOf<typeof table>;

export const versionSyntax: CommandSyntax<typeof table> = {
  name: "version",
  summary: "Print version, protocol and platform",
  usage: "[options]",
  operands: [],
  operandsMin: 0,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [{ command: "ctl version", explains: "for a bug report" }],
  sections: [],
};
