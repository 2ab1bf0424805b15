// `ctl ping`: its options and what help says of it.

import { CtlError } from "../../base/errors.ts";
import { flag, integer, named, text, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";
import { connectTimeout, insecure, keyFile } from "./shared.ts";

const table = {
  nodes: text(named("nodes", "w", "The nodes, instead of an operand"), "NODES"),
  count: integer(named("count", null, "Round trips to each node; the shortest counts"), {
    initial: 5,
    min: 1,
    max: 10_000,
  }),
  connectTimeoutMs: connectTimeout,
  json: flag(named("json", null, "Print events as JSON, one per line")),
  verbose: flag(named("verbose", "v", "Show addresses, limits and clocks too")),
  key: keyFile,
  insecure,
};

export type PingOptions = ValuesOf<typeof table>;

export const pingSyntax: CommandSyntax<typeof table> = {
  name: "ping",
  summary: "Ask nodes for a sign of life: round trip, version, clock",
  usage: "NODES [options]",
  operands: ["NODES"],
  operandsMin: 0,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [
    { command: "ctl ping node1,node2", explains: "who answers, and how fast" },
    { command: "ctl ping node3 --count 100 -v", explains: "more exact, and all limits" },
  ],
  sections: [
    {
      title: "Clock",
      paragraphs: [
        "The offset is how far the node's clock is ahead of this machine's, from the shortest of several round trips. " +
          "It is right within half that round trip, which is shown as its error bound.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 all answered, 1 some did not, 2 the command line is wrong, 255 none answered.",
      ],
    },
  ],
};

/** The operand or -w, but not both. @throws CtlError("usage") */
export function pingNodes(options: PingOptions, operands: readonly string[]): string {
  const [operand = null] = operands;
  if (operand !== null && options.nodes !== null) {
    throw new CtlError("usage", `Nodes are given twice: "${operand}" and -w "${options.nodes}"`);
  }
  const nodes = operand ?? options.nodes;
  if (nodes !== null) return nodes;
  throw new CtlError("usage", "ctl ping needs NODES", { hint: "write: ctl ping NODES" });
}
