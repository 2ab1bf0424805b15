// What a peer may say of itself and why it may leave: ranges and closed lists.

import { expect, test } from "bun:test";

import { type Message, messageCodec } from "../../src/capability/messages.ts";
import { codeBytesMax, listEntriesMax, textBytesMax } from "../../src/wire/limits.ts";
import { samples } from "../golden/samples.ts";
import { expectViolated } from "../wire/expect-violated.ts";
import { decodePatched } from "../wire/patched.ts";

const codec = messageCodec();

function there(message: Message): Message | undefined {
  return codec.decode(codec.encode(0, message).subarray(4))?.message;
}

function isKind<Kind extends Message["kind"]>(
  message: Message | undefined,
  kind: Kind,
): message is Extract<Message, { kind: Kind }> {
  return message?.kind === kind;
}

function sample<Kind extends Message["kind"]>(kind: Kind): Extract<Message, { kind: Kind }> {
  const message = samples.get(kind)?.message;
  if (!isKind(message, kind)) throw new Error(`No sample "${kind}"`);
  return message;
}

test("a hello that offers no protocol is refused", () => {
  const patch = { sample: "hello", role: "scalar" } as const;
  expectViolated(() => decodePatched({ ...patch, field: "Hello.protocol_min", value: 0 }));
  expectViolated(() => decodePatched({ ...patch, field: "Hello.protocol_min", value: 3 }));
  expectViolated(() => decodePatched({ ...patch, field: "Hello.protocol_max", value: 0 }));
});

test("an incarnation has 24 bytes or, for a controller, none", () => {
  const patch = { sample: "hello", field: "Hello.incarnation", role: "length" } as const;
  for (const value of [1, 23, 25]) expectViolated(() => decodePatched({ ...patch, value }));
  expect(decodePatched({ ...patch, value: 0 })).toEqual({
    ...sample("hello"),
    incarnation: new Uint8Array(),
  });
  const short = { ...sample("hello"), incarnation: new Uint8Array(23) };
  expectViolated(() => there(short));
});

test("a list of limits is bounded", () => {
  const limits = Array.from({ length: listEntriesMax + 5 }, (_, index) => ({
    name: `limit-${index}`,
    value: BigInt(index),
  }));
  const decoded = there({ ...sample("hello"), limits });
  expect(decoded?.kind === "hello" && decoded.limits).toEqual(limits.slice(0, listEntriesMax));
});

test("a code that is not on the list is refused", () => {
  const goodbye = Object.assign({}, sample("goodbye"), { code: "because" });
  expect(expectViolated(() => there(goodbye))).toContain("Goodbye.code");
  const refusal = Object.assign({}, sample("refusal"), { code: "Process-limit" });
  expect(expectViolated(() => there(refusal))).toContain("Refusal.code");
});

test("a code is never cut, and too long a one is refused before it is read", () => {
  const long = Object.assign({}, sample("goodbye"), { code: "x".repeat(codeBytesMax + 1) });
  expect(expectViolated(() => there(long))).toContain(`${codeBytesMax + 1} bytes`);
});

test("long text for people is cut by its writer, and its reader insists on that", () => {
  const text = "ü".repeat(textBytesMax);
  const decoded = there({ kind: "goodbye", code: "done", text });
  expect(decoded).toEqual({ kind: "goodbye", code: "done", text: "ü".repeat(textBytesMax / 2) });
  const longer = { kind: "goodbye", code: "done", text: "x".repeat(textBytesMax) } as const;
  expect(there(longer)).toEqual(longer);
});
