// The only owner of stdout and stderr. Everything goes out in order; whoever writes learns when its bytes are out, or
// why they never will be. Diagnostics are single lines on stderr that start with "ctl:".

import type { ByteSink } from "../base/byte-stream.ts";
import type { Clock } from "../base/clock.ts";

type Done = (errno: string | null) => void;

/** Small pieces that wait together go out in one write of at most this size. */
const joinedBytesMax = 65_536;
/** What is left to be written gets this long to go out when the user has had enough. */
const hurryMs = 200;

/** A sink that takes any number of writes and does them one after the other. Its users bound what they queue. */
export class OutputQueue {
  readonly #sink: ByteSink;
  #queue: { bytes: Uint8Array; done: Done }[] = [];
  #isWriting = false;
  #errno: string | null = null;
  #idleListeners: (() => void)[] = [];

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Why nothing can be written any more; null while it can. */
  get errno(): string | null {
    return this.#errno;
  }

  write(bytes: Uint8Array, done: Done): void {
    this.#queue.push({ bytes, done });
    this.#next();
  }

  /** Resolves when everything queued is out or has failed. */
  async idle(): Promise<void> {
    if (this.#queue.length === 0 && !this.#isWriting) return;
    await new Promise<void>((resolve) => this.#idleListeners.push(resolve));
  }

  #next(): void {
    if (this.#isWriting) return;
    if (this.#queue.length === 0) {
      for (const listener of this.#idleListeners.splice(0)) listener();
      return;
    }
    const { bytes, dones } = this.#takeBatch();
    this.#isWriting = true;
    const finish = (errno: string | null): void => {
      this.#isWriting = false;
      this.#errno ??= errno;
      for (const done of dones) done(this.#errno);
      this.#next();
    };
    if (this.#errno === null && bytes.length > 0) this.#sink.write(bytes, finish);
    else queueMicrotask(() => finish(null));
  }

  #takeBatch(): { bytes: Uint8Array; dones: Done[] } {
    let length = 0;
    let count = 0;
    for (const { bytes } of this.#queue) {
      if (count > 0 && length + bytes.length > joinedBytesMax) break;
      length += bytes.length;
      count += 1;
    }
    const batch = this.#queue.splice(0, count);
    const [first] = batch;
    const bytes =
      batch.length === 1 && first ? first.bytes : Buffer.concat(batch.map((one) => one.bytes));
    return { bytes, dones: batch.map((one) => one.done) };
  }
}

export class Console {
  readonly stdout: OutputQueue;
  readonly stderr: OutputQueue;
  #hurry: Promise<void> | null = null;

  constructor(stdout: ByteSink, stderr: ByteSink) {
    this.stdout = new OutputQueue(stdout);
    this.stderr = new OutputQueue(stderr);
  }

  /** A whole answer on stdout, such as help or a listing. */
  print(text: string): void {
    this.stdout.write(Buffer.from(text), ignoreHere);
  }

  /** A diagnostic of ours: one line, "ctl: …". */
  say(text: string): void {
    this.stderr.write(Buffer.from(`ctl: ${text}\n`), ignoreHere);
  }

  /** The user leaves now: a reader that stands still must not keep ctl. */
  hurry(clock: Clock): void {
    this.#hurry ??= new Promise((resolve) => void clock.after(hurryMs, resolve));
  }

  /** Everything is out, as far as it can be. */
  async idle(): Promise<void> {
    const out = Promise.all([this.stdout.idle(), this.stderr.idle()]);
    await (this.#hurry ? Promise.race([out, this.#hurry]) : out);
  }
}

/** The queue remembers the failure itself; main turns it into an exit code. */
function ignoreHere(): void {}
