// A connected socket of the runtime as a Transport. Promises that queued bytes are out before the end that `close` asks
// for, that nothing is delivered while paused or before `attach`, and that `closed` comes once and last.

import type { Socket, SocketHandler } from "bun";

import { assert } from "../base/assert.ts";
import type { CtlError } from "../base/errors.ts";
import type { Identity } from "../keys/contract.ts";
import { Outbox } from "./outbox.ts";
import { errnoOf, lostError } from "./socket-errors.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** How long `close` waits for a peer that neither takes our bytes nor closes its side, counted from the last progress. */
export const closingStallMsMax = 15_000;

/**
 * Connections of one listener; the next are closed at once. When a process has no descriptor left, the runtime's
 * listener spins, so there must be a limit below it, whatever the sessions' own limit is.
 */
export const connectionsMax = 1_024;

type State =
  /** Bytes flow; `isClosing` after our own `close`. */
  | { at: "open"; isClosing: boolean }
  /** The socket is gone, and the handler has yet to hear of it. */
  | { at: "lost"; error: CtlError | null }
  | { at: "over" };

export interface SocketTransportOptions {
  peer: string;
  kind: "tcp" | "unix";
  /** The socket is gone, whoever ended it. */
  ended?: () => void;
  /** Instead of `closingStallMsMax`, for tests. */
  closingStallMs?: number;
}

/** What is used of the runtime's socket. */
export type SocketEnd = Pick<
  Socket<SocketTransport>,
  "write" | "pause" | "resume" | "shutdown" | "end" | "terminate"
>;

export class SocketTransport implements Transport {
  readonly peer: string;
  readonly kind: "tcp" | "unix";
  /** Set by whoever checked it, before anybody else gets to see this. */
  identity: Identity | null = null;
  readonly #socket: SocketEnd;
  readonly #outbox: Outbox;
  readonly #ended: () => void;
  readonly #closingStallMs: number;
  #handler: TransportHandler | null = null;
  #state: State = { at: "open", isClosing: false };
  /** Nobody may get bytes now: paused, or not attached yet. */
  #isHeld = true;
  /** What came while held; the runtime may have read it before it heard of the pause. */
  #heldBytes: Uint8Array[] = [];
  #isSocketPaused = false;
  #isWriteRefused = false;
  #fault: Error | null = null;
  #closingTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(socket: SocketEnd, options: SocketTransportOptions) {
    this.#socket = socket;
    this.peer = options.peer;
    this.kind = options.kind;
    this.#ended = options.ended ?? (() => {});
    this.#closingStallMs = options.closingStallMs ?? closingStallMsMax;
    this.#outbox = new Outbox((bytes) => socket.write(bytes), {
      drained: () => this.#drained(),
      // The runtime's `close` follows, but without the reason: the failed write has eaten it.
      broken: () => (this.#isWriteRefused = true),
    });
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  attach(handler: TransportHandler): void {
    assert(this.#handler === null, "A transport has one handler");
    this.#handler = handler;
    this.resume();
  }

  send(bytes: Uint8Array): boolean {
    return this.#state.at === "open" && !this.#state.isClosing && this.#outbox.add(bytes);
  }

  pause(): void {
    if (this.#state.at !== "open" || this.#state.isClosing || this.#isHeld) return;
    this.#isHeld = true;
    this.#pauseSocket();
  }

  resume(): void {
    if (this.#state.at === "over" || !this.#isHeld) return;
    this.#isHeld = false;
    // Not from within this call: whoever resumes has not returned yet.
    queueMicrotask(() => this.#release());
  }

  close(): void {
    if (this.#state.at !== "open" || this.#state.isClosing) return;
    this.#state = { at: "open", isClosing: true };
    // Nothing more is delivered, but it must be read: the peer's end comes behind it.
    this.#heldBytes = [];
    this.#resumeSocket();
    this.#outbox.flush();
    this.#finishWriting();
    this.#watchClosing(this.#outbox.queuedBytes);
  }

  destroy(): void {
    if (this.#state.at === "over") return;
    this.#become({ at: "over" });
    this.#socket.terminate();
  }

  /** The runtime has read something. */
  received(bytes: Uint8Array): void {
    if (this.#state.at !== "open" || this.#state.isClosing) return;
    if (this.#isHeld || this.#heldBytes.length > 0) {
      this.#heldBytes.push(bytes.slice());
      this.#pauseSocket();
      return;
    }
    this.#handler?.data(bytes);
  }

  /** The kernel has room again. */
  writable(): void {
    this.#outbox.flush();
    this.#finishWriting();
  }

  /** Why the socket is about to go, where the runtime tells it apart from the end itself. */
  faulted(error: Error): void {
    this.#fault ??= error;
  }

  /** The socket is gone; `error` is what the runtime knows about why. */
  lost(error: Error | undefined): void {
    if (this.#state.at !== "open") return;
    const reason = this.#whyLost(error ?? this.#fault);
    // An orderly end comes behind the bytes that it follows; a broken connection is told at once.
    if (reason && this.#handler) this.#heldBytes = [];
    this.#become({ at: "lost", error: reason });
    this.#tellClosed();
  }

  #whyLost(error: Error | null): CtlError | null {
    if (error) return lostError(this.peer, errnoOf(error) ?? error.message, error);
    return this.#isWriteRefused ? lostError(this.peer, "ECONNRESET") : null;
  }

  #become(state: State): void {
    if (this.#state.at === "open") this.#ended();
    this.#state = state;
    this.#outbox.discard();
    if (this.#closingTimer) clearTimeout(this.#closingTimer);
    this.#closingTimer = null;
    if (state.at === "over") this.#heldBytes = [];
  }

  #release(): void {
    while (!this.#isHeld && this.#state.at !== "over") {
      const bytes = this.#heldBytes[0];
      if (!bytes) break;
      this.#handler?.data(bytes);
      this.#heldBytes.shift();
    }
    if (this.#isHeld) return;
    if (this.#state.at === "open") this.#resumeSocket();
    else this.#tellClosed();
  }

  #pauseSocket(): void {
    if (this.#isSocketPaused) return;
    this.#isSocketPaused = true;
    this.#socket.pause();
  }

  #resumeSocket(): void {
    if (!this.#isSocketPaused) return;
    this.#isSocketPaused = false;
    this.#socket.resume();
  }

  #tellClosed(): void {
    if (this.#state.at !== "lost" || !this.#handler || this.#heldBytes.length > 0) return;
    const { error } = this.#state;
    this.#state = { at: "over" };
    this.#handler.closed(error);
  }

  #drained(): void {
    if (this.#state.at === "open" && !this.#state.isClosing) this.#handler?.drained();
  }

  /** Half of the end: the peer sees it behind all our bytes, and answers with its own. */
  #finishWriting(): void {
    if (this.#state.at !== "open" || !this.#state.isClosing) return;
    if (this.#outbox.queuedBytes === 0) this.#socket.shutdown();
  }

  #watchClosing(queuedBefore: number): void {
    if (this.#state.at !== "open") return;
    this.#closingTimer = setTimeout(() => {
      const queued = this.#outbox.queuedBytes;
      if (queued > 0 && queued < queuedBefore) return this.#watchClosing(queued);
      // Everything is with the kernel: it goes on without us. Otherwise the peer has stopped taking it.
      const isOut = queued === 0;
      this.lost(isOut ? undefined : new Error("the peer takes no bytes"));
      if (isOut) this.#socket.end();
      else this.#socket.terminate();
    }, this.#closingStallMs);
  }
}

/** One set of callbacks for every socket; the transport is the socket's data, set before `open` returns. */
export function socketHandler(
  opened: (socket: Socket<SocketTransport>) => void,
): SocketHandler<SocketTransport> {
  return {
    binaryType: "uint8array",
    open: opened,
    data: (socket, bytes) => socket.data.received(bytes),
    drain: (socket) => socket.data.writable(),
    close: (socket, error) => socket.data.lost(error),
    // No `error`: it would be told of our own bugs, which must reach the process as uncaught.
  };
}

/** The runtime has it, its types do not tell. */
export function fdOf(socket: Socket<SocketTransport>): number {
  return "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1;
}

/**
 * Whom an accepted socket is from: the address, and "127.0.0.1:9000" for messages. Against its types the runtime knows
 * neither of a peer that had reset its connection before it was accepted; its `close` follows.
 */
export function remoteOf(socket: Socket<SocketTransport>): { address: string; from: string } {
  const shown: string | undefined = socket.remoteAddress;
  if (shown === undefined) return { address: "", from: "a peer that is gone" };
  // A listener for both families shows the one in the words of the other.
  const address = shown.replace(/^::ffff:(?=[0-9.]+$)/, "");
  const host = address.includes(":") ? `[${address}]` : address;
  return { address, from: `${host}:${socket.remotePort}` };
}
