// Why a command could not be started, and what to do about it, by phase and errno. Only words; what is named comes from the
// node and is escaped by whoever uses this.

import { errnoName, errnoPhrase } from "../base/errnos.ts";
import { escapeText } from "../base/escape.ts";
import type { Phase } from "../capability/process/contract.ts";

export interface Refused {
  phase: Phase;
  errno: number;
  interpreter: boolean;
  /** First word of the command, as it was typed. */
  command: Uint8Array;
}

export interface Explanation {
  what: string;
  hint: string | null;
}

type Explain = (command: string) => Explanation;

const slash = 0x2f;

export function explainNotStarted(refused: Refused): Explanation {
  const { phase, errno } = refused;
  const name = errnoName(errno);
  const explain = tableFor(refused)[name] ?? byErrno[name];
  if (explain) return explain(escapeText(refused.command));
  return { what: errnoPhrase(errno), hint: hintByPhase[phase] ?? null };
}

function tableFor({ phase, interpreter, command }: Refused): Readonly<Record<string, Explain>> {
  if (phase === "chdir") return byChdir;
  if (phase !== "exec") return {};
  if (interpreter) return byInterpreter;
  return command.includes(slash) ? byExec : { ...byExec, ...byExecInPath };
}

const said =
  (what: string, hint: string | null = null): Explain =>
  () => ({ what, hint });

const notExecutable = said(
  "no permission to execute it, or it is a directory",
  "name a file, and chmod +x it on the node",
);

const byExec: Readonly<Record<string, Explain>> = {
  ENOENT: said("no such file on the node", "check the path; a relative one starts where -C says"),
  ENOTDIR: said("a part of the path is not a directory", "check the path"),
  ENAMETOOLONG: said("the path is too long", "name the command by a shorter path"),
  ELOOP: said("too many symbolic links", "check where the link leads to on the node"),
  EACCES: notExecutable,
  EPERM: notExecutable,
  EISDIR: said("it is a directory", "name a file in it"),
  ENOEXEC: said(
    "not a format that the node can execute",
    "a script needs a first line such as #!/bin/sh, a program must be built for the node's CPU",
  ),
  ETXTBSY: said(
    "somebody has the file open for writing",
    "close it, or write a new file and rename it into place",
  ),
  E2BIG: said(
    "arguments and environment are longer than the node allows",
    "pass them by standard input or in a file",
  ),
};

const byExecInPath: Readonly<Record<string, Explain>> = {
  ENOENT: said("command not found in PATH", "give its full path, or set PATH with -e PATH=…"),
};

const byInterpreter: Readonly<Record<string, Explain>> = {
  ENOENT: (command) => ({
    what: `the interpreter that "${command}" names is missing on the node`,
    hint: "install it there, or correct the script's first line",
  }),
};

const byChdir: Readonly<Record<string, Explain>> = {
  ENOENT: said("no such directory on the node", "create it, or choose another with -C"),
  ENOTDIR: said("not a directory", "choose a directory with -C"),
  EACCES: said("no permission to enter it", "choose another with -C, or grant x on it"),
  ENAMETOOLONG: said("the path is too long", "choose another with -C"),
  ELOOP: said("too many symbolic links", "choose another with -C"),
};

/** Whatever the phase. */
const byErrno: Readonly<Record<string, Explain>> = {
  EAGAIN: said(
    "the node's limit of processes is reached",
    "end some, or raise the limit (ulimit -u, pids.max) for the daemon's user",
  ),
  ENOMEM: said("the node has no memory for it", "free some, or choose another node"),
  EMFILE: said(
    "the daemon has too many open files",
    "raise its limit (ulimit -n), or end some commands",
  ),
  ENFILE: said("the node has too many open files", "raise fs.file-max there, or end some commands"),
};

const hintByPhase: Readonly<Partial<Record<Phase, string>>> = {
  request: "check the words and the variables of the command",
  limits: "a limit can be lowered by everybody, raised by root only",
  user: "only root can change the user",
};
