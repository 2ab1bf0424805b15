// Events as JSON: the words of the schema, exact numbers, and output that comes back byte for byte.

import { describe, expect, test } from "bun:test";

import type { ExecNews } from "../../../src/capability/process/call.ts";
import type { Fact } from "../../../src/capability/process/contract.ts";
import { type JsonOptions, JsonRenderer } from "../../../src/cli/render/json.ts";
import type { Shown } from "../../../src/cli/render/renderer.ts";
import { type Random, withSeeds } from "../../support/random.ts";
import { endOf, notFound, refusedBy, unknownEnd, usage } from "../node-ends.ts";

const options: JsonOptions = {
  software: "0.1.0",
  nodes: ["node3"],
  argv: [Buffer.from("cat"), Uint8Array.of(0xff)],
  hasOutput: true,
};

const lines = (...all: (Shown | null)[]): string[] =>
  all.flatMap((shown) =>
    shown ? Buffer.from(shown.bytes).toString().split("\n").slice(0, -1) : [],
  );

const piece = (
  offset: number,
  bytes: Uint8Array | string,
): { offset: number; bytes: Uint8Array } => ({
  offset,
  bytes: Buffer.from(bytes),
});

function news(fact: Fact, monotonicNs = 5_000_000_000n): ExecNews {
  const times = { monotonicNs, realtimeNs: 1_700_000_000_000_000_001n };
  return { kind: "event", event: { kind: "event", sequence: 7n, ...times, process: "p_1", fact } };
}

const common = '"seq":7,"node":"node3","m":5000000000,"r":1700000000000000001,"proc":"p_1"';

const samples: readonly (readonly [Fact, readonly string[]])[] = [
  [
    { kind: "started", pid: 41 },
    [`{"ev":"proc.started",${common},"pid":41}`, `{"ev":"proc.exec",${common},"ok":true}`],
  ],
  [
    { kind: "not-started", phase: "exec", errno: 2, path: Buffer.from("/x"), interpreter: false },
    [
      `{"ev":"proc.not_started",${common},"outcome":"not-started","phase":"exec","errno":2,"errname":"ENOENT","path":"/x","interpreter":false}`,
    ],
  ],
  [
    {
      kind: "not-started",
      phase: "chdir",
      errno: 20,
      path: Uint8Array.of(0xff),
      interpreter: false,
    },
    [
      `{"ev":"proc.not_started",${common},"outcome":"not-started","phase":"chdir","errno":20,"errname":"ENOTDIR","path_b64":"/w==","interpreter":false}`,
    ],
  ],
  [
    { kind: "stream-ended", stream: "stdout", length: 5 },
    [`{"ev":"stream.end",${common},"stream":"stdout","len":5}`],
  ],
  [{ kind: "tree-empty" }, [`{"ev":"proc.tree_empty",${common}}`]],
  [
    { kind: "stopping", cause: "timeout", graceMs: 10_000 },
    [`{"ev":"proc.stopping",${common},"cause":"timeout","grace":10000000000}`],
  ],
  [{ kind: "killing" }, [`{"ev":"proc.killing",${common}}`]],
  [{ kind: "stuck", left: 2, pid: 9 }, [`{"ev":"proc.stuck",${common},"n":2,"pid":9}`]],
  [
    { kind: "signaled", serial: 1, signal: 15, hits: 3, errno: 0 },
    [`{"ev":"signal.sent",${common},"signal":"SIGTERM","n":3}`],
  ],
  [
    { kind: "signaled", serial: 1, signal: 15, hits: 0, errno: 3 },
    [`{"ev":"signal.sent",${common},"signal":"SIGTERM","n":0,"errno":3,"errname":"ESRCH"}`],
  ],
  [
    { kind: "unknown", why: "launcher-killed", fromNs: 1n, toNs: 1_700_000_000_000_000_001n },
    [
      `{"ev":"proc.unknown",${common},"outcome":"unknown","why":"launcher-killed","from_ns":1,"to_ns":1700000000000000001}`,
    ],
  ],
];

describe("events", () => {
  test.each(samples.map(([fact, expected]) => [fact.kind, fact, expected] as const))(
    "of the fact %s",
    (_, fact, expected) => {
      expect(lines(new JsonRenderer(options).news("node3", news(fact)))).toEqual([...expected]);
    },
  );

  test("the end has outcome, cause, wall time and what it used", () => {
    const renderer = new JsonRenderer(options);
    renderer.news("node3", news({ kind: "started", pid: 41 }, 1_000_000_000n));
    const exited: Fact = {
      kind: "exited",
      status: 0x80 | 11,
      cause: "app",
      usage,
      stdoutLength: 24,
      stderrLength: 0,
      treeLeft: true,
      survivors: [{ pid: 5, command: Buffer.from("sleep") }],
    };
    expect(lines(renderer.news("node3", news(exited)))).toEqual([
      `{"ev":"proc.exited",${common},"outcome":"signaled","signal":"SIGSEGV","core":true,"cause":"app","wall":4000000000,` +
        `"cpu_user":1500000,"cpu_sys":250000,"mem_peak":2097152,"mem_peak_src":"rusage","minor_faults":7,"major_faults":0,` +
        `"voluntary_switches":3,"involuntary_switches":1,"bytes":{"stdout":24,"stderr":0},` +
        `"survivors":[{"pid":5,"command":"sleep"}]}`,
    ]);
  });

  test("the header comes first and says what was asked", () => {
    expect(lines(new JsonRenderer(options).begin())).toEqual([
      '{"ev":"header","schema":"ctl.events/1","ctl":"0.1.0","nodes":["node3"],"argv":["cat",{"b64":"/w=="}]}',
    ]);
  });

  test("what becomes of the connection is told", () => {
    const renderer = new JsonRenderer(options);
    const peer = {
      kind: "hello" as const,
      protocolMin: 1,
      protocolMax: 1,
      software: "0.1.0",
      host: "n3",
      incarnation: Uint8Array.of(1, 255),
      insecure: true,
      monotonicNs: 1n,
      realtimeNs: 2n,
      limits: [],
    };
    expect(
      lines(
        renderer.news("node3", { kind: "connected", peer }),
        renderer.news("node3", { kind: "accepted", process: "p_1" }),
        renderer.news("node3", { kind: "lost", why: "reset", forMs: 10_000 }),
        renderer.news("node3", { kind: "resumed" }),
      ),
    ).toEqual([
      '{"ev":"node.connected","node":"node3","m":1,"r":2,"incarnation":"01ff","version":"0.1.0","host":"n3","protocol_min":1,"protocol_max":1,"insecure":true}',
      '{"ev":"proc.accepted","node":"node3","proc":"p_1"}',
      '{"ev":"node.lost","node":"node3","proc":"p_1","why":"reset","retry":10000000000}',
      '{"ev":"node.resumed","node":"node3","proc":"p_1"}',
    ]);
  });
});

describe("the last event of a node", () => {
  test("is its result", () => {
    expect(lines(...new JsonRenderer(options).ended(endOf("node3")))).toEqual([
      '{"ev":"result","node":"node3","proc":"p_7k3x9q2m","outcome":"exited","code":0,"cause":"app","exit_code":0,"complete":true}',
    ]);
  });

  test("comes after the error of a node that could not be reached", () => {
    const outcome = refusedBy("connect-refused", "Connection refused");
    const end = endOf("node3", outcome, { process: null });
    expect(lines(...new JsonRenderer(options).ended(end))).toEqual([
      '{"ev":"error","node":"node3","code":"connect-refused","errname":"ECONNREFUSED","text":"Connection refused","hint":null}',
      '{"ev":"result","node":"node3","proc":null,"outcome":"not-started","phase":"session","error":"connect-refused","errno":111,"errname":"ECONNREFUSED","text":"Connection refused","cause":"daemon","exit_code":255,"complete":true}',
    ]);
  });

  test("comes after proc.unknown, which is said once", () => {
    const renderer = new JsonRenderer(options);
    expect(lines(...renderer.ended(endOf("node3", unknownEnd))).map(kindOf)).toEqual([
      "proc.unknown",
      "result",
    ]);
    const told = new JsonRenderer(options);
    told.news("node3", news({ kind: "unknown", why: "x", fromNs: 0n, toNs: 1n }));
    expect(lines(...told.ended(endOf("node3", unknownEnd))).map(kindOf)).toEqual(["result"]);
  });

  test("says that output is missing", () => {
    const lossy = { written: 1, gapBytes: 9, errno: null };
    const end = endOf("node3", undefined, { streams: { stdout: lossy, stderr: lossy } });
    expect(lines(...new JsonRenderer(options).ended(end))[0]).toContain(
      '"exit_code":255,"complete":false',
    );
  });

  test("says why nothing was started", () => {
    const end = endOf("node3", notFound(Buffer.from("frob")));
    expect(lines(...new JsonRenderer(options).ended(end))[0]).toContain(
      '"outcome":"not-started","phase":"exec","errno":2,"errname":"ENOENT","path":"frob","interpreter":false,"cause":"user","exit_code":127',
    );
  });
});

describe("output", () => {
  test("is text where it is UTF-8, else base64", () => {
    const renderer = new JsonRenderer(options);
    renderer.news("node3", { kind: "accepted", process: "p_1" });
    const say = (offset: number, bytes: Uint8Array | string): string[] =>
      lines(renderer.output({ node: "node3", stream: "stdout", piece: piece(offset, bytes) }));
    expect(say(0, "é\n")).toEqual([
      '{"ev":"out","node":"node3","proc":"p_1","stream":"stdout","off":0,"len":3,"text":"é\\n"}',
    ]);
    expect(say(3, Uint8Array.of(0xff, 0x61))).toEqual([
      '{"ev":"out","node":"node3","proc":"p_1","stream":"stdout","off":3,"len":2,"b64":"/2E="}',
    ]);
  });

  test("never cuts a code point: the rest is waited for", () => {
    const renderer = new JsonRenderer(options);
    const euro = Buffer.from("a€b");
    const say = (from: number, to: number): string[] =>
      lines(
        renderer.output({
          node: "n",
          stream: "stderr",
          piece: piece(from, euro.subarray(from, to)),
        }),
      );
    expect(say(0, 2)[0]).toContain('"off":0,"len":1,"text":"a"');
    expect(say(2, 3)).toEqual([]);
    expect(say(3, 5)[0]).toContain('"off":1,"len":4,"text":"€b"');
  });

  test("that ends inside a code point comes out at the end", () => {
    const renderer = new JsonRenderer(options);
    renderer.output({
      node: "n",
      stream: "stdout",
      piece: piece(0, Uint8Array.of(0x61, 0xe2, 0x82)),
    });
    expect(lines(...renderer.ended(endOf("n")))[0]).toContain('"off":1,"len":2,"b64":"4oI="');
  });

  test("before a gap comes out before it", () => {
    const renderer = new JsonRenderer(options);
    renderer.output({ node: "n", stream: "stdout", piece: piece(0, Uint8Array.of(0xe2)) });
    const gap = renderer.news("n", { kind: "gap", stream: "stdout", offset: 1, length: 9 });
    expect(lines(gap).map(kindOf)).toEqual(["out", "gap"]);
    const after = renderer.output({ node: "n", stream: "stdout", piece: piece(10, "x") });
    expect(lines(after)[0]).toContain('"off":10,"len":1,"text":"x"');
  });

  test("is left out when nobody wants it", () => {
    const renderer = new JsonRenderer({ ...options, hasOutput: false });
    expect(renderer.output({ node: "n", stream: "stdout", piece: piece(0, "x") })).toBe(null);
  });

  test("however it is cut and mixed, every stream comes back byte for byte", async () => {
    await withSeeds({ count: 300 }, (random) => {
      const renderer = new JsonRenderer(options);
      const streams = ["stdout", "stderr"] as const;
      const sent = { stdout: randomBytes(random), stderr: randomBytes(random) };
      const at = { stdout: 0, stderr: 0 };
      const all: (Shown | null)[] = [];
      while (at.stdout < sent.stdout.length || at.stderr < sent.stderr.length) {
        const stream = random.pick(streams);
        const next = Math.min(sent[stream].length, at[stream] + random.integer(1, 7));
        // The memory is used again as soon as the call is over.
        const lent = Uint8Array.from(sent[stream].subarray(at[stream], next));
        if (lent.length === 0) continue;
        const shown = renderer.output({
          node: "n",
          stream,
          piece: { offset: at[stream], bytes: lent },
        });
        lent.fill(0x21);
        all.push(shown);
        at[stream] = next;
      }
      all.push(...renderer.ended(endOf("n")));
      expect(receivedFrom(lines(...all))).toEqual({
        stdout: sent.stdout.toString("hex"),
        stderr: sent.stderr.toString("hex"),
      });
    });
  });
});

function kindOf(line: string): string {
  return String(JSON.parse(line).ev);
}

function randomBytes(random: Random): Buffer {
  const parts = Array.from({ length: random.integer(0, 12) }, () =>
    random.chance(0.8)
      ? Buffer.from(random.pick(["a", "é", "€", "\u{1f600}", "\n"]))
      : random.bytes(2),
  );
  return Buffer.concat(parts);
}

/** What a reader of the events has, in hexadecimal; throws when an offset does not fit. */
function receivedFrom(all: readonly string[]): Record<string, string> {
  const received: Record<string, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  for (const line of all) {
    const event = JSON.parse(line);
    if (event.ev !== "out") continue;
    const before = received[event.stream] ?? Buffer.alloc(0);
    const bytes =
      event.b64 === undefined ? Buffer.from(event.text) : Buffer.from(event.b64, "base64");
    if (event.off !== before.length || event.len !== bytes.length)
      throw new Error(`Misplaced: ${line}`);
    received[event.stream] = Buffer.concat([before, bytes]);
  }
  return {
    stdout: received["stdout"]?.toString("hex") ?? "",
    stderr: received["stderr"]?.toString("hex") ?? "",
  };
}
