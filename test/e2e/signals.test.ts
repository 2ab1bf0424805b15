// Signals to the compiled ctl: Ctrl-C in three steps, the others handed on, and ctl stopped and continued in mid-stream.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync } from "node:fs";

import { openPipe } from "../../src/os/pipe.ts";
import { until } from "../support/until.ts";
import { descendants, isAlive } from "./support/processes.ts";
import { mib, writtenBytes } from "./support/resources.ts";
import { said } from "./support/running.ts";
import { type Daemon, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { environmentOf, program } from "./support/shell.ts";
import { untilStill } from "./support/still.ts";
import { stubbornTree } from "./support/trees.ts";

let box: Sandbox;
let daemon: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
});

afterAll(async () => {
  await daemon.stop();
  await box[Symbol.asyncDispose]();
});

const running = (command: string): number[] =>
  descendants().flatMap((entry) => (entry.command === command ? entry.pid : []));

describe.each(["local", "over TCP"])("%s", (way) => {
  const node = (): string => (way === "local" ? "local" : daemon.address);

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
    ["SIGUSR1", 138],
    ["SIGUSR2", 140],
  ] as const)("%s ends a command that does not care, with %i", async (signal, wanted) => {
    const run = box.start(["exec", node(), "sh", "-c", "echo ready; exec sleep 600"]);
    await said(run, /ready/);
    run.signal(signal);
    const { code, stderr } = await run.ended;
    expect({ code, stderr }).toEqual({ code: wanted, stderr: "" });
  });

  test("each signal arrives once, in order, at a command that handles it", async () => {
    const names = ["TERM", "HUP", "QUIT", "USR1", "USR2", "INT"] as const;
    const traps = names.map((name) => `trap 'echo ${name}' ${name}`).join("\n");
    const script = `${traps}\necho ready\nuntil test "$stop"; do read line && stop=1; done; exit 7`;
    const run = box.start(["exec", node(), "sh", "-c", script], { keepInputOpen: true });
    await said(run, /ready/);
    for (const name of names) {
      run.signal(`SIG${name}`);
      await said(run, new RegExp(`^${name}$`, "m"));
    }
    run.write("stop\n");
    const { text, code } = await run.ended;
    expect(text).toBe(["ready", ...names, ""].join("\n"));
    expect(code).toBe(7);
  });

  test("Ctrl-C once is for the process group, and leaves those outside of it alone", async () => {
    const inside = `sleep ${way === "local" ? 621 : 622}`;
    const outside = `sleep ${way === "local" ? 623 : 624}`;
    const run = box.start(["exec", node(), "sh", "-c", `setsid ${outside} & ${inside}`]);
    await until(() => running(inside).length === 1 && running(outside).length === 1);
    run.signal("SIGINT");
    const { code } = await run.ended;
    expect(code).toBe(130);
    expect(running(inside)).toEqual([]);
    expect(running(outside)).toHaveLength(1);
    for (const pid of running(outside)) process.kill(pid, "SIGKILL");
  });

  test("Ctrl-C twice ends the whole tree: TERM, grace, KILL; ctl stays until it is gone", async () => {
    const tree = stubbornTree();
    const run = box.start([
      "exec",
      "--grace",
      "700ms",
      node(),
      "sh",
      "-c",
      `trap "" INT\n${tree.script}`,
    ]);
    await until(() => tree.alive().length === tree.size);
    run.signal("SIGINT");
    await said(run, /\^C was sent to \S+; once more ends the whole tree, a third time leaves/);
    expect(tree.alive()).toHaveLength(tree.size);
    run.signal("SIGINT");
    await said(run, /\^C again: ending \S+ with TERM, then KILL/);
    await until(() => tree.alive().length === 2);
    expect(isAlive(run.pid)).toBe(true);
    const { code } = await run.ended;
    expect(tree.alive()).toEqual([]);
    expect(code).toBe(143);
  });

  test("Ctrl-C three times leaves at once with 255 and says so; the node goes on ending the tree", async () => {
    const tree = stubbornTree();
    const run = box.start([
      "exec",
      "--grace",
      "2s",
      node(),
      "sh",
      "-c",
      `trap "" INT\n${tree.script}`,
    ]);
    await until(() => tree.alive().length === tree.size);
    // One after the other: two that are pending together are one to the kernel.
    for (const words of [/\^C was sent/, /\^C again/]) {
      run.signal("SIGINT");
      await said(run, words);
    }
    await until(() => tree.alive().length === 2);
    run.signal("SIGINT");
    const { code, stderr } = await run.ended;
    expect(tree.alive()).toHaveLength(2);
    expect(code).toBe(255);
    expect(stderr).toMatch(
      /^ctl: \S+: how it ended is unknown: left at the user's third SIGINT; look on the node for what still runs$/m,
    );
    await until(() => tree.alive().length === 0);
  });

  test("Ctrl-C three times leaves even when nobody reads ctl's output", async () => {
    const pipe = openPipe();
    const ctl = Bun.spawn([box.executable, "exec", "--grace", "200ms", node(), "yes"], {
      env: environmentOf(box),
      stdout: pipe.writeFd,
      stderr: "pipe",
    });
    closeSync(pipe.writeFd);
    try {
      const yes = await until(() => running("yes")[0]);
      await untilStill(() => writtenBytes(yes));
      const stderr: string[] = [];
      void (async () => {
        for await (const chunk of ctl.stderr) stderr.push(new TextDecoder().decode(chunk));
      })();
      ctl.kill("SIGINT");
      await until(() => running("yes").length === 0);
      ctl.kill("SIGINT");
      await until(() => stderr.join("").includes("^C again"));
      expect(isAlive(ctl.pid)).toBe(true);
      ctl.kill("SIGINT");
      await until(() => !isAlive(ctl.pid));
      expect(await ctl.exited).toBe(255);
    } finally {
      closeSync(pipe.readFd);
    }
  });
});

// It takes a while, so both wait side by side.
describe.concurrent("SIGSTOP and SIGCONT", () => {
  test.each(["local", "over TCP"])(
    "%s: ctl stopped and continued in mid-stream loses nothing",
    async (way) => {
      const node = way === "local" ? "local" : daemon.address;
      const bytes = (way === "local" ? 300 : 310) * mib;
      const pipe = openPipe();
      const ctl = Bun.spawn(
        [box.executable, "exec", node, ...program("stream", "make", String(bytes))],
        { env: environmentOf(box), stdout: pipe.writeFd, stderr: "pipe" },
      );
      const checker = Bun.spawn(program("stream", "check"), { stdin: pipe.readFd });
      for (const fd of [pipe.readFd, pipe.writeFd]) closeSync(fd);
      const writer = program("stream", "make", String(bytes)).join(" ");
      await until(() => descendants().some((entry) => entry.command === writer));
      ctl.kill("SIGSTOP");
      // Longer than two intervals between the pings of both sides.
      await Bun.sleep(5_000);
      expect(isAlive(ctl.pid)).toBe(true);
      ctl.kill("SIGCONT");
      expect(await new Response(checker.stdout).text()).toBe(`right ${bytes}\n`);
      expect(await new Response(ctl.stderr).text()).toBe("");
      expect(await ctl.exited).toBe(0);
    },
  );
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s while ctl is still connecting ends it at once, and nothing was started",
  async (signal) => {
    let connections = 0;
    // Accepts and says nothing.
    const silent = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: () => void (connections += 1), data: () => {} },
    });
    try {
      const node = `127.0.0.1:${silent.port}`;
      const run = box.start(["exec", "--connect-timeout", "1m", node, "true"]);
      await until(() => connections === 1);
      run.signal(signal);
      const { code, text, stderr } = await run.ended;
      expect({ code, text }).toEqual({ code: 125, text: "" });
      expect(stderr).toBe(
        `ctl: ${node}: session: interrupted by ${signal} while connecting; nothing was started\n`,
      );
    } finally {
      silent.stop(true);
    }
  },
);

test("nothing is left of all this", async () => {
  await untilNothingIsLeft(box);
  expect(box.leftovers()).toEqual([]);
});
