// Input of the compiled ctl: every byte and the end of it reach the command, a slow reader is not flooded, and nobody hangs
// for an input that is not wanted.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, writeSync } from "node:fs";
import { join } from "node:path";

import { openPipe } from "../../src/os/pipe.ts";
import { openTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";
import { forgetPeak, mib, peakBytes, writtenBytes } from "./support/resources.ts";
import { type Daemon, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { environmentOf, program, shell } from "./support/shell.ts";
import { untilStill } from "./support/still.ts";

let box: Sandbox;
let daemon: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
  // Every byte there is, many times, and an odd length.
  const bytes = Uint8Array.from(
    { length: 300_001 },
    (_, index) => (index * 31 + index / 256) % 256,
  );
  await Bun.write(join(box.directory, "bytes"), bytes);
});

afterAll(async () => {
  await daemon.stop();
  await box[Symbol.asyncDispose]();
});

interface OnTerminal {
  text: string;
  code: number;
}

/** Runs ctl with a terminal as its stdin, into which `typed` is typed once `ready` has been printed. */
async function onTerminal(
  args: readonly string[],
  { ready, typed }: { ready: string; typed: string },
): Promise<OnTerminal> {
  const terminal = openTerminal();
  try {
    const ctl = Bun.spawn([box.executable, ...args], {
      env: environmentOf(box),
      stdin: terminal.slaveFd,
      stderr: "inherit",
      timeout: 20_000,
    });
    let text = "";
    for await (const chunk of ctl.stdout) {
      const before = text;
      text += new TextDecoder().decode(chunk);
      if (!before.includes(ready) && text.includes(ready)) {
        writeSync(terminal.masterFd, typed);
      }
    }
    return { text, code: await ctl.exited };
  } finally {
    terminal.close();
  }
}

describe.each(["local", "over TCP"])("%s", (way) => {
  const node = (): string => (way === "local" ? "local" : daemon.address);

  test("piped input reaches the command to the last byte, with its end, whatever its bytes", async () => {
    const piped = await shell(
      box,
      `cat bytes | "$CTL" exec ${node()} cat | cmp - bytes && echo same`,
    );
    expect({ text: piped.text, stderr: piped.stderr }).toEqual({ text: "same\n", stderr: "" });
    const file = await shell(box, `"$CTL" exec ${node()} cat <bytes | cmp - bytes && echo same`);
    expect({ text: file.text, stderr: file.stderr }).toEqual({ text: "same\n", stderr: "" });
  });

  test("100 MiB go through the command and back without a difference", async () => {
    const { text, code } = await shell(
      box,
      `$STREAM make ${100 * mib + 1} | "$CTL" exec ${node()} cat | $STREAM check`,
    );
    expect({ text, code }).toEqual({ text: `right ${100 * mib + 1}\n`, code: 0 });
  });

  test.each([
    ["nothing", "printf ''", ""],
    ["/dev/null", "", "</dev/null"],
    ["a closed descriptor", "", "<&-"],
  ])("%s is an input that ends at once", async (_name, before, after) => {
    const pipe = before === "" ? "" : `${before} |`;
    const { text, stderr, code } = await shell(
      box,
      `${pipe} "$CTL" exec ${node()} sh -c 'cat; echo end' ${after}`,
    );
    expect({ text, stderr, code }).toEqual({ text: "end\n", stderr: "", code: 0 });
  });

  test("-n sends nothing, and takes nothing from the input", async () => {
    const { text, code } = await shell(
      box,
      `printf 'one\\ntwo\\n' | { "$CTL" exec -n ${node()} sh -c 'cat; echo end'; cat; }`,
    );
    expect({ text, code }).toEqual({ text: "end\none\ntwo\n", code: 0 });
  });

  test("a reader that stands still is not flooded, costs nothing, and gets every byte in the end", async () => {
    const bytes = 100 * mib;
    const pipe = openPipe();
    const env = environmentOf(box);
    const gate = join(box.directory, `gate-${way === "local" ? 1 : 2}`);
    const script = `echo ready >&2; until test -e ${gate}; do sleep 0.05; done; exec "$0" "$@"`;
    const maker = Bun.spawn(program("stream", "make", String(bytes)), { stdout: pipe.writeFd });
    const ctl = Bun.spawn(
      [box.executable, "exec", node(), "sh", "-c", script, ...program("stream", "check")],
      { env, stdin: pipe.readFd, stderr: "pipe" },
    );
    closeSync(pipe.readFd);
    closeSync(pipe.writeFd);
    await ctl.stderr.getReader().read();
    const before = { ctl: peakBytes(ctl.pid) ?? 0, daemon: peakBytes(daemon.pid) ?? 0 };
    forgetPeak(daemon.pid);
    expect(await untilStill(() => writtenBytes(maker.pid))).toBeLessThan(8 * mib);
    expect((peakBytes(ctl.pid) ?? 0) - before.ctl).toBeLessThan(16 * mib);
    expect((peakBytes(daemon.pid) ?? 0) - before.daemon).toBeLessThan(16 * mib);
    await Bun.write(gate, "");
    expect(await new Response(ctl.stdout).text()).toBe(`right ${bytes}\n`);
    expect(await ctl.exited).toBe(0);
  });

  test("a command that never reads ends when it likes, and ctl with it", async () => {
    const { text, stderr, code } = await shell(
      box,
      `yes | "$CTL" exec ${node()} sh -c 'echo out; exit 4'; echo $?`,
    );
    expect({ text, stderr, code }).toEqual({ text: "out\n4\n", stderr: "", code: 0 });
  });

  test("a command that has read enough ends the writer before ctl", async () => {
    const { text, stderr } = await shell(
      box,
      `yes | "$CTL" exec ${node()} head -1; echo \${PIPESTATUS[@]}`,
    );
    expect({ text, stderr }).toEqual({ text: "y\n141 0\n", stderr: "" });
  });

  test("a command that closes its input and goes on is left in peace", async () => {
    const { text, stderr, code } = await shell(
      box,
      `yes | "$CTL" exec ${node()} sh -c 'exec <&-; sleep 0.3; echo done'`,
    );
    expect({ text, stderr, code }).toEqual({ text: "done\n", stderr: "", code: 0 });
  });

  test("an input that stays open does not keep ctl when the command has ended", async () => {
    const run = box.start(["exec", node(), "echo", "done"], { keepInputOpen: true });
    const { text, code } = await run.ended;
    expect({ text, code }).toEqual({ text: "done\n", code: 0 });
  });

  test("what is piped in piece by piece arrives piece by piece", async () => {
    const run = box.start(["exec", node(), "cat"], { keepInputOpen: true });
    for (const piece of ["one\n", "two\n", "three"]) {
      run.write(piece);
      await until(() => run.stdoutText().endsWith(piece));
    }
    run.endInput();
    const { text, code } = await run.ended;
    expect({ text, code }).toEqual({ text: "one\ntwo\nthree", code: 0 });
  });

  test("a terminal's input is sent only with -i, with the end that is typed", async () => {
    const command = ["sh", "-c", "echo ready; cat; echo end"];
    const without = await onTerminal(["exec", node(), ...command], { ready: "end", typed: "" });
    expect(without).toEqual({ text: "ready\nend\n", code: 0 });
    const interactive = await onTerminal(["exec", "-i", node(), ...command], {
      ready: "ready\n",
      typed: "typed\n\u0004",
    });
    expect(interactive).toEqual({ text: "ready\ntyped\nend\n", code: 0 });
  });

  test("an input that is not open for reading, as under nohup, holds nothing", async () => {
    const { text, stderr, code } = await shell(box, `"$CTL" exec ${node()} cat 0>/dev/null`);
    expect({ text, stderr, code }).toEqual({ text: "", stderr: "", code: 0 });
  });

  test("reading from a directory is a failure that is said", async () => {
    const { text, stderr, code } = await shell(box, `"$CTL" exec ${node()} cat </; echo $?`);
    expect({ text, code }).toEqual({ text: "255\n", code: 0 });
    expect(stderr).toMatch(/^ctl: .*stdin.*EISDIR.*\n$/);
  });
});

describe("several nodes", () => {
  test("all of them get all of the input, at the pace of the slowest", async () => {
    const names = ["127.0.0.1", "localhost"].map((host) => `${host}:${daemon.port}`);
    const bytes = 20 * mib + 3;
    const { text, code } = await shell(
      box,
      `$STREAM make ${bytes} | "$CTL" exec ${[...names, "local"].join(",")} --sh 'test $CTL_NODE = local && sleep 0.5; ${program("stream", "check").join(" ")}' | LC_ALL=C sort`,
    );
    const lines = [...names, "local"].map((name) => `${name}: right ${bytes}\n`);
    expect({ text, code }).toEqual({ text: lines.toSorted().join(""), code: 0 });
  });

  test("one that ends early does not keep the input from the others", async () => {
    const names = ["127.0.0.1", "localhost"].map((host) => `${host}:${daemon.port}`);
    const bytes = 5 * mib;
    const { text, code } = await shell(
      box,
      `$STREAM make ${bytes} | "$CTL" exec local,${names.join(",")} --sh 'test $CTL_NODE = local || ${program("stream", "check").join(" ")}' | LC_ALL=C sort`,
    );
    expect({ text, code }).toEqual({
      text: names.map((name) => `${name}: right ${bytes}\n`).join(""),
      code: 0,
    });
  });
});

test("nothing is left of all this", async () => {
  await untilNothingIsLeft(box);
  expect(box.leftovers()).toEqual([]);
});
