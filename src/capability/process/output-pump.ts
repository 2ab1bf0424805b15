// One output stream on its way from the child's pipe to whoever follows: reads only while the window has room, keeps
// what was not credited, sends it again after a resume. Unread output costs nothing: the kernel holds the child back.

import type { ByteSource } from "../../base/byte-stream.ts";
import { SendWindow } from "../../session/credit.ts";
import type { Output, OutputGap, OutputStream } from "./contract.ts";

export interface OutputPumpOptions {
  stream: OutputStream;
  source: ByteSource;
  /** No writer is left; `length` bytes were written in all. Called once, not after `close`. */
  ended(length: number): void;
}

/**
 * follow: to the window's pace · discard: read on, keep what was not credited up to now and throw the rest away ·
 * closed: our end of the pipe is closed.
 */
type Mode = "follow" | "discard" | "closed";

export class OutputPump {
  readonly #options: OutputPumpOptions;
  readonly #window = new SendWindow();
  #mode: Mode = "follow";
  #isReading = false;
  #hasEnded = false;
  #send: ((message: Output | OutputGap) => void) | null = null;
  #drainListeners: (() => void)[] = [];

  constructor(options: OutputPumpOptions) {
    this.#options = options;
    this.#read();
  }

  /** Bytes that the child has written and we have read, kept or not. */
  get length(): number {
    return this.#window.length;
  }

  /**
   * Somebody follows from `offset` on; everything unsent goes to `send`.
   * @throws CtlError("protocol-violated") when the stream has no such offset any more
   */
  follow(offset: number, send: (message: Output | OutputGap) => void): void {
    // A reader that went away does not come back: there is nothing to go on with.
    if (this.#mode === "closed") return;
    this.#window.resumeAt(offset);
    this.#send = send;
    if (this.#mode === "discard") this.#mode = "follow";
    this.#flush();
    this.#read();
  }

  /** Nobody follows for now: nothing is sent, and reading stops when the window is full. */
  unfollow(): void {
    this.#send = null;
  }

  /** Nobody follows and the child must not be held back. */
  discard(): void {
    if (this.#mode === "closed") return;
    this.#mode = "discard";
    this.#send = null;
    this.#read();
  }

  /** @throws CtlError("protocol-violated") */
  credit(offset: number): void {
    this.#window.acknowledge(offset);
    this.#flush();
    this.#read();
  }

  /** Closes our end: the child's next write gets SIGPIPE. */
  close(): void {
    if (this.#mode === "closed") return;
    this.#mode = "closed";
    this.#options.source.close();
    this.#window.clear();
    this.#nothingMore();
  }

  /** Calls back with the stream's length once everything written before this call was read. */
  afterWritten(drained: (length: number) => void): void {
    if (this.#mode === "closed" || this.#hasEnded) return drained(this.length);
    let isDone = false;
    const once = (): void => {
      if (isDone) return;
      isDone = true;
      drained(this.length);
    };
    this.#drainListeners.push(once);
    this.#options.source.afterWritten(once);
  }

  #read(): void {
    if (this.#isReading || this.#hasEnded || this.#mode === "closed") return;
    if (this.#mode === "follow" && !this.#window.hasRoom) return;
    this.#isReading = true;
    this.#options.source.read((bytes) => {
      this.#isReading = false;
      if (this.#mode === "closed") return;
      if (bytes) this.#take(bytes);
      else this.#end();
    });
  }

  #take(bytes: Uint8Array): void {
    if (this.#mode === "discard" && !this.#window.hasRoom) this.#window.appendGap(bytes.length);
    else this.#window.append(bytes);
    this.#flush();
    this.#read();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#options.source.close();
    this.#options.ended(this.length);
    this.#nothingMore();
  }

  /** A closed source calls nobody back: whoever waits for its drain hears of it here. */
  #nothingMore(): void {
    for (const listener of this.#drainListeners.splice(0)) listener();
  }

  #flush(): void {
    if (!this.#send) return;
    const { stream } = this.#options;
    for (let piece = this.#window.take(); piece; piece = this.#window.take()) {
      const { offset, length, bytes } = piece;
      if (bytes) this.#send({ kind: "output", stream, offset, bytes });
      else this.#send({ kind: "output-gap", stream, offset, length });
    }
  }
}
