// The command line: every byte of the command reaches it as it was typed, ours are understood on both sides of NODES, and a
// mistake starts nothing.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

import { expectFailure } from "./support/failure-line.ts";
import { type Daemon, openSandbox, type Sandbox } from "./support/sandbox.ts";
import { shell } from "./support/shell.ts";

let box: Sandbox;
let daemon: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

describe.each(["local", "over TCP"])("a command, %s,", (kind) => {
  const node = (): string => (kind === "local" ? "local" : daemon.address);

  /** The words that arrived. */
  async function arrived(words: readonly string[]): Promise<string[]> {
    const ended = await box.ctl([
      "exec",
      node(),
      "sh",
      "-c",
      'printf "%s\\0" "$@"',
      "sh",
      ...words,
    ]);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
    return ended.text.split("\0").slice(0, -1);
  }

  test("gets every word behind it, also those that look like ours", async () => {
    const ended = await box.ctl(["exec", node(), "ls", "-la", "--help"]);
    expect(ended.text).toStartWith("Usage: ls ");
    const words = [
      "--timeout",
      "1s",
      "-q",
      "--json",
      "--sh",
      "-h",
      "--help",
      "-n",
      "local",
      "exec",
    ];
    expect(await arrived(words)).toEqual(words);
  });

  test("gets words that are empty, blank, of several lines, quoted, or dashes", async () => {
    const words = [
      "",
      " ",
      "a b",
      "\n",
      "two\nlines\n",
      "'",
      '"',
      "$HOME",
      "*",
      "--",
      "-",
      "\\",
      "",
    ];
    expect(await arrived(words)).toEqual(words);
  });

  test("gets bytes that are no text", async () => {
    const script = `"$CTL" exec ${node()} printf '[%s]' $'\\xff\\xfe' $'a\\x80b' $'\\xc3\\xa4'`;
    const ended = await shell(box, script);
    expect(ended).toMatchObject({ stderr: "", code: 0 });
    expect(Buffer.from(ended.stdout).toString("hex")).toBe(
      Buffer.from("[\xff\xfe][a\x80b][\xc3\xa4]", "latin1").toString("hex"),
    );
  });

  test("finds files whose names are no text", async () => {
    const script = `
      dir="$PWD/odd-${kind.length}"$'\\xff'
      mkdir "$dir" && printf 'inside' > "$dir/"$'\\xfe' && cp "$(command -v cat)" "$dir/"$'\\xfdcat'
      "$CTL" exec ${node()} -C "$dir" "$dir/"$'\\xfdcat' $'\\xfe'`;
    expect(await shell(box, script)).toMatchObject({ text: "inside", stderr: "", code: 0 });
  });

  test("loses one -- in front of it and no more", async () => {
    const print = ["printf", "[%s]", "--", "x"];
    expect((await box.ctl(["exec", node(), "--", ...print])).text).toBe("[--][x]");
    expect((await box.ctl(["exec", node(), ...print])).text).toBe("[--][x]");
    expect((await box.ctl(["exec", "--", node(), ...print])).text).toBe("[--][x]");
    expectFailure(await box.ctl(["exec", node(), "--", "--", "x"]), 127, ["ENOENT", '"--"']);
  });

  test("is run by no shell, except with --sh", async () => {
    const words = ["echo", "$CTL_NODE;", "echo", "two"];
    const plain = await box.ctl(["exec", node(), ...words]);
    expect(plain.text).toBe("$CTL_NODE; echo two\n");
    const through = await box.ctl(["exec", node(), "--sh", ...words]);
    expect(through.text).toMatch(/^\S+\ntwo\n$/);
  });

  test("runs where -C says, else at home", async () => {
    const there = await box.ctl(["exec", node(), "-C", box.directory, "pwd"]);
    expect(there.text).toBe(`${box.directory}\n`);
    const home = await box.ctl(["exec", node(), "--sh", 'test "$PWD" = "$HOME" && echo home']);
    expect(home.text).toBe("home\n");
  });

  test("has options on both sides of NODES, in every way of writing them", async () => {
    const forms = [
      ["--timeout", "5s", node(), "-e", "A=1"],
      [node(), "--timeout=5s", "--env=A=1"],
      ["-eA=1", node(), "--timeout", "5s"],
      ["-ne", "A=1", node()],
    ];
    for (const form of forms) {
      const ended = await box.ctl(["exec", ...form, "--", "printenv", "A"]);
      expect({ form, text: ended.text, code: ended.code }).toEqual({ form, text: "1\n", code: 0 });
    }
  });
});

describe("a mistake in the words of exec starts nothing, is named in one line, and gives 125:", () => {
  const mistakes: [string, string[], string[]][] = [
    ["an unknown option", ["local", "--nope"], ['Unknown option "--nope"', "--help"]],
    ["one with a slip of the pen", ["local", "--tiemout", "1s"], ['"--tiemout"', '"--timeout"?']],
    ["one in the way of other tools", ["local", "-timeout", "1s"], ['"-timeout"', '"--timeout"?']],
    ["an unknown letter", ["local", "-qz"], ['"-z"']],
    ["a bare number for a duration", ["local", "--timeout", "5"], ["--timeout", '"5"', "5s"]],
    ["a duration of nothing", ["local", "--timeout", "0s"], ["--timeout", '"0s"', "too short"]],
    ["a word for a duration", ["local", "--grace", "soon"], ["--grace", '"soon"', "10s"]],
    ["a negative duration", ["local", "--grace", "-1s"], ["--grace", '"-1s"']],
    ["an empty value", ["local", "--timeout="], ["--timeout", '""', "empty"]],
    ["a value for a flag", ["local", "--json=yes"], ["--json", "no value", '"yes"']],
    ["a wrong choice", ["local", "--tree", "fell"], ["--tree", '"fell"', "leave, kill, wait"]],
    [
      "a wrong policy",
      ["local", "--on-disconnect", "die"],
      ["--on-disconnect", '"die"', "kill:30s"],
    ],
    ["a policy without a unit", ["local", "--on-disconnect", "kill:5"], ["--on-disconnect", "5s"]],
    ["two that contradict", ["local", "-q", "-v"], ["--quiet", "--verbose"]],
    ["two about input", ["local", "-i", "-n"], ["--interactive", "--no-stdin"]],
    ["two about labels", ["local", "-l", "-N"], ["--label", "--no-label"]],
    ["a variable without a name", ["local", "-e", "=x"], ["-e", '"=x"', "NAME=VALUE"]],
    ["a variable that is not set", ["local", "-e", "UNSET_X"], ["-e", '"UNSET_X"', "not set"]],
    ["an export that is not set", ["local", "--export", "UNSET_X"], ["--export", '"UNSET_X"']],
    ["an export with a value", ["local", "--export", "A=1"], ["--export", '"A=1"', "-e"]],
    ["an empty directory", ["local", "-C", ""], ["--chdir", '""', "empty"]],
    ["empty NODES", [""], ["NODES", "empty"]],
    ["a node that is named twice", ["local,local"], ['"local"', "twice"]],
    ["a comma too many", ["local,,local"], ['"local,,local"', "comma"]],
    ["bare IPv6", ["::1"], ['"::1"', "[::1]"]],
    ["a user", ["me@node"], ['"me@node"', "user"]],
    ["a port out of range", ["node:70000"], ['"node:70000"', "65535"]],
    ["a range of nodes", ["node[1-3]"], ['"node[1-3]"', "node1,node2,node3"]],
    ["a number for a node", ["3"], ['"3"', "IPv4"]],
    ["local with a port", ["local:9000"], ['"local:9000"', "localhost"]],
    ["a relative socket", ["unix:d.sock"], ['"unix:d.sock"', "slash"]],
  ];

  test.each(mistakes)("%s", async (_name, words, parts) => {
    const trace = join(box.directory, "trace");
    const ended = await box.ctl(["exec", ...words, "touch", trace]);
    expectFailure(ended, 125, parts);
    expect(ended.text).toBe("");
    expect(await Bun.file(trace).exists()).toBe(false);
  });

  const incomplete: [string, string[], string[]][] = [
    ["nothing at all", [], ["needs NODES", "ctl exec NODES"]],
    ["no command", ["local"], ["needs a COMMAND", '"local"', "ctl exec NODES"]],
    ["no command behind --", ["local", "--"], ["needs a COMMAND"]],
    ["an option without its value", ["local", "--timeout"], ["--timeout needs a value"]],
    ["a letter without its value", ["local", "-C"], ["-C needs a value"]],
  ];

  test.each(incomplete)("%s", async (_name, words, parts) => {
    const ended = await box.ctl(["exec", ...words]);
    expectFailure(ended, 125, parts);
    expect(ended.text).toBe("");
  });
});

describe("a mistake in the words of the others gives 2:", () => {
  const mistakes: [string, string[], string[]][] = [
    ["an unknown command", ["nope"], ['Unknown command "nope"', "ctl help"]],
    ["one that is almost right", ["exce", "local"], ['"exce"', '"exec"?']],
    ["an option in front of the command", ["--json", "exec"], ['"--json"']],
    ["ping without NODES", ["ping"], ["ping needs NODES"]],
    ["ping with an unknown option", ["ping", "local", "--cuont", "1"], ['"--cuont"', '"--count"?']],
    ["ping with no round trips", ["ping", "local", "--count", "0"], ["--count", '"0"', "1 to"]],
    ["ping with a command", ["ping", "local", "true"], ['"true"']],
    ["daemon with an operand", ["daemon", "start"], ['"start"']],
    ["daemon with an unknown option", ["daemon", "--prot", "1"], ['"--prot"', '"--port"?']],
    ["daemon with no number", ["daemon", "--port", "http"], ["--port", '"http"', "number"]],
    ["daemon with no port", ["daemon", "--port", "65536"], ["--port", '"65536"', "65535"]],
    ["daemon with two orders", ["daemon", "--status", "--stop"], ["--status", "--stop"]],
    ["version with an operand", ["version", "1"], ['"1"']],
    ["help on nothing there is", ["help", "nope"], ['"nope"', "ctl help"]],
  ];

  test.each(mistakes)("%s", async (_name, words, parts) => {
    const ended = await box.ctl(words, { timeoutMs: 10_000 });
    expectFailure(ended, 2, parts);
    expect(ended.text).toBe("");
  });
});
