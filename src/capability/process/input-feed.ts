// The child's stdin on the daemon's side: takes what the controller sends, writes it at the child's pace and gives credit
// for what was written. Holds at most one window.

import type { ByteSink } from "../../base/byte-stream.ts";
import { keepable } from "../../base/keepable.ts";
import { ReceiveWindow } from "../../session/credit.ts";
import type { CloseStream, Credit, Input } from "./contract.ts";

export class InputFeed {
  readonly #sink: ByteSink;
  readonly #window = new ReceiveWindow();
  readonly #queue: Uint8Array[] = [];
  #send: ((message: Credit | CloseStream) => void) | null = null;
  #isWriting = false;
  #hasEnded = false;
  /** The child does not read any more, or has gone. */
  #isClosed = false;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  get received(): number {
    return this.#window.received;
  }

  follow(send: (message: Credit | CloseStream) => void): void {
    this.#send = send;
    if (this.#isClosed) send({ kind: "close-stream", stream: "stdin" });
    else send({ kind: "credit", stream: "stdin", offset: this.#window.consumed });
  }

  unfollow(): void {
    this.#send = null;
  }

  /** @throws CtlError("protocol-violated") */
  input(message: Input): void {
    this.#window.receive(message.offset, message.bytes.length);
    if (message.end) this.#hasEnded = true;
    if (this.#isClosed) return;
    if (message.bytes.length > 0) this.#queue.push(keepable(message.bytes));
    this.#write();
  }

  /** The controller's end was lost for good, or the child has gone: it sees end-of-file. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#sink.close();
  }

  #write(): void {
    if (this.#isWriting || this.#isClosed) return;
    const bytes = this.#queue.shift();
    if (!bytes) {
      if (this.#hasEnded) this.close();
      return;
    }
    this.#isWriting = true;
    this.#sink.write(bytes, (errno) => {
      this.#isWriting = false;
      if (errno !== null) return this.#readerGone();
      const credit = this.#window.consume(bytes.length);
      if (credit !== null) this.#send?.({ kind: "credit", stream: "stdin", offset: credit });
      this.#write();
    });
  }

  #readerGone(): void {
    if (this.#isClosed) return;
    this.close();
    this.#send?.({ kind: "close-stream", stream: "stdin" });
  }
}
