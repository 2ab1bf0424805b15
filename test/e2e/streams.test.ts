// Output of the compiled ctl: every byte, in order, once, however much, however slowly it is read; and memory that stays
// where it was.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { openPipe } from "../../src/os/pipe.ts";
import { until } from "../support/until.ts";
import { descendants } from "./support/processes.ts";
import { mib, peakBytes, watchPeak, writtenBytes } from "./support/resources.ts";
import { type Daemon, openSandbox, type Sandbox, untilNothingIsLeft } from "./support/sandbox.ts";
import { environmentOf, program, shell } from "./support/shell.ts";
import { untilStill } from "./support/still.ts";
import { checkedStream, growthOf, idlePeak } from "./support/streaming.ts";

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

describe.each(["local", "over TCP"])("%s", (way) => {
  const node = (): string => (way === "local" ? "local" : daemon.address);

  test("output arrives to the last byte, at full speed, and soon takes no more memory", async () => {
    const bytes = (way === "local" ? 256 : 384) * mib + 1;
    const idle = await idlePeak(box, node());
    const rise = async (): Promise<number> =>
      await growthOf(daemon.pid, async () => {
        const { verdict, code, stderr, peak } = await checkedStream(box, node(), bytes);
        expect({ verdict, code, stderr }).toEqual({
          verdict: `right ${bytes}`,
          code: 0,
          stderr: "",
        });
        expect(peak - idle).toBeLessThan(64 * mib);
      });
    expect(await rise()).toBeLessThan(64 * mib);
    // A first 2 GiB would have filled all of the runtime's pools; here it takes two smaller ones.
    expect(await rise()).toBeLessThan(16 * mib);
    expect(await rise()).toBeLessThan(8 * mib);
  });

  test("a reader that stands still stops the command and costs nothing, and gets every byte in the end", async () => {
    const bytes = 64 * mib;
    const idle = await idlePeak(box, node());
    const pipe = openPipe();
    const env = environmentOf(box);
    const command = program("stream", "make", String(bytes));
    const growth = await growthOf(daemon.pid, async () => {
      const ctl = Bun.spawn([box.executable, "exec", node(), ...command], {
        env,
        stdin: "ignore",
        stdout: pipe.writeFd,
      });
      closeSync(pipe.writeFd);
      const writer = await until(
        () => descendants().find((entry) => entry.command === command.join(" "))?.pid,
      );
      expect(await untilStill(() => writtenBytes(writer))).toBeLessThan(8 * mib);
      expect((peakBytes(ctl.pid) ?? 0) - idle).toBeLessThan(16 * mib);
      const checker = Bun.spawn(program("stream", "check"), { env, stdin: pipe.readFd });
      closeSync(pipe.readFd);
      expect(await new Response(checker.stdout).text()).toBe(`right ${bytes}\n`);
      expect(await ctl.exited).toBe(0);
    });
    expect(growth).toBeLessThan(16 * mib);
  });

  test("a slow reader of ctl's stdout gets every byte before ctl ends", async () => {
    const bytes = 100 * mib + 7;
    const { text, code } = await shell(
      box,
      `"$CTL" exec ${node()} $STREAM make ${bytes} | (sleep 0.5; $STREAM check); echo $PIPESTATUS`,
    );
    expect({ text, code }).toEqual({ text: `right ${bytes}\n0\n`, code: 0 });
  });

  test("what stdout, stderr and a command's end say arrives in full, byte for byte, apart", async () => {
    const bytes = Uint8Array.from({ length: 3_000 }, (_, index) => (index * 7) % 256);
    const others = bytes.toReversed();
    writeFileSync(join(box.directory, "bytes"), bytes);
    writeFileSync(join(box.directory, "others"), others);
    // One byte per write: NUL and what is no UTF-8 among them.
    const script = "dd bs=1 if=bytes 2>/dev/null & dd bs=1 if=others >&2 2>/dev/null; wait; exit 9";
    const { code } = await shell(
      box,
      `"$CTL" exec -C "$PWD" ${node()} sh -c '${script}' >bytes.out 2>others.out`,
    );
    expect(code).toBe(9);
    expect(await contentOf("bytes.out")).toEqual(bytes);
    expect(await contentOf("others.out")).toEqual(others);
  });

  test("one line of 64 MiB without an end is passed on as it is", async () => {
    const count = 64 * mib;
    const { text, code } = await shell(
      box,
      `"$CTL" exec ${node()} head -c ${count} /dev/zero | tr -d '\\001-\\377' | wc -c`,
    );
    expect({ text: text.trim(), code }).toEqual({ text: String(count), code: 0 });
  });

  test("/dev/stdout, /dev/stderr and /proc/self/fd/1 can be opened anew without cutting off what was written", async () => {
    const script = "echo one; echo two >/dev/stdout; echo three >/proc/self/fd/1; echo four";
    const { text, stderr, code } = await box.ctl([
      "exec",
      node(),
      "sh",
      "-c",
      `${script}; echo five >/dev/stderr`,
    ]);
    expect({ text, stderr, code }).toEqual({
      text: "one\ntwo\nthree\nfour\n",
      stderr: "five\n",
      code: 0,
    });
  });

  test("a reader that goes away ends the command at once and is no failure of ctl", async () => {
    const yes = await shell(box, `"$CTL" exec ${node()} yes | head -1; echo $PIPESTATUS`);
    expect({ text: yes.text, stderr: yes.stderr }).toEqual({ text: "y\n141\n", stderr: "" });
    const long = await shell(
      box,
      `"$CTL" exec ${node()} yes | head -c 3000001 | wc -c; echo $PIPESTATUS`,
    );
    expect({ text: long.text, stderr: long.stderr }).toEqual({
      text: "3000001\n141\n",
      stderr: "",
    });
    if (way === "local") await untilNothingIsLeft(box);
    else await until(() => descendants(daemon.pid).length === 0);
  });

  test.each(["echo hi", `head -c 10000000 /dev/zero`])(
    "a full disk under stdout is said, and ctl ends with 255: %s",
    async (command) => {
      const { code, stderr } = await shell(box, `"$CTL" exec ${node()} ${command} >/dev/full`);
      expect(code).toBe(255);
      expect(stderr).toMatch(/^ctl: \S+: stdout: ENOSPC: .+\n$/);
    },
  );

  test("a full disk under stderr ends ctl with 255 and leaves stdout whole", async () => {
    const { text, code } = await shell(
      box,
      `"$CTL" exec ${node()} sh -c 'echo lost >&2; echo kept' 2>/dev/full`,
    );
    expect({ text, code }).toEqual({ text: "kept\n", code: 255 });
  });

  test("a stream that is closed takes nothing from the other one", async () => {
    const both = "'echo out; echo error >&2; exit 3'";
    const noOut = await shell(box, `"$CTL" exec ${node()} sh -c ${both} >&-`);
    expect({ stderr: noOut.stderr, code: noOut.code }).toEqual({ stderr: "error\n", code: 3 });
    const noError = await shell(box, `"$CTL" exec ${node()} sh -c ${both} 2>&-`);
    expect({ text: noError.text, code: noError.code }).toEqual({ text: "out\n", code: 3 });
  });

  test("the exit is told while a grandchild holds stdout, after everything that was written before it", async () => {
    const sleeper = `sleep 61${way === "local" ? 1 : 2}`;
    const sleepers = (): number[] =>
      descendants().flatMap((entry) => (entry.command === sleeper ? entry.pid : []));
    try {
      for (let round = 0; round < 100; round += 1) {
        // From nothing to 1 MiB, with more small ones than large ones.
        const bytes = Math.round((round / 99) ** 3 * mib);
        const { text, code } = await shell(
          box,
          `"$CTL" exec ${node()} -- sh -c '${sleeper} & $0 "$@"; exit 7' head -c ${bytes} /dev/zero 2>/dev/null | wc -c
           echo $PIPESTATUS`,
        );
        expect({ round, text, code }).toEqual({ round, text: `${bytes}\n7\n`, code: 0 });
      }
      expect(sleepers()).toHaveLength(100);
    } finally {
      for (const pid of sleepers()) process.kill(pid, "SIGKILL");
    }
  });
});

describe("several nodes", () => {
  test("long lines of three nodes, mixed: each whole, labelled, and in the order of its node", async () => {
    const names = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"].map(
      (host) => `${host}:${daemon.port}`,
    );
    mkdirSync(join(box.directory, "lines"));
    // Lines of up to 20 kB, each ending with its own length.
    const script =
      'i=0; while [ $i -lt 300 ]; do n=$((i * 67 % 20011)); head -c $n /dev/zero | tr "\\0" a; echo " $i $n"; i=$((i + 1)); done';
    const { text, stderr, code } = await box.ctl(["exec", names.join(","), "sh", "-c", script]);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const lines = text.split("\n").slice(0, -1);
    expect(lines).toHaveLength(900);
    for (const name of names) {
      const own = lines.filter((line) => line.startsWith(`${name}: `));
      const ends = own.map((line) => /: (a*) (\d+) (\d+)$/.exec(line));
      expect(ends.map((end) => [end?.[1]?.length, Number(end?.[2])])).toEqual(
        Array.from({ length: 300 }, (_, index) => [(index * 67) % 20_011, index]),
      );
    }
  });

  test("a line without an end costs ctl no memory with labels either", async () => {
    const idle = await idlePeak(box, "local");
    const names = `127.0.0.1:${daemon.port},localhost:${daemon.port}`;
    const pipe = openPipe();
    const ctl = Bun.spawn([box.executable, "exec", names, "head", "-c", "100M", "/dev/zero"], {
      env: environmentOf(box),
      stdin: "ignore",
      stdout: pipe.writeFd,
    });
    const counter = Bun.spawn(["tr", "-cd", "\\000"], { stdin: pipe.readFd });
    closeSync(pipe.readFd);
    closeSync(pipe.writeFd);
    const watch = watchPeak(ctl.pid);
    let zeros = 0;
    for await (const chunk of counter.stdout) zeros += chunk.length;
    expect(await ctl.exited).toBe(0);
    expect(zeros).toBe(200 * mib);
    expect(watch.stop() - idle).toBeLessThan(64 * mib);
  });
});

test("the checker of these tests notices a byte that is missing", async () => {
  const { text } = await shell(
    box,
    `($STREAM make 8192 | head -c 5000; $STREAM make 8192 | tail -c +5002) | $STREAM check`,
  );
  expect(text).toBe("wrong at 5000\n");
});

async function contentOf(name: string): Promise<Uint8Array> {
  return new Uint8Array(await Bun.file(join(box.directory, name)).arrayBuffer());
}
