// Every message by every role: made from the table of messages, so that a new one cannot be forgotten.

import { describe, expect, test } from "bun:test";

import { type Needed, neededRole, refusalOf } from "../../../src/capability/access/roles.ts";
import { type Message, messageCodec, requestKinds } from "../../../src/capability/messages.ts";
import { roles } from "../../../src/keys/contract.ts";
import { helloOf } from "../../../src/session/hello.ts";
import { Session } from "../../../src/session/session.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { samples } from "../../golden/samples.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** One of each kind. */
const messages = new Map([...samples.values()].map(({ message }) => [message.kind, message]));
const facts = { software: "0", host: "h", insecure: false, monotonicNs: 0n, realtimeNs: 0n };

function hello(incarnation: Uint8Array): ReturnType<typeof helloOf> {
  return helloOf({ ...facts, incarnation, ownLimits: null });
}

interface Heard {
  requests: Message["kind"][];
  refusals: string[];
  isOver: boolean;
}

/** A node, and a controller of this role that says one thing. */
async function say(role: (typeof roles)[number], message: Message): Promise<Heard> {
  const heard: Heard = { requests: [], refusals: [], isOver: false };
  const clock = new VirtualClock();
  const codec = messageCodec();
  const [ours, theirs] = memoryPair();
  const node: Session<Message> = new Session<Message>({
    transport: theirs,
    clock,
    codec: messageCodec(),
    hello: hello(new Uint8Array(24)),
    requestKinds,
    refuses: (_operation, said) => refusalOf(role, said.kind),
    opened: () => {},
    request: (operation, request) => {
      heard.requests.push(request.kind);
      operation.handle({ message: () => {}, sessionEnded: () => {} });
    },
    ended: () => (heard.isOver = true),
  });
  ours.attach({
    data: (bytes) => {
      const frame = bytes.slice(4);
      const said = codec.decode(frame)?.message;
      if (said?.kind === "refusal") heard.refusals.push(said.code);
    },
    drained: () => {},
    closed: () => {},
  });
  ours.send(codec.encode(0, hello(new Uint8Array())));
  await Bun.sleep(0);
  ours.send(codec.encode(1, message));
  for (let turn = 0; turn < 5; turn += 1) await Bun.sleep(0);
  expect(node.peer).not.toBeNull();
  return heard;
}

test("there is a sample of every message", () => {
  expect([...messages.keys()].toSorted()).toEqual(Object.keys(neededRole).toSorted() as []);
});

describe.each([...roles])("a key of role %s", (role) => {
  const needed = Object.entries(neededRole) as [Message["kind"], Needed][];
  test.each(needed)('"%s", which needs %s', async (kind, smallest) => {
    const mayBeSaid =
      smallest === "observer" ? role !== "node" : smallest === "operator" && role === "operator";
    expect(refusalOf(role, kind) === null).toBe(mayBeSaid);
    const message = messages.get(kind);
    if (!message) throw new Error(`No sample of ${kind}`);
    const heard = await say(role, message);
    if (!requestKinds.has(kind)) {
      expect(heard.requests).toEqual([]);
      // What nobody of this role may say outside of an operation either ends the session or means nothing.
      expect(heard.refusals).toEqual([]);
      expect(heard.isOver).toBe(!mayBeSaid);
      return;
    }
    expect(heard).toEqual({
      requests: mayBeSaid ? [kind] : [],
      refusals: mayBeSaid ? [] : ["not-allowed"],
      isOver: false,
    });
  });
});

test("a kind that the table does not have is refused", () => {
  expect(refusalOf("operator", "from the future" as Message["kind"])).not.toBeNull();
});
