// `ctl daemon`: its options and what help says of it.

import { processesMax, sessionsMax } from "../../wire/limits.ts";
import { flag, integer, named, path, text, type ValuesOf } from "../options.ts";
import type { CommandSyntax } from "./command-syntax.ts";

/** Highest number of open files that Linux can be configured for. */
const nofileMax = 1_073_741_816;

const table = {
  port: integer(named("port", null, "Listen on this TCP port too; 0 chooses a free one"), {
    initial: null,
    min: 0,
    max: 65_535,
  }),
  listen: text(named("listen", null, "Address to listen on, if not loopback only"), "ADDR"),
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
    { command: "ctl daemon", explains: "this machine's Unix socket only" },
    {
      command: "ctl daemon --port 9000 --insecure-no-authentication",
      explains: "loopback, without keys",
    },
    { command: "ctl daemon --detach --log /tmp/ctl.log", explains: "in the background" },
    { command: "ctl daemon --stop", explains: "end it" },
  ],
  sections: [
    {
      title: "Who may command it",
      paragraphs: [
        "Its Unix socket answers only the user who started it, and root. A network address, loopback included, is " +
          "opened only with --insecure-no-authentication, and then whoever can reach it can run commands as this user: " +
          "only for networks that nobody else can reach.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 ended in good order, 1 cannot listen or no daemon there, 2 the command line is wrong, 78 refused for want " +
          "of a key.",
      ],
    },
  ],
};
