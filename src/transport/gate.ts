// Who has been let in, and who still has to show what he is: binds the decisions of admission.ts to real sockets and one timer, which
// runs only while there are strangers.

import type { Socket } from "bun";

import type { Clock } from "../base/clock.ts";
import type { PeerCheck } from "../keys/check-peer.ts";
import { setTcpUserTimeout } from "../os/socket-options.ts";
import { Admission, type Verdict } from "./admission.ts";
import type { Refused } from "./refused.ts";
import { connectionsMax, fdOf, remoteOf, SocketTransport } from "./socket-transport.ts";
import { unacknowledgedMsMax } from "./tcp.ts";
import { type Handshake, verdictOn } from "./tls-verdict.ts";
import type { Transport } from "./transport.ts";

/** The runtime's word for a peer that ended the connection before the handshake was done. */
const closedBeforeItsEnd = "ECONNRESET";

export interface GateOptions {
  clock: Clock;
  check: PeerCheck;
  connectionsMax?: number;
  /** Whether this address may connect at all. */
  allows(address: string): boolean;
  onConnection(transport: Transport): void;
  refused(refused: Refused): void;
}

interface Stranger {
  transport: SocketTransport;
  /** Lets the handshake begin. */
  go(): void;
}

type Reason = Omit<Refused, "peer" | "fingerprint"> & { fingerprint?: string | null };

export class Gate {
  readonly #options: GateOptions;
  readonly #admission = new Admission<SocketTransport>();
  readonly #strangers = new Map<SocketTransport, Stranger>();
  #open = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** The runtime has accepted a connection; its handshake has not begun. */
  opened(socket: Socket<SocketTransport>): void {
    const { address, from } = remoteOf(socket);
    const transport: SocketTransport = new SocketTransport(socket, {
      peer: `tcp ${from}`,
      kind: "tcp",
      ended: () => this.#ended(transport),
    });
    socket.data = transport;
    this.#open += 1;
    if (!this.#options.allows(address)) {
      return this.#refuse(transport, { fault: "address", text: "its address is not allowed" });
    }
    if (this.#open > (this.#options.connectionsMax ?? connectionsMax)) {
      return this.#refuse(transport, { fault: "connections", text: "there are too many" });
    }
    setTcpUserTimeout(fdOf(socket), unacknowledgedMsMax);
    let isHeld = false;
    const go = (): void => {
      if (isHeld) socket.resume();
      isHeld = false;
    };
    this.#strangers.set(transport, { transport, go });
    const verdicts = this.#admission.opened(transport, address, this.#nowMs());
    if (!verdicts.some(({ kind, id }) => kind === "go" && id === transport)) {
      isHeld = true;
      socket.pause();
    }
    this.#carryOut(verdicts);
  }

  shaken(socket: Socket<SocketTransport>, outcome: Handshake): void {
    const transport = socket.data;
    if (!this.#strangers.has(transport)) return;
    const verdict = verdictOn(socket, this.#options.check, outcome);
    if ("failure" in verdict || !verdict.identity) {
      const reason: Reason =
        "failure" in verdict ? { fault: "handshake", text: verdict.failure } : verdict;
      // Whoever only looked whether somebody listens, or gave up while he had to wait, has guessed nothing.
      const isGone = reason.text === closedBeforeItsEnd;
      const fate = isGone ? "closed" : "failed";
      this.#carryOut(this.#admission[fate](transport, this.#nowMs()));
      return this.#refuse(transport, reason);
    }
    this.#strangers.delete(transport);
    this.#carryOut(this.#admission.authenticated(transport, this.#nowMs()));
    transport.identity = verdict.identity;
    this.#options.onConnection(transport);
  }

  #carryOut(verdicts: readonly Verdict<SocketTransport>[]): void {
    for (const { kind, id } of verdicts) {
      if (kind === "go") this.#strangers.get(id)?.go();
      else if (kind === "evict") {
        this.#refuse(id, { fault: "crowd", text: "too many have not shown who they are" });
      } else this.#refuse(id, { fault: "timeout", text: "its handshake took too long" });
    }
    this.#arm();
  }

  /** Nobody waits: no timer. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const dueMs = this.#admission.nextDueMs();
    if (dueMs === null) return;
    const waitMs = Math.max(1, Math.ceil(dueMs - this.#nowMs()));
    this.#cancelTimer = this.#options.clock.after(waitMs, () => {
      this.#cancelTimer = null;
      this.#carryOut(this.#admission.due(this.#nowMs()));
    });
  }

  #nowMs(): number {
    return Number(this.#options.clock.monotonicNs() / 1_000n) / 1_000;
  }

  #refuse(transport: SocketTransport, { fault, text, fingerprint = null }: Reason): void {
    this.#strangers.delete(transport);
    transport.destroy();
    this.#options.refused({ peer: transport.peer, fault, text, fingerprint });
  }

  #ended(transport: SocketTransport): void {
    this.#open -= 1;
    // By itself: whoever looks for open ports leaves a line.
    if (this.#strangers.delete(transport)) {
      const text = "it left before its handshake was over";
      this.#options.refused({ peer: transport.peer, fault: "handshake", text, fingerprint: null });
    }
    this.#carryOut(this.#admission.closed(transport, this.#nowMs()));
  }
}
