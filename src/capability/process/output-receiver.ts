// One output stream at the controller: every byte once and in order, credit only for what was really written out,
// and the truth about what was not.

import { keepable } from "../../base/keepable.ts";
import type { ReceiveWindow } from "../../session/credit.ts";
import type { CloseStream, Credit, Output, OutputGap, OutputStream } from "./contract.ts";

export interface OutputReceiverHost {
  send(message: Credit | CloseStream): void;
  write(piece: { offset: number; bytes: Uint8Array }, done: (errno: string | null) => void): void;
  gap(offset: number, length: number): void;
  /** More was written out, or nothing more will be. */
  changed(): void;
}

export class OutputReceiver {
  readonly #stream: OutputStream;
  readonly #window: ReceiveWindow;
  readonly #host: OutputReceiverHost;
  readonly #queue: (Output | OutputGap)[] = [];
  #isWriting = false;
  #gapBytes = 0;
  #errno: string | null = null;

  constructor(stream: OutputStream, window: ReceiveWindow, host: OutputReceiverHost) {
    this.#stream = stream;
    this.#window = window;
    this.#host = host;
  }

  get received(): number {
    return this.#window.received;
  }

  /** How far the stream is written out, thrown-away parts included. */
  get written(): number {
    return this.#window.consumed;
  }

  get gapBytes(): number {
    return this.#gapBytes;
  }

  /** Why nothing more can be written; null while it can. */
  get errno(): string | null {
    return this.#errno;
  }

  /** @throws CtlError("protocol-violated") */
  receive(message: Output | OutputGap): void {
    if (message.kind === "output") {
      this.#window.receive(message.offset, message.bytes.length);
    } else {
      this.#window.receiveGap(message.offset, message.length);
    }
    if (this.#errno !== null) return;
    const isOutput = message.kind === "output";
    this.#queue.push(isOutput ? { ...message, bytes: keepable(message.bytes) } : message);
    this.#write();
  }

  /** A new connection: say again what the old one may have swallowed. */
  reconnected(): void {
    if (this.#errno !== null) this.#host.send({ kind: "close-stream", stream: this.#stream });
    else if (this.#window.consumed > 0) this.#credit(this.#window.creditNow());
  }

  #write(): void {
    if (this.#isWriting || this.#errno !== null) return;
    const next = this.#queue.shift();
    if (!next) return;
    if (next.kind === "output-gap") {
      this.#gapBytes += next.length;
      this.#host.gap(next.offset, next.length);
      this.#consumed(next.length);
      return this.#write();
    }
    this.#isWriting = true;
    this.#host.write({ offset: next.offset, bytes: next.bytes }, (errno) => {
      this.#isWriting = false;
      if (errno !== null) return this.#failed(errno);
      this.#consumed(next.bytes.length);
      this.#write();
    });
  }

  #consumed(length: number): void {
    this.#credit(this.#window.consume(length));
    this.#host.changed();
  }

  #credit(offset: number | null): void {
    if (offset !== null) this.#host.send({ kind: "credit", stream: this.#stream, offset });
  }

  #failed(errno: string): void {
    this.#errno = errno;
    this.#queue.length = 0;
    this.#host.send({ kind: "close-stream", stream: this.#stream });
    this.#host.changed();
  }
}
