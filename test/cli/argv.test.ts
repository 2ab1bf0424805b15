// The command line: what is ours is understood or refused by name, what is the remote command's is not touched.

import { describe, expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { parseArguments, type Parsed } from "../../src/cli/argv.ts";
import { daemonSyntax } from "../../src/cli/syntax/daemon.ts";
import { type ExecOptions, execSyntax } from "../../src/cli/syntax/exec.ts";
import { pingNodes, pingSyntax } from "../../src/cli/syntax/ping.ts";

type Word = string | Uint8Array;
type Run<Table> = Extract<Parsed<Table>, { kind: "run" }>;

const asBytes = (words: readonly Word[]): Uint8Array[] =>
  words.map((word) => (typeof word === "string" ? Buffer.from(word) : word));

const asText = (words: readonly Uint8Array[]): string[] =>
  words.map((word) => Buffer.from(word).toString("latin1"));

function exec(words: readonly Word[], env = {}): Run<typeof execSyntax.options> {
  const parsed = parseArguments(execSyntax, asBytes(words), env);
  if (parsed.kind !== "run") throw new Error("Help was asked for");
  return parsed;
}

const parseExec = (words: string[]): unknown => parseArguments(execSyntax, asBytes(words));

function nodesOf(words: string[]): string {
  const parsed = parseArguments(pingSyntax, asBytes(words));
  if (parsed.kind !== "run") throw new Error("Help was asked for");
  return pingNodes(parsed.options, parsed.operands);
}

/** `message; hint` of the refusal. */
function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof CtlError) || error.code !== "usage") throw error;
    return error.hint === null ? error.message : `${error.message}; ${error.hint}`;
  }
  throw new Error("It was accepted");
}

const execRefusal = (words: readonly Word[], env = {}): string => refusal(() => exec(words, env));

describe("where our words end", () => {
  test.each<[string[], string[]]>([
    [
      ["node3", "ls", "-la", "--help"],
      ["ls", "-la", "--help"],
    ],
    [["node3", "--", "ls"], ["ls"]],
    [
      ["node3", "--", "--", "ls"],
      ["--", "ls"],
    ],
    [["node3", "--", "-x"], ["-x"]],
    [["node3", "-q", "--", "--sh"], ["--sh"]],
    [
      ["-q", "node3", "ls", "-v2"],
      ["ls", "-v2"],
    ],
    [
      ["node3", "ls", "--", "-x"],
      ["ls", "--", "-x"],
    ],
    [["--", "node3", "ls"], ["ls"]],
    [["--", "node3", "--", "ls"], ["ls"]],
    [["--", "node3", "-q"], ["-q"]],
    [["node3", "-"], ["-"]],
    [["node3", "-1"], ["-1"]],
    [["node3", ""], [""]],
    [
      ["node3", "", "", "a"],
      ["", "", "a"],
    ],
    [
      ["node3", "a", ""],
      ["a", ""],
    ],
    [
      ["node3", "-e", "A=1", "env", "-e"],
      ["env", "-e"],
    ],
  ])("%j runs %j", (words, command) => {
    const parsed = exec(words);
    expect(parsed.operands).toEqual(["node3"]);
    expect(asText(parsed.command)).toEqual(command);
  });

  test("-h and --help are ours only before the command", () => {
    expect(parseExec(["-h"])).toEqual({ kind: "help", isFull: false });
    expect(parseExec(["--help"])).toEqual({ kind: "help", isFull: true });
    expect(parseExec(["node3", "--help"])).toEqual({ kind: "help", isFull: true });
    expect(parseExec(["node3", "-qh", "--nonsense"])).toEqual({ kind: "help", isFull: false });
    expect(asText(exec(["node3", "ls", "--help"]).command)).toEqual(["ls", "--help"]);
    expect(asText(exec(["node3", "--", "--help"]).command)).toEqual(["--help"]);
  });

  test("bytes of the command that are not UTF-8 stay as they are", () => {
    const word = Uint8Array.of(0xff, 0x2d, 0xfe);
    expect(exec(["node3", word]).command).toEqual([word]);
  });
});

describe("how options are written", () => {
  test.each<[Word[], Partial<Record<keyof ExecOptions, unknown>>]>([
    [["--timeout=5s"], { timeoutMs: 5_000 }],
    [["--timeout", "5s"], { timeoutMs: 5_000 }],
    [["--timeout", "1s", "--timeout", "2s"], { timeoutMs: 2_000 }],
    [["-qn"], { quiet: true, noStdin: true }],
    [["-q", "-n"], { quiet: true, noStdin: true }],
    [["-C/tmp"], { directory: Buffer.from("/tmp") }],
    [["-C", "/tmp"], { directory: Buffer.from("/tmp") }],
    [["--chdir=/tmp"], { directory: Buffer.from("/tmp") }],
    [["-C=x"], { directory: Buffer.from("=x") }],
    [["-C", "-q"], { directory: Buffer.from("-q"), quiet: false }],
    [["-C", Buffer.from([0x2f, 0xff])], { directory: Buffer.from([0x2f, 0xff]) }],
    [
      ["-eA=1", "-e", "B=2", "--env=C", "--env", "D="],
      {
        env: ["A=1", "B=2", "C", "D="].map((entry) => Buffer.from(entry)),
      },
    ],
    [["-qeA=-n"], { quiet: true, noStdin: false, env: [Buffer.from("A=-n")] }],
    [["--env-file", "a", "--env-file", "b"], { envFiles: [Buffer.from("a"), Buffer.from("b")] }],
    [["--on-disconnect", "keep"], { onDisconnect: { policy: "keep", leaseMs: 10_000 } }],
    [["--on-disconnect=kill"], { onDisconnect: { policy: "kill", leaseMs: 10_000 } }],
    [["--on-disconnect=kill:1.5m"], { onDisconnect: { policy: "kill", leaseMs: 90_000 } }],
    [["--on-disconnect=kill:0s"], { onDisconnect: { policy: "kill", leaseMs: 0 } }],
    [["--tree", "wait"], { tree: "wait" }],
    [["--export", "ALL"], { exported: { kind: "all" } }],
    [["--export=NONE"], { exported: { kind: "none" } }],
    [
      ["--export=A,B"],
      {
        exported: { kind: "names", names: [Buffer.from("A"), Buffer.from("B")] },
      },
    ],
    [["--grace", "0s"], { graceMs: 0 }],
    [["--sh", "--json", "-i"], { shell: true, json: true, interactive: true }],
    [["--insecure-no-authentication"], { insecure: true }],
  ])("%j before and after NODES", (words, expected) => {
    expect(exec([...words, "node3", "ls"]).options).toMatchObject(expected);
    expect(exec(["node3", ...words, "ls"]).options).toMatchObject(expected);
  });

  test("what is not given has the value that help promises", () => {
    expect(exec(["node3", "ls"]).options).toEqual({
      env: [],
      envFiles: [],
      exported: { kind: "none" },
      directory: null,
      timeoutMs: 0,
      graceMs: 10_000,
      connectTimeoutMs: 5_000,
      onDisconnect: { policy: "kill", leaseMs: 10_000 },
      tree: "leave",
      interactive: false,
      noStdin: false,
      label: false,
      noLabel: false,
      quiet: false,
      verbose: false,
      json: false,
      statusFile: null,
      shell: false,
      key: null,
      insecure: false,
    });
  });

  test("one parse leaves nothing behind for the next", () => {
    exec(["-eA=1", "node3", "ls"]);
    expect(exec(["node3", "ls"]).options.env).toEqual([]);
  });

  test.each([
    ["1", true],
    ["0", false],
    ["", false],
  ])("the variable set to %j means %p", (value, insecure) => {
    const env = { CTL_INSECURE_NO_AUTHENTICATION: value };
    expect(exec(["node3", "ls"], env).options.insecure).toBe(insecure);
  });

  test("the daemon's own option cannot be given by a variable", () => {
    const parsed = parseArguments(daemonSyntax, [], { CTL_INSECURE_NO_AUTHENTICATION: "1" });
    expect(parsed).toMatchObject({ kind: "run", options: { insecure: false, port: null } });
  });
});

describe("what is refused, by name and with a way out", () => {
  test.each<[Word[], string]>([
    [["--timout", "5s", "n", "ls"], 'Unknown option "--timout"; did you mean "--timeout"?'],
    [["n", "--timout=5s", "ls"], 'Unknown option "--timout"; did you mean "--timeout"?'],
    [["-timeout", "5s", "n", "ls"], 'Unknown option "-timeout"; did you mean "--timeout"?'],
    [["--quite", "n", "ls"], 'Unknown option "--quite"; did you mean "--quiet"?'],
    [["--env_file", "x", "n", "ls"], 'Unknown option "--env_file"; did you mean "--env-file"?'],
    [["--frobnicate", "n", "ls"], 'Unknown option "--frobnicate"; see: ctl exec --help'],
    [["-z", "n", "ls"], 'Unknown option "-z"; see: ctl exec --help'],
    [["-qz", "n", "ls"], 'Unknown option "-z"; see: ctl exec --help'],
    [["--=x", "n", "ls"], 'Unknown option "--"; see: ctl exec --help'],
    [["--\u001b[31m", "n", "ls"], 'Unknown option "--\\x1b[31m"; see: ctl exec --help'],
    [["-\u00e9", "n", "ls"], 'Unknown option "-\\xc3"; see: ctl exec --help'],
    [["--timeout", "5", "n", "ls"], '--timeout "5" has no unit; write 5s or 5ms'],
    [["--timeout=", "n", "ls"], '--timeout "" is empty'],
    [["--timeout=0s", "n", "ls"], '--timeout "0s" is too short; write 1ms or more'],
    [["--timeout=600h", "n", "ls"], '--timeout "600h" is too long; the longest is 576h'],
    [
      ["--timeout", "soon", "n", "ls"],
      '--timeout "soon" is not a duration; write 500ms, 10s, 2m or 1h',
    ],
    [["--timeout", Uint8Array.of(0xff), "n", "ls"], '--timeout "\\xff" is not UTF-8'],
    [["--timeout"], "--timeout needs a value; write --timeout D"],
    [["n", "-e"], "-e needs a value; write -e NAME=VALUE"],
    [["n", "-C"], "-C needs a value; write -C DIR"],
    [["-C", "", "n", "ls"], '--chdir "" is empty'],
    [["--sh=1", "n", "ls"], '--sh takes no value, but "1" was given'],
    [["--help=x", "n", "ls"], '--help takes no value, but "x" was given'],
    [
      ["--tree", "lave", "n", "ls"],
      '--tree "lave" is none of leave, kill, wait; did you mean "leave"?',
    ],
    [["--tree", "xyzzy", "n", "ls"], '--tree "xyzzy" is none of leave, kill, wait'],
    [["--on-disconnect", "kill:5", "n", "ls"], '--on-disconnect "5" has no unit; write 5s or 5ms'],
    [
      ["--on-disconnect", "keep:5s", "n", "ls"],
      '--on-disconnect "keep:5s" is neither kill nor keep; write kill, kill:30s or keep',
    ],
    [
      ["--export", "A,,B", "n", "ls"],
      '--export "A,,B" has "", which names no variable; write ALL, NONE, or names with commas between them; -e sets a value',
    ],
    [
      ["--export", "A=1", "n", "ls"],
      '--export "A=1" has "A=1", which names no variable; write ALL, NONE, or names with commas between them; -e sets a value',
    ],
    [
      ["-i", "-n", "n", "ls"],
      "--interactive and --no-stdin contradict each other; give one of them",
    ],
    [["-lN", "n", "ls"], "--label and --no-label contradict each other; give one of them"],
    [["-qv", "n", "ls"], "--quiet and --verbose contradict each other; give one of them"],
    [["--json", "-l", "n", "ls"], "--json and --label contradict each other; give one of them"],
    [[], "ctl exec needs NODES; write: ctl exec NODES [options] [--] COMMAND ARG…"],
    [["-q"], "ctl exec needs NODES; write: ctl exec NODES [options] [--] COMMAND ARG…"],
    [
      ["node3"],
      'ctl exec needs a COMMAND to run on "node3"; write: ctl exec NODES [options] [--] COMMAND ARG…',
    ],
    [
      ["node3", "--"],
      'ctl exec needs a COMMAND to run on "node3"; write: ctl exec NODES [options] [--] COMMAND ARG…',
    ],
    [["", "ls"], "NODES is empty"],
    [[Uint8Array.of(0xff), "ls"], 'NODES "\\xff" is not UTF-8'],
  ])("%j", (words, line) => {
    expect(execRefusal(words)).toBe(line);
  });

  test("a variable that is neither 1 nor 0", () => {
    expect(execRefusal(["n", "ls"], { CTL_INSECURE_NO_AUTHENTICATION: "yes" })).toBe(
      'CTL_INSECURE_NO_AUTHENTICATION="yes" is neither 1 nor 0; ' +
        "1 means --insecure-no-authentication, 0 or nothing means that it is not given",
    );
  });

  test.each<[string[], string]>([
    [["--port", "65536"], '--port "65536" is out of range; write 0 to 65535'],
    [["--port", "-1"], '--port "-1" is out of range; write 0 to 65535'],
    [["--port", "9000x"], '--port "9000x" is not a whole number'],
    [["--port", "1e3"], '--port "1e3" is not a whole number'],
    [["--port", ""], '--port "" is empty'],
    [["--max-processes", "0"], '--max-processes "0" is out of range; write 1 to 1000000'],
    [["9000"], 'Unexpected "9000"; write: ctl daemon [options]'],
    [["--", "-x"], 'Unexpected "-x"; write: ctl daemon [options]'],
    [["--status", "--stop"], "--status and --stop contradict each other; give one of them"],
  ])("ctl daemon %j", (words, line) => {
    expect(refusal(() => parseArguments(daemonSyntax, asBytes(words)))).toBe(line);
  });
});

describe("ctl ping", () => {
  test("takes its nodes as an operand or with -w, options anywhere", () => {
    expect(nodesOf(["a,b"])).toBe("a,b");
    expect(nodesOf(["a,b", "--count", "3"])).toBe("a,b");
    expect(nodesOf(["--count=3", "a,b", "-v"])).toBe("a,b");
    expect(nodesOf(["-w", "a"])).toBe("a");
    expect(nodesOf(["-wa"])).toBe("a");
  });

  test("refuses both, neither, and too many", () => {
    expect(refusal(() => nodesOf(["a", "-w", "b"]))).toBe('Nodes are given twice: "a" and -w "b"');
    expect(refusal(() => nodesOf([]))).toBe("ctl ping needs NODES; write: ctl ping NODES");
    expect(refusal(() => nodesOf(["a", "b"]))).toBe(
      'Unexpected "b"; write: ctl ping NODES [options]',
    );
    expect(refusal(() => nodesOf(["a", "--count", "0"]))).toBe(
      '--count "0" is out of range; write 1 to 10000',
    );
  });
});
