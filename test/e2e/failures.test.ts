// Commands that a node cannot start, each told truthfully: one line that names node, phase, errno and path and says what to do,
// the right exit code, and nothing that ran instead.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expectFailure } from "./support/failure-line.ts";
import { type Daemon, openSandbox, type Sandbox } from "./support/sandbox.ts";

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

/** A file in the sandbox, executable unless told otherwise; its path. */
function file(name: string, content: string | Uint8Array, mode = 0o755): string {
  const path = join(box.directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe.each(["local", "over TCP"])("a command that cannot be started, %s", (kind) => {
  const node = (): string => (kind === "local" ? "local" : daemon.address);

  /** Runs the command on the node: how it failed, and that it did so in one line. */
  async function refused(
    words: readonly string[],
    code: number,
    parts: readonly string[],
  ): Promise<void> {
    const ended = await box.ctl(["exec", node(), ...words]);
    expectFailure(ended, code, [`${node()}: `, ...parts]);
    expect(ended.text).toBe("");
  }

  test("is not found by its path", async () => {
    const path = join(box.directory, "missing");
    await refused([path], 127, ["exec: ", "ENOENT", `"${path}"`, "no such file", "check the path"]);
  });

  test("is not found in PATH", async () => {
    const parts = ["exec: ", "ENOENT", '"no-such-command"', "not found in PATH", "-e PATH="];
    await refused(["no-such-command"], 127, parts);
  });

  test("is looked for in the PATH that was given", async () => {
    file("only-here", "#!/bin/sh\necho found\n");
    const ended = await box.ctl(["exec", node(), "-e", `PATH=${box.directory}`, "only-here"]);
    expect(ended).toMatchObject({ text: "found\n", stderr: "", code: 0 });
  });

  test("is an empty word", async () => {
    await refused([""], 127, ["exec: ", 'ENOENT ""', "PATH"]);
  });

  test("lies below a file", async () => {
    const path = `${file("a-file", "")}/command`;
    await refused([path], 127, ["exec: ", "ENOTDIR", `"${path}"`, "not a directory"]);
  });

  test("may not be executed", async () => {
    const path = file("no-permission", "#!/bin/sh\n", 0o644);
    await refused([path], 126, ["exec: ", "EACCES", `"${path}"`, "no permission", "chmod +x"]);
  });

  test("may not be executed where PATH leads to", async () => {
    const path = file("no-permission-in-path", "#!/bin/sh\n", 0o644);
    const words = ["-e", `PATH=${box.directory}`, "no-permission-in-path"];
    await refused(words, 126, ["exec: ", "EACCES", `"${path}"`, "chmod +x"]);
  });

  test("is a directory", async () => {
    const path = join(box.directory, "folder");
    mkdirSync(path, { recursive: true });
    await refused([path], 126, ["exec: ", "EACCES", `"${path}"`, "directory", "name a file"]);
  });

  test("has no format that the node knows", async () => {
    const path = file("garbage", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 2, 3]));
    await refused([path], 126, ["exec: ", "ENOEXEC", `"${path}"`, "not a format", "CPU"]);
  });

  test("is empty", async () => {
    const path = file("empty", "");
    await refused([path], 126, ["exec: ", "ENOEXEC", `"${path}"`, "not a format"]);
  });

  test("is a script whose interpreter is missing: the interpreter is named too", async () => {
    const interpreter = join(box.directory, "interpreter");
    const path = file("without-interpreter", `#!${interpreter} -x\n`);
    const parts = ["exec: ", "ENOENT", `"${interpreter}"`, "interpreter", path, "install it"];
    await refused([path], 126, parts);
  });

  test("is a script without a first line that names a shell, and no shell runs it", async () => {
    const trace = join(box.directory, `trace-${kind.replace(" ", "-")}`);
    const path = file("no-shebang", `echo ran > ${trace}\n`);
    await refused([path], 126, ["exec: ", "ENOEXEC", `"${path}"`, "#!/bin/sh"]);
    expect(await Bun.file(trace).exists()).toBe(false);
  });

  test("should run in a directory that is missing", async () => {
    const path = join(box.directory, "no-directory");
    await refused(["-C", path, "true"], 125, ["chdir: ", "ENOENT", `"${path}"`, "-C"]);
  });

  test("should run in a directory that is a file", async () => {
    const path = file("not-a-directory", "");
    await refused(["-C", path, "true"], 125, ["chdir: ", "ENOTDIR", `"${path}"`, "-C"]);
  });

  test("has one argument of 128 KiB: the node's kernel says so", async () => {
    // No caller can pass such a word, but two can be joined.
    const half = "x".repeat(65_536);
    const parts = ["exec: ", "E2BIG", '"/bin/sh"', "arguments", "file"];
    await refused(["--sh", `: ${half}`, half], 126, parts);
  });

  test("has a variable of 128 KiB", async () => {
    const path = file("long-variable", `LONG=${"x".repeat(131_072)}\n`, 0o644);
    await refused(["--env-file", path, "true"], 126, ["exec: ", "E2BIG", "true", "environment"]);
  });

  test("has a few arguments of almost 128 KiB, which works", async () => {
    const word = "x".repeat(120_000);
    const ended = await box.ctl(["exec", node(), "printf", "%s%s%s", word, word, word]);
    expect(ended).toMatchObject({ text: word.repeat(3), stderr: "", code: 0 });
  });

  test("has more arguments than fit into a request", async () => {
    const words = Array.from({ length: 11 }, () => "x".repeat(100_000));
    const ended = await box.ctl(["exec", node(), "echo", ...words]);
    expectFailure(ended, 125, ["request: ", "E2BIG", "1048576", "stdin"]);
    expect(ended.text).toBe("");
  });

  test("is open for writing", async () => {
    const path = join(box.directory, "busy");
    const source = Bun.which("sleep");
    if (source === null) throw new Error("This machine has no sleep");
    copyFileSync(source, path);
    const fd = openSync(path, "a");
    try {
      await refused([path, "0"], 126, ["exec: ", "ETXTBSY", `"${path}"`, "writing", "rename"]);
    } finally {
      closeSync(fd);
    }
  });

  test("has a name that the terminal would obey, which is shown and not obeyed", async () => {
    const ended = await box.ctl(["exec", node(), "bad\u001b[31m\nname"]);
    expectFailure(ended, 127, ["exec: ", "ENOENT"]);
    expect(ended.stderr).not.toContain("\u001b");
  });
});

test("on several nodes each says why, and the summary counts them", async () => {
  const nodes = ["local", daemon.address];
  const path = join(box.directory, "missing");
  const ended = await box.ctl(["exec", nodes.join(","), path]);
  const lines = ended.stderr.trim().split("\n");
  for (const node of nodes) {
    const start = `ctl: ${node}: exec: ENOENT "${path}"`;
    expect(lines.filter((line) => line.startsWith(start))).toHaveLength(1);
  }
  expect(lines.at(-1)).toBe(`ctl: 0/2 ok · ${nodes.join(",")} not found`);
  expect({ count: lines.length, code: ended.code }).toEqual({ count: 3, code: 127 });
});
