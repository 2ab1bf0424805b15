// `ctl revoke`: its options and what help says of it.

import { flag, named, text, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";
import { connectTimeout, keyFile } from "./shared.ts";

const table = {
  nodes: text(named("nodes", "w", "Nodes that are told, and refuse it from now on"), "NODES"),
  key: keyFile,
  connectTimeoutMs: connectTimeout,
  json: flag(named("json", null, "Print events as JSON, one per line")),
};

export type RevokeOptions = ValuesOf<typeof table>;

export const revokeSyntax: CommandSyntax<typeof table> = {
  name: "revoke",
  summary: "Refuse a key from now on, here and on nodes",
  usage: "FINGERPRINT|FILE [options]",
  operands: ["FINGERPRINT|FILE"],
  operandsMin: 1,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [
    {
      command: "ctl revoke lost.key -w node1,node2",
      explains: "nobody gets in there with it any more",
    },
    { command: "ctl revoke 5f0c…e1", explains: "this controller talks to no node with that key" },
  ],
  sections: [
    {
      title: "What it does",
      paragraphs: [
        "The fingerprint goes onto the list ~/.config/ctl/revoked, which this controller reads; and every node that is named with -w " +
          "writes it onto its own list, refuses the key at once and ends the sessions that it opened. Nodes that are not named, or do not " +
          "answer, do not know: ask them again. What runs there goes on, as after a lost connection.",
        "The fingerprint is what ctl key show and the audit log print: 64 hexadecimal digits, with or without colons.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 done, 1 some nodes were not told, 2 the command line is wrong, 77 a key file is not safe, 78 there is no key, 255 none was told.",
      ],
    },
  ],
};
