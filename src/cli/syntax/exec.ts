// `ctl exec`: its options and what help says of it.

import { quote } from "../../base/escape.ts";
import { decodeUtf8 } from "../../base/utf8.ts";
import {
  choice,
  duration,
  durationOf,
  flag,
  named,
  type Option,
  type OptionName,
  path,
  repeated,
  valued,
  type ValuesOf,
  wrong,
} from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";
import { connectTimeout, insecure, keyFile } from "./shared.ts";

export interface OnDisconnectChoice {
  policy: "kill" | "keep";
  leaseMs: number;
}

/** Which variables of the caller are sent along. */
export type ExportChoice =
  { kind: "none" } | { kind: "all" } | { kind: "names"; names: readonly Uint8Array[] };

const leaseMs = 10_000;
const graceMs = 10_000;

const table = {
  env: repeated(named("env", "e", "Set a variable; NAME alone: to your own value"), "NAME=VALUE"),
  envFiles: repeated(
    named("env-file", null, "Set variables from a file of NAME=VALUE lines"),
    "FILE",
  ),
  exported: exportOption(
    named("export", null, "Send your variables along: ALL, NONE, or some by name"),
  ),
  directory: path(named("chdir", "C", "Run in this directory of the node"), "DIR"),
  timeoutMs: duration(named("timeout", null, "End the command and its tree after this time"), {
    initialMs: 0,
    minMs: 1,
    standard: "no limit",
  }),
  graceMs: duration(named("grace", null, "Time between TERM and KILL"), { initialMs: graceMs }),
  connectTimeoutMs: connectTimeout,
  onDisconnect: onDisconnectOption(
    named("on-disconnect", null, "If the connection stays lost for D: end the tree, or keep it"),
  ),
  tree: choice(named("tree", null, "What the command left running when it has ended"), [
    "leave",
    "kill",
    "wait",
  ]),
  interactive: flag(named("interactive", "i", "Send a terminal's input too, not only piped input")),
  noStdin: flag(named("no-stdin", "n", "Send no input: the command reads from /dev/null")),
  label: flag(named("label", "l", 'Begin each line with "NODE: ", even for one node')),
  noLabel: flag(named("no-label", "N", "Whole lines, but without labels, for several nodes")),
  quiet: flag(named("quiet", "q", "Discard the output; say only what went wrong")),
  verbose: flag(named("verbose", "v", "Say also what went well")),
  json: flag(named("json", null, "Print events as JSON, one per line")),
  statusFile: path(
    named("status-file", null, "Write how it ended, one JSON object per node"),
    "FILE",
  ),
  shell: flag(named("sh", null, "Give the words, joined by blanks, to /bin/sh -c")),
  key: keyFile,
  insecure,
};

export type ExecOptions = ValuesOf<typeof table>;

export const execSyntax: CommandSyntax<typeof table> = {
  name: "exec",
  summary: "Run a command on nodes and wait for it",
  usage: "NODES [options] [--] COMMAND ARG…",
  operands: ["NODES"],
  operandsMin: 1,
  hasCommand: true,
  options: table,
  conflicts: [
    ["interactive", "noStdin"],
    ["label", "noLabel"],
    ["quiet", "verbose"],
    ["json", "label"],
    ["json", "noLabel"],
  ],
  examples: [
    { command: "ctl exec local uname -r", explains: "this machine, no set-up" },
    { command: "ctl exec node3 sleep 10", explains: "on a node that runs ctl daemon" },
    { command: "ctl exec node1,node2:9001 -- ls -la", explains: "on two, lines labelled" },
    { command: "ctl exec node3 --sh 'ps aux | wc -l'", explains: "through a shell" },
    { command: "ctl exec node3 --timeout 2m -C /srv ./bench", explains: "two minutes at most" },
    { command: "tar c . | ctl exec node3 -C /srv tar x", explains: "input is sent on" },
  ],
  sections: [
    {
      title: "Nodes",
      paragraphs: [
        "NODES are names with commas between them: local (this machine, without a daemon), HOST, HOST:PORT, " +
          "[IPv6]:PORT, or unix:/path for a daemon's socket. The port is 9000 unless given.",
      ],
    },
    {
      title: "The command",
      paragraphs: [
        "Options stand before NODES or between NODES and COMMAND. From COMMAND's first word on everything belongs to " +
          "the command, byte for byte, and no shell looks at it. One -- right before COMMAND is left out.",
        "It starts with PATH, HOME, USER, LOGNAME, SHELL, LANG, TMPDIR, CTL_NODE and CTL_ID, and what -e, --env-file " +
          "and --export add, in rising order --export, --env-file, -e. Without -C it runs in the home directory.",
      ],
    },
    {
      title: "Ctrl-C",
      paragraphs: [
        "Once: SIGINT to the command's process groups. Twice: TERM to the whole trees, KILL after the grace. A third " +
          "time: ctl leaves at once with 255. TERM, HUP, QUIT, USR1 and USR2 are sent on. While ctl is still " +
          "connecting, a signal that ends programs ends the attempt: nothing was started, 125.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "The command's own; 124 time limit, 125 refused or failed before it could start, 126 not executable, 127 not " +
          "found, 128+n killed by signal n, 255 unknown. Of several nodes the largest. See: ctl help exit-codes",
      ],
    },
  ],
};

/** "kill", "kill:30s", "keep". */
function onDisconnectOption(about: OptionName): Option<OnDisconnectChoice> {
  const read = (given: Uint8Array): OnDisconnectChoice => {
    const written = decodeUtf8(given) ?? "";
    if (written === "keep") return { policy: "keep", leaseMs };
    if (written === "kill") return { policy: "kill", leaseMs };
    if (written.startsWith("kill:")) {
      const lease = Buffer.from(written.slice("kill:".length));
      return { policy: "kill", leaseMs: durationOf(about, lease, 0) };
    }
    const hint = "write kill, kill:30s or keep";
    throw wrong(about, given, { problem: "is neither kill nor keep", hint });
  };
  return valued<OnDisconnectChoice>(about, {
    word: "kill[:D]|keep",
    initial: { policy: "kill", leaseMs },
    standard: "kill:10s",
    read,
  });
}

function exportOption(about: OptionName): Option<ExportChoice> {
  const read = (given: Uint8Array): ExportChoice => {
    const written = Buffer.from(given).toString("latin1");
    if (written === "ALL") return { kind: "all" };
    if (written === "NONE") return { kind: "none" };
    const names = written.split(",").map((name) => Buffer.from(name, "latin1"));
    for (const name of names) {
      if (name.length > 0 && !name.includes("=")) continue;
      const hint = "write ALL, NONE, or names with commas between them; -e sets a value";
      throw wrong(about, given, { problem: `has ${quote(name)}, which names no variable`, hint });
    }
    return { kind: "names", names };
  };
  return valued<ExportChoice>(about, {
    word: "ALL|NONE|NAME,…",
    initial: { kind: "none" },
    standard: "NONE",
    read,
  });
}

/** One label decision from two flags. Null: labels for several nodes, none for one. */
export function wantsLabel(options: Pick<ExecOptions, "label" | "noLabel">): boolean | null {
  if (options.label) return true;
  return options.noLabel ? false : null;
}
