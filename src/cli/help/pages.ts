// Pages of help that belong to no single command. Text only.

import type { HelpSection } from "../syntax/command-syntax.ts";

export const exitCodePage: readonly HelpSection[] = [
  {
    title: "Exit code of ctl exec",
    paragraphs: [
      "  0      it ended with 0, and every byte of its output arrived",
      "  1-123  its own exit code",
      "  124    the --timeout was over; its whole tree is gone",
      "  125    refused, or failed before it could start: command line, key, a node",
      "         that answered no, working directory, limits",
      "  126    found, but cannot be executed: no permission, a directory, a bad",
      "         format, a missing interpreter, too many arguments",
      "  127    not found",
      "  128+n  killed by signal n: 137 KILL, 139 SEGV, 141 PIPE, 143 TERM",
      "  255    unknown: nobody answered, the connection or the daemon was lost,",
      "         output is missing, or ctl's own output cannot be written",
      "Several nodes: the largest, which is the worst.",
      "A command's own 124 to 127 or 255 passes through. --json and --status-file tell them apart.",
    ],
  },
  {
    title: "Exit code of the others",
    paragraphs: [
      "  ping    0 all answered, 1 some did not, 2 wrong command line, 255 none did",
      "  daemon  0 ended in good order, 1 cannot, 2 wrong command line,",
      "          70 TLS refuses nobody, 77 a key is not safe, 78 no key",
      "  init, key, pack, rekey",
      "          0 done, 1 cannot, 2 wrong command line, 77 unsafe key, 78 no key",
      "  revoke  0 done, 1 some nodes were not told, 2 wrong command line,",
      "          77 a key is not safe, 78 no key, 255 none was told",
    ],
  },
];

export const jsonPage: readonly HelpSection[] = [
  {
    title: "Events of ctl exec --json",
    paragraphs: [
      "One JSON object per line. The first is a header with the schema, ctl.events/1. Unknown events and keys are to be " +
        "ignored: within a schema things are only added. Sizes are bytes, times are nanoseconds, as integers that may be " +
        "larger than a double can hold.",
      "  ev         what happened; always there",
      "  node       the name that was typed",
      "  seq        number of the event at the node's daemon; no gaps",
      "  m, r       CLOCK_MONOTONIC and CLOCK_REALTIME of the node",
      "  proc       the process, such as p_7k3x9q2m",
    ],
  },
  {
    title: "What happens",
    paragraphs: [
      "  header            schema, ctl: its version, nodes, argv",
      "  node.connected    incarnation: this life of the daemon; version, host",
      "  proc.accepted     the node has the request",
      "  proc.started      pid",
      "  proc.exec         ok: the command itself runs now",
      "  out               stream, off, len, and text, or b64 if it is not UTF-8",
      "  gap               stream, off, len of output that is lost",
      "  signal.sent       signal, n: how many processes got it, errno, errname",
      "  proc.stopping     TERM was sent to the tree; cause, grace",
      "  proc.killing      KILL was sent",
      "  proc.stuck        processes that KILL did not end; n, pid",
      "  proc.exited       outcome (exited, signaled), code or signal and core,",
      "                    cause, wall, cpu_user, cpu_sys, mem_peak, bytes, survivors",
      "  stream.end        stream, len: nobody can write to it any more",
      "  proc.tree_empty   nothing of it is left",
      "  proc.not_started  phase, errno, errname, path",
      "  proc.unknown      why, from_ns, to_ns: nobody can know how it ended",
      "  node.lost         why; ctl tries again until retry is over",
      "  node.resumed      it is back, and nothing is missing",
      "  error             code, text, hint, errname",
      "  result            the last of a node: outcome, cause, exit_code, complete",
    ],
  },
];
