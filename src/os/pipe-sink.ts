// The write end of a pipe as a sink for bytes, exact and event-driven, holding nothing of its own but one small piece.
//
// What the pipe takes at once goes there directly. While it is full, the next piece waits in the runtime's file sink,
// which is the only way to hear that there is room again. That one cannot be called back: of a write that is abandoned,
// at most this piece still arrives, before the end-of-file.

import type { ByteSink } from "../base/byte-stream.ts";
import { errnoName } from "./errno.ts";
import { closeFd, lastErrno, libc } from "./libc.ts";

const EAGAIN = 11;
const waitingBytesMax = 4096;

/** @param fd the write end, non-blocking; the sink closes it */
export function openPipeSink(fd: number): ByteSink {
  return new PipeSink(fd);
}

class PipeSink implements ByteSink {
  readonly #fd: number;
  /** Made when the pipe is full for the first time; works on a duplicate of our descriptor. */
  #waiting: Bun.FileSink | null = null;
  /** The first failure answers every later write too. */
  #failure: string | null = null;
  #isClosed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array, answer: (errno: string | null) => void): void {
    // Rejects only for broken invariants: what the pipe refuses is a value.
    void this.#write(bytes).then((failure) => {
      this.#failure ??= failure;
      return this.#isClosed ? undefined : answer(this.#failure);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The failure of an abandoned write interests nobody.
    if (this.#waiting) Promise.resolve(this.#waiting.end()).catch(() => {});
    closeFd(this.#fd);
  }

  async #write(bytes: Uint8Array): Promise<string | null> {
    let rest = bytes;
    while (this.#failure === null && !this.#isClosed) {
      const written = Number(libc().write(this.#fd, rest, rest.length));
      if (written === rest.length) return null;
      const errno = written < 0 ? lastErrno() : EAGAIN;
      if (errno !== EAGAIN) return errnoName(errno);
      rest = rest.subarray(Math.max(0, written));
      const piece = rest.subarray(0, waitingBytesMax);
      const failure = await this.#writeWhenPossible(piece);
      if (failure !== null) return failure;
      rest = rest.subarray(piece.length);
      if (rest.length === 0) return null;
    }
    return this.#failure;
  }

  async #writeWhenPossible(piece: Uint8Array): Promise<string | null> {
    try {
      this.#waiting ??= Bun.file(this.#fd).writer({ highWaterMark: 1 });
      await this.#waiting.write(piece);
      await this.#waiting.flush();
      return null;
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : "EIO";
    }
  }
}
