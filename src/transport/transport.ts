// Ordered bytes between two machines. Knows nothing of frames; whoever sends must bound what it queues.

import type { CtlError } from "../base/errors.ts";
import type { Identity } from "../keys/contract.ts";

export interface TransportHandler {
  /** Bytes as they came, cut anywhere; valid only during the call. */
  data(bytes: Uint8Array): void;
  /** The queue of unsent bytes is empty again after `send` said that it was not. */
  drained(): void;
  /** Once, last: null when the peer closed in order, else what happened. Not called after our own `destroy`. */
  closed(error: CtlError | null): void;
}

export interface Transport {
  /** "tcp host:port", "unix /path", "memory": for messages and the log. */
  readonly peer: string;
  readonly kind: "tcp" | "unix" | "memory";
  /** Who is at the other end, as proved by TLS; null where nobody asked: memory, a Unix socket, a network without keys. */
  readonly identity: Identity | null;
  /** Bytes accepted by `send` that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /** Set once, before anything else; nothing is delivered before it is set. */
  attach(handler: TransportHandler): void;
  /** Queues bytes for sending, in order; they must not be changed afterwards. Returns false while some wait for the kernel. */
  send(bytes: Uint8Array): boolean;
  /** Stops and resumes delivery of `data`; the kernel's backpressure then reaches the peer. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then ends the connection in order; `closed` follows. */
  close(): void;
  /** Ends the connection now; what is queued is lost; `closed` is not called. */
  destroy(): void;
}

/** Whoever accepts connections. */
export interface Listener {
  /** "127.0.0.1:9000" with the real port, or "unix:/path". */
  readonly address: string;
  readonly port: number | null;
  close(): void;
}
