// A real proxy between the compiled ctl and a daemon does what networks do. A link that heals in time is not noticed by anybody
// who looks at the output; one that does not is never taken for success.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { openPipe } from "../../src/os/pipe.ts";
import { type CutOptions, TcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/until.ts";
import { mib } from "./support/resources.ts";
import { said } from "./support/running.ts";
import { type Daemon, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { environmentOf, program } from "./support/shell.ts";
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

/** `body` gets a link of its own, and the name of the node behind it. */
async function withProxy(body: (proxy: TcpProxy, node: string) => Promise<void>): Promise<void> {
  const proxy = await TcpProxy.start({ port: daemon.port });
  try {
    await body(proxy, `127.0.0.1:${proxy.port}`);
  } finally {
    proxy.close();
  }
}

let starts = 0;

/** `command` for a node, and how often it was started there. */
function counted(command: readonly string[]): { argv: string[]; count: () => number } {
  starts += 1;
  const file = join(box.directory, `starts-${starts}`);
  const argv = ["sh", "-c", `echo start >>${file}; exec "$0" "$@"`, ...command];
  return { argv, count: () => readFileSync(file, "utf8").split("\n").length - 1 };
}

interface Cuts {
  /** Between two cuts. */
  bytes: number;
  direction: "up" | "down";
}

/** Cuts the link each time that so many bytes have passed, until `isOver`; how often that was. */
async function cutEvery(
  proxy: TcpProxy,
  { bytes, direction }: Cuts,
  isOver: () => boolean,
): Promise<number> {
  const ways: readonly CutOptions[] = [{ how: "reset" }, { how: "end" }];
  await until(() => proxy.accepted > 0);
  while (!isOver()) {
    const { accepted } = proxy;
    proxy.cutAfter(bytes, direction, ways[accepted % ways.length]);
    await until(() => isOver() || proxy.accepted > accepted, { timeoutMs: 30_000 });
  }
  return proxy.accepted - 1;
}

interface Streamed {
  verdict: string;
  code: number;
  cuts: number;
  stderr: string;
}

/** `stream make INPUT | ctl exec … | stream check`, with cuts meanwhile. */
async function streamThroughCuts(
  proxy: TcpProxy,
  command: readonly string[],
  { inputBytes, cuts: wanted }: { inputBytes: number; cuts: Cuts },
): Promise<Streamed> {
  const env = environmentOf(box);
  const [input, output] = [openPipe(), openPipe()];
  const maker = Bun.spawn(program("stream", "make", String(inputBytes)), {
    stdout: input.writeFd,
  });
  const ctl = Bun.spawn([box.executable, "exec", `127.0.0.1:${proxy.port}`, ...command], {
    env,
    stdin: input.readFd,
    stdout: output.writeFd,
    stderr: "pipe",
  });
  const checker = Bun.spawn(program("stream", "check"), { stdin: output.readFd });
  for (const fd of [...Object.values(input), ...Object.values(output)]) closeSync(fd);
  const [cuts, verdict, stderr] = await Promise.all([
    cutEvery(proxy, wanted, () => ctl.exitCode !== null),
    new Response(checker.stdout).text(),
    new Response(ctl.stderr).text(),
  ]);
  await maker.exited;
  return { verdict: verdict.trim(), code: await ctl.exited, cuts, stderr };
}

describe("a link that is cut in mid-stream, by reset and by end in turn, and heals", () => {
  test("the output goes on without a byte lost or doubled, and nothing is started twice", async () => {
    await withProxy(async (proxy) => {
      const bytes = 64 * mib;
      const { argv, count } = counted(program("stream", "make", String(bytes)));
      const { verdict, code, cuts, stderr } = await streamThroughCuts(proxy, argv, {
        inputBytes: 0,
        cuts: { bytes: 3_333_333, direction: "down" },
      });
      expect({ verdict, code, starts: count() }).toEqual({
        verdict: `right ${bytes}`,
        code: 0,
        starts: 1,
      });
      expect(cuts).toBeGreaterThanOrEqual(10);
      const lost = stderr.match(/connection lost/g)?.length ?? 0;
      const back = stderr.match(/connected again, nothing is missing/g)?.length ?? 0;
      expect({ lost, back }).toEqual({ lost: cuts, back: cuts });
    });
  });

  test.each(["up", "down"] as const)(
    "input and output at once, cut by what goes %s",
    async (direction) => {
      await withProxy(async (proxy) => {
        const bytes = 50 * mib + 1;
        const { argv, count } = counted(["cat"]);
        const { verdict, code, cuts } = await streamThroughCuts(proxy, argv, {
          inputBytes: bytes,
          cuts: { bytes: 5_000_001, direction },
        });
        expect({ verdict, code, starts: count() }).toEqual({
          verdict: `right ${bytes}`,
          code: 0,
          starts: 1,
        });
        expect(cuts).toBeGreaterThanOrEqual(8);
      });
    },
  );
});

// Silence is noticed late, so these wait side by side.
describe.concurrent("silence", () => {
  test.each(["client", "server"] as const)(
    "only the %s hears of the cut: the exec goes on",
    async (side) => {
      await withProxy(async (proxy, node) => {
        const { argv, count } = counted(["sh", "-c", "echo ready; read line; echo $line; exit 6"]);
        // The daemon's lease must last until the controller knows.
        const policy = ["--on-disconnect", "kill:20s"];
        const run = box.start(["exec", ...policy, node, ...argv], { keepInputOpen: true });
        await said(run, /ready/);
        proxy.cut({ how: "reset", noticedBy: side });
        // The other side learns by silence, within 15 s, or from the new connection.
        run.write("go on\n");
        const { text, code } = await run.ended;
        expect({ text, code, starts: count() }).toEqual({
          text: "ready\ngo on\n",
          code: 6,
          starts: 1,
        });
      });
    },
  );

  test("neither hears of it: noticed within 15 s by both, then the lease, then 255, and the tree is gone", async () => {
    await withProxy(async (proxy, node) => {
      const tree = stubbornTree();
      const policy = ["--on-disconnect", "kill:1s", "--grace", "500ms", "--connect-timeout", "1s"];
      const run = box.start(["exec", ...policy, node, "sh", "-c", tree.script]);
      await until(() => tree.alive().length === tree.size);
      proxy.stall();
      const stalledMs = performance.now();
      await said(run, /connection lost/, 16_000);
      const { code } = await run.ended;
      expect(code).toBe(255);
      await until(() => tree.alive().length === 0, { timeoutMs: 20_000 });
      expect(performance.now() - stalledMs).toBeLessThan(18_000);
      proxy.heal();
    });
  });

  test("healed too late: the daemon has ended the tree, and ctl says so instead of starting again", async () => {
    await withProxy(async (proxy, node) => {
      const { argv, count } = counted(["sleep", "634"]);
      // The controller's patience begins when it hears of the cut; the daemon's did long before.
      const run = box.start(["exec", "--on-disconnect", "kill:1s", node, ...argv]);
      await until(() => box.leftovers().some((entry) => entry.command === "sleep 634"));
      proxy.refuse();
      proxy.cut({ noticedBy: "server" });
      await until(() => !box.leftovers().some((entry) => entry.command === "sleep 634"));
      await proxy.accept();
      const { code, stderr } = await run.ended;
      expect({ code, starts: count() }).toEqual({ code: 143, starts: 1 });
      expect(stderr).toContain("connected again");
    });
  });
});

test("a link that stalls for a while and heals is only slow", async () => {
  await withProxy(async (proxy, node) => {
    const { argv, count } = counted(["cat"]);
    const run = box.start(["exec", node, ...argv], { keepInputOpen: true });
    run.write("one\n");
    await said(run, /one/);
    proxy.stall();
    run.write("two\n");
    // Time for the sender to have tried: nothing may arrive, however long one waits.
    await Bun.sleep(1_000);
    expect(run.stdoutText()).toBe("one\n");
    proxy.heal();
    await said(run, /two/);
    run.endInput();
    const { text, stderr, code } = await run.ended;
    expect({ text, stderr, code, starts: count() }).toEqual({
      text: "one\ntwo\n",
      stderr: "",
      code: 0,
      starts: 1,
    });
  });
});

test.each(["up", "down"] as const)(
  "a link that is cut again in the middle of the next handshake, by what goes %s, is only slow",
  async (direction) => {
    await withProxy(async (proxy, node) => {
      const { argv, count } = counted(["cat"]);
      const run = box.start(["exec", node, ...argv], { keepInputOpen: true });
      run.write("one\n");
      await said(run, /one/);
      // Armed before anybody can come back, or the next one might slip through.
      let cuts = 0;
      const again = (): void => {
        cuts += 1;
        if (cuts === 1) proxy.cutAfter(100, direction, { how: "end", whenCut: again });
      };
      proxy.cutAfter(100, direction, { how: "reset", whenCut: again });
      proxy.cut();
      await until(() => cuts === 2);
      run.write("two\n");
      await said(run, /two/);
      run.endInput();
      const { text, stderr, code } = await run.ended;
      expect({ text, code, starts: count() }).toEqual({ text: "one\ntwo\n", code: 0, starts: 1 });
      expect(stderr.match(/connected again, nothing is missing/g)).toHaveLength(1);
      expect(proxy.accepted).toBe(4);
    });
  },
);

test("a command that ends while the link is down is told of with its output and its status", async () => {
  await withProxy(async (proxy, node) => {
    const [gate, done] = ["gate", "done"].map((name) => join(box.directory, name));
    const script = `echo ready; until test -e ${gate}; do sleep 0.05; done; echo result; echo >${done}; exit 5`;
    const { argv, count } = counted(["sh", "-c", script]);
    const run = box.start(["exec", node, ...argv]);
    await said(run, /ready/);
    proxy.refuse();
    proxy.cut();
    await said(run, /connection lost/);
    await Bun.write(gate ?? "", "");
    await until(async () => await Bun.file(done ?? "").exists());
    await proxy.accept();
    const { text, code } = await run.ended;
    expect({ text, code, starts: count() }).toEqual({
      text: "ready\nresult\n",
      code: 5,
      starts: 1,
    });
  });
});

test("signals that are sent while the link is down arrive once it is there", async () => {
  await withProxy(async (proxy, node) => {
    const script =
      'trap "echo hit" USR1; trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done';
    const run = box.start(["exec", node, "sh", "-c", script]);
    await said(run, /ready/);
    proxy.refuse();
    proxy.cut();
    await said(run, /connection lost/);
    run.signal("SIGUSR1");
    await proxy.accept();
    await said(run, /hit/);
    run.signal("SIGTERM");
    const { text, code } = await run.ended;
    expect({ text, code }).toEqual({ text: "ready\nhit\n", code: 3 });
  });
});

describe("a link that does not heal", () => {
  test("refused: 255 after the lease, and the whole tree is gone after lease and grace", async () => {
    await withProxy(async (proxy, node) => {
      const tree = stubbornTree();
      const policy = ["--on-disconnect", "kill:1500ms", "--grace", "1s"];
      const run = box.start(["exec", ...policy, node, "sh", "-c", tree.script]);
      await until(() => tree.alive().length === tree.size);
      proxy.refuse();
      proxy.cut();
      const cutMs = performance.now();
      const { code, stderr } = await run.ended;
      const ranMs = performance.now() - cutMs;
      expect(code).toBe(255);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
        /^ctl: \S+: how it ended is unknown: .*; look on the node for what still runs$/,
      );
      expect(ranMs).toBeGreaterThan(1_400);
      expect(ranMs).toBeLessThan(4_000);
      await until(() => tree.alive().length === 0, { timeoutMs: 10_000 });
      expect(performance.now() - cutMs).toBeLessThan(6_000);
    });
  });
});

test("nothing is left of all this", async () => {
  await untilNothingIsLeft(box);
  expect(box.leftovers()).toEqual([]);
});
