// `ctl pack`: its options and what help says of it.

import { flag, named, path, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";
import { keyFile } from "./shared.ts";

const table = {
  output: path(named("output", "o", "Where the copy goes; must be given"), "FILE"),
  key: keyFile,
  binary: path(
    named(
      "binary",
      null,
      "Copy this one, such as one for another CPU, instead of the one that runs",
    ),
    "FILE",
  ),
  json: flag(named("json", null, "Print JSON")),
};

export type PackOptions = ValuesOf<typeof table>;

export const packSyntax: CommandSyntax<typeof table> = {
  name: "pack",
  summary: "Copy this executable with a key in it",
  usage: "-o FILE [options]",
  operands: [],
  operandsMin: 0,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [
    { command: "ctl pack --key n7.key -o ctl-n7", explains: "an executable for one node" },
    {
      command: "ctl pack --key n7.key --binary dist/ctl-linux-arm64 -o ctl-n7",
      explains: "the same for an arm64 node",
    },
  ],
  sections: [
    {
      title: "The copy",
      paragraphs: [
        "Without --key it is a node's key that is looked for, in the usual places. A copy of one that has a key already has the new key " +
          "only. It is as secret as the key: nobody but its owner may read or run it (mode 0700), and its key is refused " +
          "when others can. Nothing that exists is overwritten.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 made, 1 cannot, 2 the command line is wrong, 77 the key file is not safe, 78 there is no key.",
      ],
    },
  ],
};
