// A connection inside this process that passes for one from the network, whose other end has proved who it is.

import type { Identity } from "../../src/keys/contract.ts";
import type { Transport, TransportHandler } from "../../src/transport/transport.ts";

export class KnownTransport implements Transport {
  readonly peer = "tcp 192.0.2.7:4711";
  readonly kind = "tcp";
  readonly identity: Identity | null;
  readonly #inner: Transport;

  constructor(inner: Transport, identity: Identity | null) {
    this.#inner = inner;
    this.identity = identity;
  }

  get queuedBytes(): number {
    return this.#inner.queuedBytes;
  }

  attach(handler: TransportHandler): void {
    this.#inner.attach(handler);
  }

  send(bytes: Uint8Array): boolean {
    return this.#inner.send(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(): void {
    this.#inner.close();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}

/** Of a key that nobody has issued. */
export function identityOf(role: Identity["role"], letter: string): Identity {
  return {
    role,
    name: `${role}-${letter}`,
    cluster: "c_abcdefghij",
    fingerprint: letter.repeat(64),
  };
}
