// `ctl rekey`: its options and what help says of it.

import { flag, named, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";
import { keyFile } from "./shared.ts";

const table = {
  finish: flag(named("finish", null, "The second step: accept the old keys no more")),
  key: keyFile,
  json: flag(named("json", null, "Print JSON")),
};

export type RekeyOptions = ValuesOf<typeof table>;

export const rekeySyntax: CommandSyntax<typeof table> = {
  name: "rekey",
  summary: "Replace all keys of a cluster, in two steps",
  usage: "[--finish] [options]",
  operands: [],
  operandsMin: 0,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [
    { command: "ctl rekey", explains: "keys issued from now on are new ones" },
    { command: "ctl key node", explains: "then a new key for the nodes" },
    { command: "ctl rekey --finish", explains: "when all of them have it" },
  ],
  sections: [
    {
      title: "The two steps",
      paragraphs: [
        "The first makes a new authority. The operator's key then accepts nodes with old and with new keys, and stays one that " +
          "old daemons accept. New keys accept both as well, so that nodes and operators can change one after the other. The " +
          "second step gives the operator a new key too and forgets the old authority.",
        "Daemons whose keys were issued between the two steps accept old operators as long as they have those keys. When an old key " +
          "is in wrong hands, issue the nodes' keys once more after --finish.",
        "The operator's file as it was is kept beside as operator.key.1, and so on.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 done, 1 cannot, 2 the command line is wrong, 77 the key file is not safe, 78 there is no key that can issue.",
      ],
    },
  ],
};
