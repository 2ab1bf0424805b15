// What a controller says of a node that it did not get to talk to: which of the two refused, both fingerprints, and what to do.

import { describe, expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { openSession } from "../../src/controller/connect.ts";
import type { Key } from "../../src/keys/contract.ts";
import { SystemClock } from "../../src/os/clock.ts";
import { node, observer, operator, stranger } from "../keys/cluster.ts";
import { failureOf } from "../support/failure.ts";
import { dial, host, openTlsDoor } from "../support/tls-door.ts";
import { until } from "../support/until.ts";

/** Dials, and greets as a controller does: some refusals come only then. */
async function greet(port: number, key: Key): Promise<CtlError> {
  const facts = { clock: new SystemClock(), software: "0", host: "here", insecure: false };
  return await failureOf(openSession(dial(port, { key }), { ...facts, key, timeoutMs: 5_000 }));
}

const fingerprintsOf = (text: string): string[] => text.match(/[0-9a-f]{64}/g) ?? [];

describe("the controller says what it met", () => {
  test("another cluster's node, with our fingerprint", async () => {
    using door = await openTlsDoor();
    const error = await failureOf(dial(door.port, { key: stranger }));
    expect(error.code).toBe("refused");
    expect(error.message).toContain("has a key of another cluster");
    expect(fingerprintsOf(error.message)).toEqual([stranger.identity.fingerprint]);
  });

  test("a node whose key was revoked here, with both fingerprints", async () => {
    using door = await openTlsDoor();
    const revoked = new Set([node.identity.fingerprint]);
    const isRevoked = (fingerprint: string): boolean => revoked.has(fingerprint);
    const error = await failureOf(dial(door.port, { isRevoked }));
    expect(error.code).toBe("refused");
    expect(error.message).toContain('its key "n7" was revoked');
    expect(fingerprintsOf(error.message)).toEqual([
      node.identity.fingerprint,
      operator.identity.fingerprint,
    ]);
    expect(door.accepted.length).toBeLessThan(2);
  });

  test("a list of revoked keys that cannot be read: nobody is talked to, and nothing crashes", async () => {
    using door = await openTlsDoor();
    const broken = new CtlError("key-unreadable", "The list is broken");
    const isRevoked = (): boolean => {
      throw broken;
    };
    expect(await failureOf(dial(door.port, { isRevoked }))).toBe(broken);
  });

  for (const [what, key] of [
    ["an operator's", operator],
    ["an observer's", observer],
  ] as const) {
    test(`a server with ${what} key`, async () => {
      using door = await openTlsDoor({ key });
      const error = await failureOf(dial(door.port));
      expect(error.code).toBe("refused");
      expect(error.message).toContain("does not answer with a node's key");
      expect(fingerprintsOf(error.message)).toEqual([operator.identity.fingerprint]);
      expect(error.hint).toContain("ctl key node");
    });
  }

  test("a refusal that comes only after its own half of the handshake, with both fingerprints", async () => {
    using door = await openTlsDoor({ isRevoked: () => true });
    const { authorities, identity } = operator;
    const foreign = { ...stranger.identity, cluster: identity.cluster };
    for (const key of [observer, node, { ...stranger, authorities, identity: foreign }]) {
      const error = await greet(door.port, key);
      expect(error.code).toBe("refused");
      expect(error.message).toContain("closed the connection as soon as it saw our key");
      expect(fingerprintsOf(error.message)).toEqual([
        node.identity.fingerprint,
        key.identity.fingerprint,
      ]);
    }
    await until(() => door.refused.length === 3);
    expect(door.refused.map(({ fault }) => fault)).toEqual(["revoked", "handshake", "handshake"]);
  });

  type Raw = Bun.Socket;
  const servers: [string, Partial<Bun.SocketHandler<undefined>>, string, string][] = [
    [
      "closes at once",
      { open: (raw: Raw) => void raw.end() },
      "connection-lost",
      "closed the conn",
    ],
    [
      "resets at once",
      { open: (raw: Raw) => raw.terminate() },
      "connection-lost",
      "closed the conn",
    ],
    [
      "closes in the middle",
      { data: (raw: Raw) => void raw.end() },
      "connection-lost",
      "closed the",
    ],
    [
      "resets in the middle",
      { data: (raw: Raw) => raw.terminate() },
      "connection-lost",
      "closed the",
    ],
    [
      "greets as SSH",
      { open: (raw: Raw) => void raw.write("SSH-2.0-x\r\n") },
      "not-ctl",
      "not speak",
    ],
    [
      "answers as HTTP",
      { data: (raw: Raw) => void raw.end("HTTP/1.1 400 \r\n") },
      "not-ctl",
      "TLS",
    ],
    ["sends back what it hears", { data: (raw: Raw, b) => void raw.write(b) }, "not-ctl", "TLS"],
    ["says nothing", {}, "connect-timeout", "but no TLS handshake came in time"],
  ];
  for (const [what, handler, code, text] of servers) {
    test(`a server that ${what}`, async () => {
      const socket = { data: () => {}, error: () => {}, ...handler };
      using server = Bun.listen({ hostname: host, port: 0, socket });
      const timeoutMs = code === "connect-timeout" ? 200 : 5_000;
      const error = await failureOf(dial(server.port, { timeoutMs }));
      expect(error.code).toBe(code as CtlError["code"]);
      expect(error.message).toContain(text);
      expect(error.message).toContain(`${host}:${server.port}`);
    });
  }

  test("a node whose handshake comes too late, and finds the connection gone", async () => {
    let ended = 0;
    const socket = { data: () => {}, close: () => void (ended += 1) };
    using server = Bun.listen({ hostname: host, port: 0, socket });
    const error = await failureOf(dial(server.port, { timeoutMs: 100 }));
    expect([error.code, error.errno]).toEqual(["connect-timeout", "ETIMEDOUT"]);
    await until(() => ended === 1);
  });

  test("a port that nobody listens on, and a wait that was given up", async () => {
    const door = await openTlsDoor();
    door[Symbol.dispose]();
    expect((await failureOf(dial(door.port))).code).toBe("connect-refused");
    using silent = Bun.listen({ hostname: host, port: 0, socket: { data: () => {} } });
    const giveUp = new AbortController();
    const reason = new CtlError("interrupted", "Enough");
    const way = failureOf(dial(silent.port, { signal: giveUp.signal }));
    giveUp.abort(reason);
    expect(await way).toBe(reason);
  });
});
