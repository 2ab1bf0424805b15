// Mutual TLS over loopback: who gets in, what travels, and that everybody else is refused with a reason at both ends and leaves nothing.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";

import type { Key } from "../../src/keys/contract.ts";
import { issueKey, rekeyed, rekeyFinished } from "../../src/keys/issue.ts";
import { handshakeTrustedMsMax } from "../../src/transport/limits.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { node, observer, operator, stranger } from "../keys/cluster.ts";
import { failureOf } from "../support/failure.ts";
import { Recorder } from "../support/recorder.ts";
import { dial, host, knock, openTlsDoor, throwAt, type TlsDoor } from "../support/tls-door.ts";
import { until } from "../support/until.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

async function accepted({ accepted: transports }: TlsDoor): Promise<Transport> {
  await until(() => transports.length > 0);
  const [transport] = transports;
  if (!transport) throw new Error("Nobody was let in");
  return transport;
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** Every byte depends on its place. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255);
}

describe("between two keys of one cluster", () => {
  test("each end knows who the other is, before anybody sees the connection", async () => {
    using door = await openTlsDoor();
    for (const [index, key] of [operator, observer].entries()) {
      const transport = await dial(door.port, { key });
      expect(transport.identity).toEqual(node.identity);
      expect(transport.peer).toBe(`tcp ${host}:${door.port}`);
      await until(() => door.accepted.length > index);
      expect(door.accepted[index]?.identity).toEqual(key.identity);
      expect(door.accepted[index]?.peer).toMatch(/^tcp 127\.0\.0\.1:\d+$/);
    }
    expect(door.refused).toEqual([]);
  });

  test("megabytes arrive whole both ways at once, and a reader that pauses makes the sender wait", async () => {
    using door = await openTlsDoor();
    const near = await dial(door.port);
    const far = await accepted(door);
    const bytes = pattern(4 * 1024 * 1024);
    const [nearHeard, farHeard] = [Recorder.on(near), Recorder.on(far)];
    far.pause();
    for (let at = 0; at < bytes.length; at += 65_536) {
      near.send(bytes.subarray(at, at + 65_536));
      far.send(bytes.subarray(at, at + 65_536));
    }
    await until(() => nearHeard.bytes === bytes.length);
    const held = farHeard.bytes;
    expect(held).toBeLessThan(bytes.length);
    far.resume();
    await until(() => farHeard.bytes === bytes.length);
    for (const { pieces } of [nearHeard, farHeard]) {
      expect(Buffer.concat(pieces).equals(bytes)).toBeTrue();
    }
    near.close();
    expect(await farHeard.end()).toBeNull();
    far.close();
    expect(await nearHeard.end()).toBeNull();
  });

  test("what is sent right behind the handshake arrives, though nobody was there to take it yet", async () => {
    using door = await openTlsDoor();
    const near = await dial(door.port);
    near.send(Buffer.from("early"));
    const far = await accepted(door);
    await Bun.sleep(0);
    const heard = Recorder.on(far);
    await until(() => heard.text === "early");
  });

  test("a session that is resumed is one that knows who it is with", async () => {
    using door = await openTlsDoor();
    const ticket = await ticketOf(door, observer);
    const resumed = knock(door.port, null, { session: ticket, says: "again", isEcho: true });
    await until(() => door.accepted.length === 2);
    expect(door.accepted[1]?.identity).toEqual(observer.identity);
    const [, far] = door.accepted;
    if (far) Recorder.on(far);
    far?.send(Buffer.from("welcome"));
    expect(await resumed).toMatchObject({ heard: "welcome", isResumed: true });
  });

  test("a cluster that is being re-keyed talks in every mixture of old and new", async () => {
    const between = await rekeyed(operator);
    const after = await rekeyFinished(between);
    const newNode = await issueKey(between, { role: "node", name: "n8" });
    const oldNodeTold = { ...node, authorities: between.authorities };
    const operatorTold = { ...operator, authorities: between.authorities };
    for (const [nodeKey, operatorKey] of [
      [oldNodeTold, operator],
      [oldNodeTold, { ...after, authorities: between.authorities }],
      [newNode, operatorTold],
      [newNode, after],
    ] as const) {
      using door = await openTlsDoor({ key: nodeKey });
      expect((await dial(door.port, { key: operatorKey })).identity?.role).toBe("node");
      expect((await accepted(door)).identity?.role).toBe("operator");
    }
    using door = await openTlsDoor({ key: { ...newNode, authorities: after.authorities } });
    await dial(door.port, { key: operatorTold });
    await until(() => door.refused.length === 1);
    expect(door.accepted).toEqual([]);
  });
});

/** A session of this key that was let in, to be resumed. */
async function ticketOf(door: TlsDoor, key: Key): Promise<Buffer> {
  const before = door.accepted.length;
  const tickets: Buffer[] = [];
  const first = knock(door.port, key, { isEcho: true, onSession: (each) => tickets.push(each) });
  await until(() => door.accepted.length > before);
  const far = door.accepted.at(-1);
  if (far) Recorder.on(far);
  far?.send(Buffer.from("hello"));
  await first;
  const ticket = tickets.at(-1);
  if (!ticket) throw new Error("There was no ticket");
  return ticket;
}

describe("the listener lets nobody in", () => {
  const requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const cases: [string, (port: number) => Promise<unknown>, string, RegExp][] = [
    ["without a key", (port) => knock(port, null, { says: "x" }), "handshake", /CERTIFICATE/],
    [
      "with another cluster's key",
      (port) => knock(port, stranger),
      "handshake",
      /UNABLE|SIGNATURE/,
    ],
    ["with a node's key", (port) => knock(port, node), "handshake", /PURPOSE/],
    [
      "that speaks TLS 1.2 only",
      (port) => knock(port, operator, { maxVersion: "TLSv1.2" }),
      "handshake",
      /PROTOCOL/,
    ],
    ["that speaks HTTP", (port) => throwAt(port, requests), "handshake", /HTTP_REQUEST/],
    ["that speaks anything else", (port) => throwAt(port, "SSH-2.0-x\r\n"), "handshake", /VERSION/],
  ];
  for (const [who, act, fault, text] of cases) {
    test(`${who}, and says why`, async () => {
      using door = await openTlsDoor();
      await act(door.port);
      await until(() => door.refused.length > 0);
      expect(door.refused).toMatchObject([{ fault, fingerprint: null }]);
      expect(door.refused[0]?.text).toMatch(text);
      expect(door.refused[0]?.peer).toMatch(/^tcp 127\.0\.0\.1:\d+$/);
      expect(door.accepted).toEqual([]);
    });
  }

  test("whose key was revoked, by name and fingerprint, also when it resumes an older session", async () => {
    const revoked = new Set<string>();
    using door = await openTlsDoor({ isRevoked: (fingerprint) => revoked.has(fingerprint) });
    const ticket = await ticketOf(door, observer);
    revoked.add(observer.identity.fingerprint);
    const fresh = await knock(door.port, observer, { says: "let me in" });
    const resumed = await knock(door.port, null, { session: ticket, says: "let me in" });
    expect(resumed.isResumed).toBeTrue();
    expect([fresh.heard, resumed.heard]).toEqual(["", ""]);
    const { fingerprint } = observer.identity;
    const refusal = { fault: "revoked", text: 'its key "tv" was revoked', fingerprint };
    expect(door.refused).toMatchObject([refusal, refusal]);
    expect(door.accepted).toHaveLength(1);
  });

  test("by his IPv4 address, also where it listens for both families", async () => {
    const asked: string[] = [];
    using door = await openTlsDoor({ host: "::", allows: (address) => asked.push(address) < 0 });
    await failureOf(dial(door.port));
    expect(door.refused[0]?.peer).toMatch(/^tcp 127\.0\.0\.1:\d+$/);
    expect(asked).toEqual(["127.0.0.1"]);
  });

  test("from an address that is not allowed, before it may say a word", async () => {
    const asked: string[] = [];
    using door = await openTlsDoor({ allows: (address) => asked.push(address) < 0 });
    const error = await failureOf(dial(door.port));
    expect([error.code, error.message]).toEqual([
      "connection-lost",
      `${host}:${door.port} closed the connection before the TLS handshake was over`,
    ]);
    expect(error.hint).toContain("--allow");
    expect(door.refused).toMatchObject([{ fault: "address", text: "its address is not allowed" }]);
    expect(asked).toEqual([host]);
  });

  test("above its limit, and takes new ones when there is room", async () => {
    using door = await openTlsDoor({ connectionsMax: 1 });
    const first = await dial(door.port);
    Recorder.on(await accepted(door));
    expect((await failureOf(dial(door.port))).code).toBe("connection-lost");
    expect(door.refused).toMatchObject([{ fault: "connections" }]);
    first.destroy();
    await until(() => dial(door.port).catch(() => null));
    await until(() => door.accepted.length === 2);
  });

  test("that says nothing, and closes it when its time is over", async () => {
    const clock = new VirtualClock();
    using door = await openTlsDoor({ clock });
    const over = throwAt(door.port, "");
    await until(() => clock.pending === 1);
    // The machine itself is trusted.
    clock.advance(handshakeTrustedMsMax);
    expect(await over).toBe("");
    expect(door.refused).toMatchObject([{ fault: "timeout", text: "its handshake took too long" }]);
    expect(clock.pending).toBe(0);
  });

  test("that pushes requests behind a bad handshake: nobody ever sees them", async () => {
    using door = await openTlsDoor();
    const says = "x".repeat(100_000);
    for (const key of [stranger, node, null]) {
      expect((await knock(door.port, key, { says })).heard).toBe("");
    }
    await until(() => door.refused.length === 3);
    expect(door.accepted).toEqual([]);
  });
});

test("nothing is left of any of them: no timer, no descriptor", async () => {
  const clock = new VirtualClock();
  const round = async (): Promise<void> => {
    using door = await openTlsDoor({ clock });
    const near = await dial(door.port);
    const heard = Recorder.on(near);
    Recorder.on(await accepted(door));
    door.accepted[0]?.close();
    await heard.end();
    await Promise.all([
      knock(door.port, null),
      knock(door.port, stranger),
      throwAt(door.port, "no TLS at all"),
      failureOf(dial(door.port, { key: stranger })),
      failureOf(dial(door.port, { isRevoked: () => true })),
    ]);
    await until(() => clock.pending === 0);
  };
  await round();
  const before = descriptors();
  for (let time = 0; time < 5; time += 1) await round();
  await until(() => descriptors() <= before, { what: "no descriptor more than before" });
});
