// The controller's stdin on its way to the child: reads only while the window has room, keeps what was not credited, and
// sends it again from where the daemon says after a resume.

import type { ByteSource } from "../../base/byte-stream.ts";
import { SendWindow } from "../../session/credit.ts";
import type { Input } from "./contract.ts";

export class InputSender {
  readonly #source: ByteSource;
  readonly #send: (message: Input) => void;
  readonly #window = new SendWindow();
  #isFollowed = false;
  #isReading = false;
  #hasEnded = false;
  /** On this connection. */
  #isEndSent = false;
  #isClosed = false;

  constructor(source: ByteSource, send: (message: Input) => void) {
    this.#source = source;
    this.#send = send;
  }

  /** A connection is there, and the daemon has received everything before `offset`. */
  follow(offset: number): void {
    this.#isFollowed = true;
    if (this.#isClosed) return;
    this.#isEndSent = false;
    this.#window.resumeAt(offset);
    this.#flush();
    this.#read();
  }

  unfollow(): void {
    this.#isFollowed = false;
  }

  /** @throws CtlError("protocol-violated") */
  credit(offset: number): void {
    if (this.#isClosed) return;
    this.#window.acknowledge(offset);
    this.#flush();
    this.#read();
  }

  /** The child does not read its stdin any more. */
  readerGone(): void {
    this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#window.clear();
    this.#source.close();
  }

  #read(): void {
    if (this.#isReading || this.#hasEnded || this.#isClosed || !this.#window.hasRoom) return;
    this.#isReading = true;
    this.#source.read((bytes) => {
      this.#isReading = false;
      if (this.#isClosed) return;
      if (bytes) this.#window.append(bytes);
      else this.#hasEnded = true;
      this.#flush();
      this.#read();
    });
  }

  #flush(): void {
    if (!this.#isFollowed) return;
    for (let piece = this.#window.take(); piece; piece = this.#window.take()) {
      if (piece.bytes) {
        this.#send({ kind: "input", offset: piece.offset, bytes: piece.bytes, end: false });
      }
    }
    // The end goes out only behind the last byte.
    if (!this.#hasEnded || this.#isEndSent || this.#window.hasUnsent) return;
    this.#isEndSent = true;
    const offset = this.#window.length;
    this.#send({ kind: "input", offset, bytes: new Uint8Array(), end: true });
  }
}
