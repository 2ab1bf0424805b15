// `ctl daemon`: its options and what help says of it.

import { type AddressRange, parseCidr } from "../../base/cidr.ts";
import { processesMax, sessionsMax } from "../../wire/limits.ts";
import {
  flag,
  integer,
  named,
  type Option,
  type OptionName,
  path,
  text,
  textOf,
  valued,
  type ValuesOf,
  wrong,
} from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";

/** Highest number of open files that Linux can be configured for. */
const nofileMax = 1_073_741_816;

/** Ranges of addresses, one by one. */
function ranges(about: OptionName): Option<readonly AddressRange[]> {
  return valued<readonly AddressRange[]>(about, {
    word: "CIDR",
    initial: [],
    read: (given, before) => {
      const cidr = parseCidr(textOf(about, given));
      if ("range" in cidr) return [...before, cidr.range];
      throw wrong(about, given, cidr);
    },
  });
}

const table = {
  port: integer(named("port", null, "Listen on this TCP port too; 0 chooses a free one"), {
    initial: null,
    min: 0,
    max: 65_535,
  }),
  listen: text(
    named("listen", null, "Address to listen on: all with a key, else loopback"),
    "ADDR",
  ),
  allow: ranges(named("allow", null, "Addresses that may connect; may be repeated")),
  key: path(named("key", null, "Node's key file, instead of the usual places"), "FILE"),
  stateDirectory: path(named("state-dir", null, "Where audit log and revocations are"), "DIR"),
  socket: path(named("socket", null, "Unix socket, instead of the usual place"), "PATH"),
  insecure: flag(
    named("insecure-no-authentication", null, "Let everybody who reaches the port run commands"),
  ),
  detach: flag(named("detach", null, "Go into the background once it listens")),
  log: path(named("log", null, "Where a detached daemon writes what it has to say"), "FILE"),
  status: flag(named("status", null, "Say whether a daemon runs here")),
  stop: flag(named("stop", null, "End the daemon that runs here, as TERM does")),
  childNofile: integer(named("child-nofile", null, "Soft limit of open files that commands get"), {
    initial: null,
    min: 3,
    max: nofileMax,
  }),
  processesMax: integer(named("max-processes", null, "Live processes at a time"), {
    initial: processesMax,
    min: 1,
    max: 1_000_000,
  }),
  sessionsMax: integer(named("max-sessions", null, "Connected controllers at a time"), {
    initial: sessionsMax,
    min: 1,
    max: 1_000_000,
  }),
  json: flag(named("json", null, "Say as JSON where it listens")),
};

export type DaemonOptions = ValuesOf<typeof table>;

export const daemonSyntax: CommandSyntax<typeof table> = {
  name: "daemon",
  summary: "Serve this machine to controllers",
  usage: "[options]",
  operands: [],
  operandsMin: 0,
  hasCommand: false,
  options: table,
  conflicts: [
    ["status", "stop"],
    ["status", "detach"],
    ["stop", "detach"],
  ],
  examples: [
    { command: "ctl daemon --port 9000", explains: "for controllers of the same cluster" },
    { command: "ctl daemon --port 9000 --allow 10.1.0.0/16", explains: "from there only" },
    { command: "ctl daemon", explains: "this machine's Unix socket only" },
    { command: "ctl daemon --detach --log /tmp/ctl.log", explains: "in the background" },
    { command: "ctl daemon --stop", explains: "end it" },
  ],
  sections: [
    {
      title: "Who may command it",
      paragraphs: [
        "Over the network: who has an operator's key of the same cluster, through TLS that both sides prove themselves in. " +
          "The node's own key is part of its executable (ctl init makes such a ctl-node), or a file: --key, $CTL_KEY, " +
          "~/.config/ctl/node.key, /etc/ctl/node.key.",
        "Its Unix socket answers only the user who started it, and root.",
        "Without a key a network address, loopback included, is opened only with --insecure-no-authentication, and then " +
          "whoever can reach it can run commands as this user: only for networks that nobody else can reach.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 ended in good order, 1 cannot listen or no daemon there, 2 the command line is wrong, 70 TLS of this " +
          "runtime refuses nobody, 77 others could read the key, 78 no key.",
      ],
    },
  ],
};
