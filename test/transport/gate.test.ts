// The gate with sockets that are only written about: what it does to strangers, to whom it says so, and when it has a timer.

import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";

import type { Socket } from "bun";

import { PeerCheck } from "../../src/keys/check-peer.ts";
import type { Key } from "../../src/keys/contract.ts";
import { Gate, type GateOptions } from "../../src/transport/gate.ts";
import {
  handshakeMsMax,
  handshakesPerSourceMax,
  penaltyMsMax,
  penaltyMsMin,
  strangersMax,
} from "../../src/transport/limits.ts";
import type { Refused } from "../../src/transport/refused.ts";
import type { SocketTransport } from "../../src/transport/socket-transport.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { node, observer, operator } from "../keys/cluster.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** What the gate uses of a socket, and what was done to it. */
class FakeSocket {
  readonly calls: string[] = [];
  readonly remotePort = 4711;
  readonly fd = -1;
  readonly remoteAddress: string;
  authorized = true;
  certificate: X509Certificate | undefined;
  data!: SocketTransport;

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  /** As the runtime's. */
  get real(): Socket<SocketTransport> {
    return this as unknown as Socket<SocketTransport>;
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return this.certificate;
  }

  write(bytes: Uint8Array): number {
    return bytes.length;
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  shutdown(): void {
    this.calls.push("shutdown");
  }

  end(): void {
    this.calls.push("end");
  }

  terminate(): void {
    this.calls.push("terminate");
  }
}

class TestGate {
  readonly clock = new VirtualClock();
  readonly accepted: Transport[] = [];
  readonly refused: Refused[] = [];
  readonly gate: Gate;

  constructor(options: Partial<GateOptions> = {}) {
    const { authorities, identity } = operator;
    this.gate = new Gate({
      clock: this.clock,
      check: new PeerCheck({
        authorities,
        cluster: identity.cluster,
        accepts: ["operator", "observer"],
        isRevoked: () => false,
      }),
      allows: () => true,
      onConnection: (transport) => void this.accepted.push(transport),
      refused: (refused) => void this.refused.push(refused),
      ...options,
    });
  }

  open(address: string): FakeSocket {
    const socket = new FakeSocket(address);
    this.gate.opened(socket.real);
    return socket;
  }

  openMany(address: string, count: number): FakeSocket[] {
    return Array.from({ length: count }, () => this.open(address));
  }

  shake(socket: FakeSocket, key: Key): void {
    socket.certificate = new X509Certificate(key.certificate);
    this.gate.shaken(socket.real, { isDone: true, error: null });
  }

  fail(socket: FakeSocket, code: string, message = code): void {
    const error = Object.assign(new Error(message), { code });
    this.gate.shaken(socket.real, { isDone: false, error });
  }

  get faults(): string[] {
    return this.refused.map(({ fault }) => fault);
  }
}

const alice = "192.0.2.1";
const bob = "192.0.2.2";
const alert = "error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA";

describe("a stranger", () => {
  test("that shows a good key is handed on with its identity, and no timer is left", () => {
    const door = new TestGate();
    const socket = door.open(alice);
    expect(door.clock.pending).toBe(1);
    door.shake(socket, observer);
    expect(door.accepted.map(({ identity }) => identity)).toEqual([observer.identity]);
    expect([socket.calls, door.refused, door.clock.pending]).toEqual([[], [], 0]);
  });

  test("that the runtime did not authorize is refused, whatever it shows and however done the handshake is", () => {
    const door = new TestGate();
    const socket = door.open(alice);
    socket.authorized = false;
    door.shake(socket, operator);
    expect(door.accepted).toEqual([]);
    expect(door.refused).toMatchObject([{ fault: "handshake", text: "not authorized" }]);
    expect(socket.calls).toEqual(["terminate"]);
  });

  test("that shows nothing, or a key that may not talk here, is refused by the fault of it", () => {
    const door = new TestGate();
    const [silent, other] = door.openMany("127.0.0.1", 2);
    if (!silent || !other) throw new Error("They are two");
    door.gate.shaken(silent.real, { isDone: true, error: null });
    door.shake(other, node);
    expect(door.refused).toMatchObject([
      { fault: "no-certificate", fingerprint: null, peer: "tcp 127.0.0.1:4711" },
      { fault: "other-role", fingerprint: node.identity.fingerprint },
    ]);
    expect(door.accepted).toEqual([]);
    expect(door.clock.pending).toBe(0);
  });

  test("is told apart by what the runtime says of its handshake", () => {
    const door = new TestGate();
    door.fail(door.open("127.0.0.1"), "EPROTO", alert);
    door.fail(door.open("127.0.0.1"), "INVALID_PURPOSE");
    expect(door.refused.map(({ text }) => text)).toEqual([
      "TLSV1_ALERT_UNKNOWN_CA",
      "INVALID_PURPOSE",
    ]);
  });

  test("that was refused is not refused again, nor let in, by what the runtime says later", () => {
    const door = new TestGate();
    const socket = door.open(alice);
    door.fail(socket, "INVALID_PURPOSE");
    door.shake(socket, operator);
    door.fail(socket, "ECONNRESET");
    socket.data.lost(undefined);
    expect([door.faults, door.accepted]).toEqual([["handshake"], []]);
    expect(socket.calls).toEqual(["terminate"]);
  });

  test("that goes by itself leaves no timer, and one line", () => {
    const door = new TestGate();
    const socket = door.open(alice);
    socket.data.lost(undefined);
    expect([door.faults, door.clock.pending]).toEqual([["handshake"], 0]);
    expect(door.refused[0]?.text).toBe("it left before its handshake was over");
  });

  test("that says nothing has its time, and no more", () => {
    const door = new TestGate();
    const socket = door.open(alice);
    door.clock.advance(handshakeMsMax - 1);
    expect(socket.calls).toEqual([]);
    door.clock.advance(1);
    expect(socket.calls).toEqual(["terminate"]);
    expect([door.faults, door.clock.pending]).toEqual([["timeout"], 0]);
  });
});

describe("whoever failed", () => {
  test("makes the next of its source wait before its handshake begins, and nobody else", () => {
    const door = new TestGate();
    door.fail(door.open(alice), "EPROTO", alert);
    const [next, other] = [door.open(alice), door.open(bob)];
    expect([next.calls, other.calls]).toEqual([["pause"], []]);
    door.clock.advance(penaltyMsMin - 1);
    expect(next.calls).toEqual(["pause"]);
    door.clock.advance(1);
    expect(next.calls).toEqual(["pause", "resume"]);
    door.shake(next, operator);
    expect(door.accepted).toHaveLength(1);
    // It has proved who it is: the next from there need not wait.
    expect(door.open(alice).calls).toEqual([]);
  });

  test("by going away before the handshake was done has guessed nothing, and nobody waits for it", () => {
    const door = new TestGate();
    for (let time = 0; time < 10; time += 1) door.fail(door.open(alice), "ECONNRESET");
    expect(door.open(alice).calls).toEqual([]);
    expect(new Set(door.faults)).toEqual(new Set(["handshake"]));
  });

  test("and gives up while it waits does not wait longer the next time", () => {
    const door = new TestGate();
    for (let level = penaltyMsMin; level < penaltyMsMax; level *= 2) {
      door.fail(door.open(alice), "EPROTO", alert);
      door.clock.advance(level);
    }
    // Its own limit is shorter than the wait: the end of it is read only when its turn comes.
    door.fail(door.open(alice), "EPROTO", alert);
    const impatient = door.open(alice);
    door.clock.advance(penaltyMsMax);
    expect(impatient.calls).toEqual(["pause", "resume"]);
    door.fail(impatient, "ECONNRESET");
    expect(door.open(alice).calls).toEqual([]);
  });

  test("never makes this machine itself wait", () => {
    const door = new TestGate();
    for (let time = 0; time < 5; time += 1) door.fail(door.open("127.0.0.1"), "EPROTO", alert);
    expect(door.open("127.0.0.1").calls).toEqual([]);
  });
});

describe("a crowd", () => {
  test("of one source begins so many handshakes at a time, and each that is done makes room", () => {
    const door = new TestGate();
    const sockets = door.openMany(alice, handshakesPerSourceMax + 2);
    const held = sockets.filter(({ calls }) => calls.includes("pause"));
    expect(held).toEqual(sockets.slice(handshakesPerSourceMax));
    sockets[0]?.data.lost(undefined);
    expect(held.map(({ calls }) => calls)).toEqual([["pause", "resume"], ["pause"]]);
  });

  test("loses its oldest for a newcomer of another source, who is let in", () => {
    const door = new TestGate();
    const crowd = door.openMany(alice, strangersMax);
    const newcomer = door.open(bob);
    expect(door.refused).toMatchObject([
      { fault: "crowd", text: "too many have not shown who they are" },
    ]);
    expect(crowd.map(({ calls }) => calls.includes("terminate")).indexOf(true)).toBe(0);
    expect(crowd.filter(({ calls }) => calls.includes("terminate"))).toHaveLength(1);
    door.shake(newcomer, operator);
    expect(door.accepted).toHaveLength(1);
  });

  test("that says nothing is gone in the end, every one of it, and no timer is left", () => {
    const door = new TestGate();
    const crowd = door.openMany(alice, strangersMax);
    door.clock.advance(2 * 3_600_000);
    expect(crowd.every(({ calls }) => calls.at(-1) === "terminate")).toBeTrue();
    expect(door.faults).toEqual(crowd.map(() => "timeout"));
    expect(door.clock.pending).toBe(0);
    expect(door.accepted).toEqual([]);
  });

  test("does not count those who have left, nor those who were refused", () => {
    const door = new TestGate({ connectionsMax: 2, allows: (address) => address !== bob });
    for (let time = 0; time < 5; time += 1) door.open(bob);
    const [first, second] = door.openMany(alice, 2);
    const third = door.open(alice);
    expect(door.faults).toEqual([...Array.from({ length: 5 }, () => "address"), "connections"]);
    expect(third.calls).toEqual(["terminate"]);
    first?.data.lost(undefined);
    if (second) door.shake(second, operator);
    expect(door.open(alice).calls).toEqual([]);
    door.accepted[0]?.destroy();
    expect(door.open(alice).calls).toEqual([]);
    // The first of the two left by itself.
    expect(door.faults.slice(6)).toEqual(["handshake"]);
  });
});
