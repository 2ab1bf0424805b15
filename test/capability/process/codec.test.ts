// What may be asked of a process: ranges, closed lists, and the bytes of argv and environment.

import { expect, test } from "bun:test";

import { Builder } from "flatbuffers";

import { CtlError } from "../../../src/base/errors.ts";
import { type Message, messageCodec } from "../../../src/capability/messages.ts";
import type { Start } from "../../../src/capability/process/contract.ts";
import {
  causes,
  disconnects,
  phases,
  scopes,
  streams,
  trees,
} from "../../../src/capability/process/words.ts";
import { Body } from "../../../src/wire/generated/body.ts";
import { Bytes as BytesTable } from "../../../src/wire/generated/bytes.ts";
import { Cause } from "../../../src/wire/generated/cause.ts";
import { Message as Root } from "../../../src/wire/generated/message.ts";
import { OnDisconnect } from "../../../src/wire/generated/on-disconnect.ts";
import { Phase } from "../../../src/wire/generated/phase.ts";
import { Scope } from "../../../src/wire/generated/scope.ts";
import { StartProcess as StartTable } from "../../../src/wire/generated/start-process.ts";
import { Stream } from "../../../src/wire/generated/stream.ts";
import { TreePolicy } from "../../../src/wire/generated/tree-policy.ts";
import { argvEnvBytesMax, outputChunkBytesMax } from "../../../src/wire/limits.ts";
import type { Words } from "../../../src/wire/ranges.ts";
import { samples } from "../../golden/samples.ts";
import { expectViolated } from "../../wire/expect-violated.ts";
import { frameMap } from "../../wire/frame-map.ts";
import { decodePatched, type Patch } from "../../wire/patched.ts";

const codec = messageCodec();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function there(message: Message): Message | undefined {
  return codec.decode(codec.encode(1, message).subarray(4))?.message;
}

function start(changes: Partial<Start>): Start {
  const sample = samples.get("start")?.message;
  if (sample?.kind !== "start") throw new Error("No sample of start");
  return { ...sample, ...changes };
}

function expectComplete<Word extends string, Value extends number>(
  numbers: object,
  list: Words<Word, Value>,
): void {
  const all = Object.values(numbers).filter((value) => typeof value === "number");
  expect(all.length).toBeGreaterThan(1);
  for (const number of all) expect<number>(list.numberOf(list.wordOf(number))).toBe(number);
  expectViolated(() => list.wordOf(all.length));
}

test("every number of the schema's enums is a word, and back", () => {
  expectComplete(Stream, streams);
  expectComplete(OnDisconnect, disconnects);
  expectComplete(TreePolicy, trees);
  expectComplete(Scope, scopes);
  expectComplete(Phase, phases);
  expectComplete(Cause, causes);
});

test("numbers that the schema allows and the protocol does not are refused", () => {
  const tooLarge = 2n ** 53n;
  const patches: [string, string, number | bigint][] = [
    ["start", "StartProcess.timeout_ms", tooLarge],
    ["start", "StartProcess.on_disconnect", 2],
    ["start", "StartProcess.tree", 3],
    ["attach", "Attach.stdout_offset", tooLarge],
    ["attach", "Attach.stderr_offset", tooLarge],
    ["accepted", "Accepted.stdin_offset", tooLarge],
    ["output", "Output.stream", 3],
    ["output", "Output.offset", tooLarge],
    ["output", "Output.offset", tooLarge - 33n],
    ["output-gap", "OutputGap.stream", 255],
    ["output-gap", "OutputGap.offset", tooLarge - 5n],
    ["output-gap", "OutputGap.length", tooLarge],
    ["input", "Input.offset", tooLarge - 7n],
    ["credit", "Credit.stream", 9],
    ["credit", "Credit.offset", 2n ** 64n - 1n],
    ["close-stream", "CloseStream.stream", 3],
    ["signal", "Signal.signal", 0],
    ["signal", "Signal.signal", 65],
    ["signal", "Signal.scope", 3],
  ];
  for (const [sample, field, value] of patches) {
    expectViolated(() => decodePatched({ sample, field, role: "scalar", value }));
  }
});

test("a key has 16 bytes and a start names 24 bytes of incarnation", () => {
  const patches: Omit<Patch, "role">[] = [
    { sample: "start", field: "StartProcess.key", value: 15 },
    { sample: "start", field: "StartProcess.key", value: 0 },
    { sample: "start", field: "StartProcess.incarnation", value: 23 },
    { sample: "start", field: "StartProcess.incarnation", value: 0 },
    { sample: "attach", field: "Attach.key", value: 15 },
  ];
  for (const patch of patches) expectViolated(() => decodePatched({ ...patch, role: "length" }));
  expectViolated(() => there(start({ key: new Uint8Array(17) })));
  expectViolated(() => there(start({ incarnation: new Uint8Array() })));
});

test("the id of a process is p_ and eight letters or digits, and nothing that a terminal would obey", () => {
  const ids = ["", "p_", "p_7k3x9q2", "p_7k3x9q2mm", "p_7K3X9Q2M", "p_7k3x9q2\n", "p_../../etc"];
  for (const process of ids) {
    expectViolated(() => codec.encode(1, { kind: "accepted", process, stdinOffset: 0 }));
  }
  const frame = codec.encode(1, { kind: "accepted", process: "p_7k3x9q2m", stdinOffset: 0 });
  const at = Buffer.from(frame).indexOf("p_7k");
  for (const letter of ["P", "/", "\u{1b}", "\0"]) {
    const changed = frame.slice(4);
    changed[at - 4 + 3] = letter.charCodeAt(0);
    expectViolated(() => codec.decode(changed));
  }
});

test("a chunk of 64 KiB passes and one byte more does not", () => {
  const most = new Uint8Array(outputChunkBytesMax);
  expect(there({ kind: "output", stream: "stdout", offset: 0, bytes: most })).toBeDefined();
  expect(there({ kind: "input", offset: 0, bytes: most, end: false })).toBeDefined();
  const more = new Uint8Array(outputChunkBytesMax + 1);
  expectViolated(() => there({ kind: "output", stream: "stdout", offset: 0, bytes: more }));
  expectViolated(() => there({ kind: "input", offset: 0, bytes: more, end: false }));
});

function usageErrorOf(message: Message): string {
  try {
    codec.encode(1, message);
  } catch (error) {
    if (error instanceof CtlError && error.code === "usage") return error.message;
  }
  throw new Error("It was accepted");
}

test("a start that its user got wrong is a mistake of usage, not of the protocol", () => {
  expect(usageErrorOf(start({ argv: [] }))).toContain("at least one word");
  for (const field of ["argv", "env"] as const) {
    expect(usageErrorOf(start({ [field]: [bytes("a"), bytes("b\0c")] }))).toContain("NUL");
  }
  expect(usageErrorOf(start({ directory: bytes("/tmp\0") }))).toContain("NUL");
  const large = { argv: [bytes("a")], env: [new Uint8Array(argvEnvBytesMax).fill(1)] };
  expect(usageErrorOf(start(large))).toContain("Argument list too long");
});

test("the same start from a peer is a violation", () => {
  const [frame] = [codec.encode(1, start({ argv: [bytes("abc")] })).subarray(4)];
  const argument = Buffer.from(frame).indexOf("abc");
  const withNul = frame.slice();
  withNul[argument + 1] = 0;
  expect(expectViolated(() => codec.decode(withNul))).toContain("NUL");
  const list = frameMap(frame).find(
    ({ role, name }) => role === "length" && name === "StartProcess.argv",
  );
  if (!list) throw new Error("No argv");
  const empty = frame.slice();
  empty[list.at] = 0;
  expect(expectViolated(() => codec.decode(empty))).toContain("at least one word");
});

test("arguments, environment and directory travel as bytes, whatever they are", () => {
  const all = Uint8Array.from({ length: 255 }, (_, index) => index + 1);
  const message = start({ argv: [all, new Uint8Array()], env: [all], directory: all });
  expect(there(message)).toEqual(message);
});

test("one mebibyte of arguments and environment passes", () => {
  const message = start({
    argv: [bytes("true"), new Uint8Array(argvEnvBytesMax / 2).fill(0x61)],
    env: [new Uint8Array(argvEnvBytesMax / 2 - 100).fill(0xff)],
    directory: new Uint8Array(),
  });
  expect(there(message)).toEqual(message);
});

test("argv that names one large argument tens of thousands of times is not searched, only counted", () => {
  const text = expectViolated(() => codec.decode(startWithAliases(30_000)));
  // Searching would have met the NUL first, after reading 16 GB of it.
  expect(text).toContain("Argument list too long");
});

/** A start whose argv names one argument of half a mebibyte `count` times. */
function startWithAliases(count: number): Uint8Array {
  const builder = new Builder(argvEnvBytesMax);
  const argument = BytesTable.createBytes(
    builder,
    builder.createByteVector(new Uint8Array(argvEnvBytesMax / 2)),
  );
  StartTable.startArgvVector(builder, count);
  for (let index = 0; index < count; index += 1) builder.addOffset(argument);
  const argv = builder.endVector();
  const env = StartTable.createEnvVector(builder, []);
  const key = builder.createByteVector(new Uint8Array(16));
  const incarnation = builder.createByteVector(new Uint8Array(24));
  const directory = builder.createByteVector(new Uint8Array());
  StartTable.startStartProcess(builder);
  StartTable.addKey(builder, key);
  StartTable.addIncarnation(builder, incarnation);
  StartTable.addArgv(builder, argv);
  StartTable.addEnv(builder, env);
  StartTable.addDirectory(builder, directory);
  const body = StartTable.endStartProcess(builder);
  const root = Root.createMessage(builder, 1, Body.StartProcess, body);
  Root.finishSizePrefixedMessageBuffer(builder, root);
  return builder.asUint8Array().subarray(4);
}
