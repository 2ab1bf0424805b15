// Every failure that people meet, word for word: one line that names node, phase, errno and path, and says what to do.

import { describe, expect, test } from "bun:test";

import { errnoNumber } from "../../src/base/errnos.ts";
import { CtlError, type ErrorCode } from "../../src/base/errors.ts";
import type { Cause, Phase } from "../../src/capability/process/contract.ts";
import { type Outcome, outcomeOf } from "../../src/capability/process/outcome.ts";
import {
  deliveryText,
  errorText,
  failureText,
  inputText,
  outcomeText,
  sessionFailureOf,
  survivorsText,
} from "../../src/cli/failure-text.ts";
import { needsSaying } from "../../src/cli/node-end.ts";
import { withSeeds } from "../support/random.ts";

const asked = (command: string, timeoutMs = 0): { argv: Uint8Array[]; timeoutMs: number } => ({
  argv: [Buffer.from(command)],
  timeoutMs,
});

interface Start {
  command?: string;
  phase: Phase;
  errname: string;
  path: string | Uint8Array;
  interpreter?: boolean;
}

function notStartedLine({
  command = "./x",
  phase,
  errname,
  path,
  interpreter = false,
}: Start): string {
  const outcome: Outcome = {
    kind: "not-started",
    phase,
    errno: errnoNumber(errname) ?? 0,
    path: typeof path === "string" ? Buffer.from(path) : path,
    interpreter,
    failure: null,
    cause: "user",
  };
  return outcomeText("node3", outcome, asked(command));
}

describe("a command that could not be started", () => {
  test.each<[string, Start, string]>([
    [
      "not found in PATH",
      { command: "frobnicate", phase: "exec", errname: "ENOENT", path: "frobnicate" },
      'node3: exec: ENOENT "frobnicate": command not found in PATH; give its full path, or set PATH with -e PATH=…',
    ],
    [
      "not found by its path",
      { command: "/opt/x", phase: "exec", errname: "ENOENT", path: "/opt/x" },
      'node3: exec: ENOENT "/opt/x": no such file on the node; check the path; a relative one starts where -C says',
    ],
    [
      "not executable, or a directory",
      { phase: "exec", errname: "EACCES", path: "./x" },
      'node3: exec: EACCES "./x": no permission to execute it, or it is a directory; name a file, and chmod +x it on the node',
    ],
    [
      "a directory",
      { phase: "exec", errname: "EISDIR", path: "./x" },
      'node3: exec: EISDIR "./x": it is a directory; name a file in it',
    ],
    [
      "a bad format, or no shebang",
      { phase: "exec", errname: "ENOEXEC", path: "./x" },
      'node3: exec: ENOEXEC "./x": not a format that the node can execute; a script needs a first line such as ' +
        "#!/bin/sh, a program must be built for the node's CPU",
    ],
    [
      "a missing interpreter",
      {
        command: "./script",
        phase: "exec",
        errname: "ENOENT",
        path: "/no/such/interp",
        interpreter: true,
      },
      'node3: exec: ENOENT "/no/such/interp": the interpreter that "./script" names is missing on the node; install it ' +
        "there, or correct the script's first line",
    ],
    [
      "too many arguments",
      { phase: "exec", errname: "E2BIG", path: "./x" },
      'node3: exec: E2BIG "./x": arguments and environment are longer than the node allows; pass them by standard input or ' +
        "in a file",
    ],
    [
      "a file that is being written",
      { phase: "exec", errname: "ETXTBSY", path: "./x" },
      'node3: exec: ETXTBSY "./x": somebody has the file open for writing; close it, or write a new file and rename it into place',
    ],
    [
      "a path through a file",
      { command: "/etc/passwd/x", phase: "exec", errname: "ENOTDIR", path: "/etc/passwd/x" },
      'node3: exec: ENOTDIR "/etc/passwd/x": a part of the path is not a directory; check the path',
    ],
    [
      "a missing working directory",
      { phase: "chdir", errname: "ENOENT", path: "/nope" },
      'node3: chdir: ENOENT "/nope": no such directory on the node; create it, or choose another with -C',
    ],
    [
      "a working directory that is a file",
      { phase: "chdir", errname: "ENOTDIR", path: "/etc/passwd" },
      'node3: chdir: ENOTDIR "/etc/passwd": not a directory; choose a directory with -C',
    ],
    [
      "the limit of processes",
      { phase: "clone", errname: "EAGAIN", path: "" },
      "node3: clone: EAGAIN: the node's limit of processes is reached; end some, or raise the limit (ulimit -u, pids.max) " +
        "for the daemon's user",
    ],
    [
      "no memory",
      { phase: "exec", errname: "ENOMEM", path: "./x" },
      'node3: exec: ENOMEM "./x": the node has no memory for it; free some, or choose another node',
    ],
    [
      "a limit that may not be raised",
      { phase: "limits", errname: "EPERM", path: "RLIMIT_NOFILE" },
      'node3: limits: EPERM "RLIMIT_NOFILE": operation not permitted; a limit can be lowered by everybody, raised by root only',
    ],
    [
      "anything else",
      { phase: "stdio", errname: "EIO", path: "" },
      "node3: stdio: EIO: input/output error",
    ],
    [
      "a path that would steer the terminal",
      { phase: "exec", errname: "ENOENT", path: Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a, 0x0a, 0xff) },
      'node3: exec: ENOENT "\\x1b[2J\\n\\xff": no such file on the node; check the path; a relative one starts where -C says',
    ],
  ])("%s", (_, start, line) => {
    expect(notStartedLine(start)).toBe(line);
  });
});

const sessionLine = (code: ErrorCode, message: string, options = {}): string =>
  failureText("node3", sessionFailureOf(new CtlError(code, message, options)));

describe("a node that could not be talked to", () => {
  test.each<[string, string, string]>([
    [
      "connection refused",
      sessionLine("connect-refused", "Connection refused by 10.0.0.3:9000", {
        errno: "ECONNREFUSED",
        hint: "no daemon listens there; start one: ctl daemon",
      }),
      "node3: session: ECONNREFUSED: connection refused by 10.0.0.3:9000; no daemon listens there; start one: ctl daemon",
    ],
    [
      "no answer",
      sessionLine("connect-timeout", "No answer from 10.0.0.3:9000 within 5s", {
        errno: "ETIMEDOUT",
      }),
      "node3: session: ETIMEDOUT: no answer from 10.0.0.3:9000 within 5s",
    ],
    [
      "a name that does not resolve",
      sessionLine("name-not-resolved", 'Host name "nod3" does not resolve', {
        errno: "ENOTFOUND",
        hint: "check the spelling",
      }),
      'node3: session: ENOTFOUND: host name "nod3" does not resolve; check the spelling',
    ],
    [
      "another protocol",
      sessionLine(
        "version",
        "The peer (ctl 9.0) speaks protocol 7, this ctl 1: the peer is too new",
        {
          hint: "use the same version of ctl on both machines",
        },
      ),
      "node3: session: the peer (ctl 9.0) speaks protocol 7, this ctl 1: the peer is too new; use the same version of ctl " +
        "on both machines",
    ],
    [
      "a full node",
      sessionLine("refused", "The node is full: it has 4096 processes, which is its limit"),
      "node3: session: the node is full: it has 4096 processes, which is its limit",
    ],
    [
      "words of a peer that would steer the terminal",
      sessionLine("refused", "\u001b[2JGone\nctl: all is well", { hint: "\u202e" }),
      "node3: session: \\x1b[2JGone\\nctl: all is well; \\xe2\\x80\\xae",
    ],
  ])("%s", (_, line, expected) => {
    expect(line).toBe(expected);
  });

  test("reads the same as the outcome of an exec", () => {
    const error = new CtlError("refused", "The node is full");
    const outcome: Outcome = {
      kind: "not-started",
      phase: "session",
      errno: 0,
      path: Buffer.alloc(0),
      interpreter: false,
      failure: sessionFailureOf(error),
      cause: "daemon",
    };
    expect(outcomeText("node3", outcome, asked("x"))).toBe("node3: session: the node is full");
  });
});

const unknown = (why: string, fromNs: bigint | null, toNs: bigint | null): string =>
  outcomeText("node3", { kind: "unknown", why, fromNs, toNs, cause: "fault" }, asked("x"));

describe("an end that nobody knows", () => {
  test("says why and what to look for", () => {
    expect(unknown("The connection was lost: tcp was reset", null, null)).toBe(
      "node3: how it ended is unknown: the connection was lost: tcp was reset; look on the node for what still runs",
    );
  });

  test("says when, if that is known", () => {
    expect(unknown("launcher-killed", 1_700_000_000_123_456_789n, 1_700_000_001_000_000_000n)).toBe(
      "node3: how it ended is unknown: its launcher was killed on the node, between 22:13:20.123 and 22:13:21.000 (UTC, " +
        "node's clock); look on the node for what still runs",
    );
  });

  test("survives a node that names the last of all times, and a word of the runtime", () => {
    expect(unknown("constructor", 2n ** 64n - 1n, 0n)).toBe(
      "node3: how it ended is unknown: constructor, between 23:34:33.709 and 00:00:00.000 (UTC, node's clock); look " +
        "on the node for what still runs",
    );
  });
});

describe("an end that is known", () => {
  test.each<[Outcome, string]>([
    [outcomeOf(3 << 8, "app"), "node3: exit 3"],
    [outcomeOf(9, "app"), "node3: killed by SIGKILL"],
    [outcomeOf(0x80 | 11, "app"), "node3: killed by SIGSEGV, core dumped"],
    [outcomeOf(15, "user"), "node3: killed by SIGTERM, as you asked"],
    [
      outcomeOf(15, "timeout"),
      "node3: killed by SIGTERM, because the time limit of 30s was over; its whole tree is gone",
    ],
    [outcomeOf(9, "oom"), "node3: killed by SIGKILL, because the node ran out of memory"],
    [outcomeOf(0, "lease"), "node3: exit 0, because the connection stayed lost for too long"],
  ])("%j", (outcome, line) => {
    expect(outcomeText("node3", outcome, asked("x", 30_000))).toBe(line);
  });

  test("is said only where the exit code does not say it", () => {
    expect(needsSaying(outcomeOf(0, "app"))).toBe(false);
    expect(needsSaying(outcomeOf(3 << 8, "app"))).toBe(false);
    expect(needsSaying(outcomeOf(3 << 8, "timeout"))).toBe(true);
    expect(needsSaying(outcomeOf(11, "app"))).toBe(true);
    expect(needsSaying(outcomeOf(13, "app"))).toBe(false);
    expect(needsSaying(outcomeOf(2, "user"))).toBe(false);
    expect(needsSaying(outcomeOf(15, "user"))).toBe(false);
    const nobodyKnows = { why: "", fromNs: null, toNs: null };
    expect(needsSaying({ kind: "unknown", ...nobodyKnows, cause: "fault" })).toBe(true);
  });

  test("every cause has words", () => {
    const causes: Cause[] = [
      "app",
      "user",
      "timeout",
      "lease",
      "fail-fast",
      "limit",
      "oom",
      "fault",
    ];
    for (const cause of [...causes, "daemon", "scenario"] as const) {
      expect(outcomeText("n", outcomeOf(9, cause), asked("x", 1))).toStartWith(
        "n: killed by SIGKILL",
      );
    }
  });
});

describe("output that did not arrive", () => {
  test.each([
    [0, null, null],
    [7, "EPIPE", null],
    [
      0,
      "ENOSPC",
      "node3: stdout: ENOSPC: cannot write it: no space left on device; the rest is lost",
    ],
    [7, null, "node3: stdout: 7 bytes are lost; the exit code is 255 for that"],
  ])("gap of %d, errno %p: %p", (gapBytes, errno, line) => {
    expect(deliveryText("node3", "stdout", { gapBytes, errno })).toBe(line);
  });
});

test("an input that could not be read is said with what became of it", () => {
  expect(inputText("EISDIR")).toBe(
    "stdin: EISDIR: cannot read it: is a directory; the command got an end there, and the exit code is 255 for that",
  );
});

const survivor = (pid: number, command: string): { pid: number; command: Uint8Array } => ({
  pid,
  command: Buffer.from(command),
});

describe("who goes on", () => {
  test("is named with its pid, and how to end it", () => {
    expect(survivorsText("node3", [survivor(123, "sleep"), survivor(124, "a\u001b")])).toBe(
      "node3: ended, but 2 of its processes go on: sleep (pid 123), a\\x1b (pid 124); --tree kill ends them with the " +
        "command, --tree wait waits for them",
    );
    expect(survivorsText("node3", [survivor(5, "x")])).toStartWith(
      "node3: ended, but 1 of its processes goes on: x (pid 5); ",
    );
  });

  test("is counted when there are many", () => {
    const many = Array.from({ length: 9 }, (_, index) => survivor(index, "x"));
    expect(survivorsText("n", many)).toContain("9 of its processes go on: x (pid 0), ");
    expect(survivorsText("n", many)).toContain("x (pid 3), …;");
  });
});

test("errorText() joins message and hint on one clean line", () => {
  expect(errorText(new CtlError("usage", "Unknown option", { hint: "see: ctl help" }))).toBe(
    "Unknown option; see: ctl help",
  );
  expect(errorText(new CtlError("io-failed", "a\nb"))).toBe("a\\nb");
});

test("whatever a node says, it stays one line without control characters", async () => {
  // oxlint-disable-next-line no-control-regex -- these must not be there
  const hostile = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\ufffd]/;
  const phases: Phase[] = [
    "session",
    "request",
    "cgroup",
    "clone",
    "setup",
    "chdir",
    "user",
    "limits",
  ];
  await withSeeds({ count: 1_000 }, (random) => {
    const text = Buffer.from(random.bytes(random.integer(0, 30))).toString("latin1");
    const outcome: Outcome = {
      kind: "not-started",
      phase: random.pick([...phases, "stdio", "exec"]),
      errno: random.integer(0, 200),
      path: random.bytes(random.integer(0, 30)),
      interpreter: random.chance(0.5),
      failure: null,
      cause: "user",
    };
    const argv = [random.bytes(random.integer(0, 20))];
    const why: Outcome = { kind: "unknown", why: text, fromNs: null, toNs: null, cause: "fault" };
    for (const line of [
      outcomeText(text, outcome, { argv, timeoutMs: 0 }),
      outcomeText(text, why, { argv, timeoutMs: 0 }),
      failureText(text, { code: "refused", text, hint: text, errname: null }),
      survivorsText(text, [{ pid: 1, command: random.bytes(20) }]),
    ]) {
      expect(line).not.toMatch(hostile);
    }
  });
});
