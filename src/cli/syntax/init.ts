// `ctl init`: its options and what help says of it.

import { flag, named, path, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";

const table = {
  directory: path(named("dir", null, "Where operator.key goes, instead of ~/.config/ctl"), "DIR"),
  output: path(
    named("output", "o", "Where the executable for nodes goes, instead of ./ctl-node"),
    "FILE",
  ),
  json: flag(named("json", null, "Print JSON")),
};

export type InitOptions = ValuesOf<typeof table>;

export const initSyntax: CommandSyntax<typeof table> = {
  name: "init",
  summary: "Make a cluster: its operator's key, and an executable for nodes",
  usage: "[options]",
  operands: [],
  operandsMin: 0,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [
    { command: "ctl init", explains: "the first thing on a controller" },
    { command: "scp ctl-node node3:ctl", explains: "then, for every node" },
  ],
  sections: [
    {
      title: "What is made",
      paragraphs: [
        "operator.key may run commands on every node of the cluster, and issues further keys. It stays on the controller; keep a copy " +
          "in a safe place. ctl-node is this same executable with a node's key in it: a node needs no other file, and with it " +
          "it can answer, but command nobody.",
        "Nothing that exists is overwritten. Keys never expire, so that experiments may turn the clocks of nodes; ctl rekey " +
          "replaces them.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: ["0 made, 1 cannot, such as when a file exists, 2 the command line is wrong."],
    },
  ],
};
