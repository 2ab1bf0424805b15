// ctl's own stdin: read only when somebody asks, with at most one piece read ahead, and without changing flags that
// are shared with the user's shell. Anything can stand there: a pipe, a file, a terminal, a socket, /dev/null.

import type { ByteSource } from "../base/byte-stream.ts";
import {
  closeReopened,
  type DescriptorKind,
  kindOfDescriptor,
  reopenNonBlocking,
} from "./descriptor-kind.ts";
import { errnoName } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import { type ChunkReader, openChunkReader } from "./pipe.ts";

const pieceBytesMax = 64 * 1024;

export interface StandardInput extends ByteSource {
  /** After the end: the errno name when it was not an end but a failure, such as "EISDIR". */
  readonly failure: string | null;
}

/** @param fd 0; any descriptor that somebody else owns. It is never closed. */
export function openStandardInput(fd: number): StandardInput {
  const kind = kindOfDescriptor(fd);
  return kind === "file" ? new FileInput(fd) : new StreamInput(fd, kind);
}

type Deliver = (bytes: Uint8Array | null) => void;

/**
 * Pipes, terminals and sockets, through the runtime's event loop. Opened a second time where that is possible: a neighbour who
 * reads the same pipe could take what we were told is there, and our read would block.
 */
class StreamInput implements StandardInput {
  readonly #fd: number;
  readonly #ours: number | null;
  readonly #isTerminal: boolean;
  #reader: ChunkReader | null = null;
  #isClosed = false;
  failure: string | null = null;

  constructor(fd: number, kind: DescriptorKind) {
    this.#isTerminal = kind === "terminal";
    this.#ours = reopenNonBlocking(fd, "read");
    this.#fd = this.#ours ?? fd;
  }

  read(deliver: Deliver): void {
    if (this.#isClosed) return;
    // Not before: the runtime reads a first piece as soon as there is a reader.
    this.#reader ??= openChunkReader(this.#fd);
    this.#reader.read().then(
      ({ value }) => this.#deliver(value ?? null, deliver),
      (error: unknown) => this.#fail(error, deliver),
    );
  }

  /** Nobody can know what a user will still type; everything that was delivered so far counts. */
  afterWritten(drained: () => void): void {
    queueMicrotask(drained);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Never fails in a way that anybody could act on.
    this.#reader?.cancel().catch(() => {});
    if (this.#ours !== null) closeReopened(this.#ours);
  }

  #deliver(bytes: Uint8Array | null, deliver: Deliver): void {
    if (!this.#isClosed) deliver(bytes);
  }

  #fail(error: unknown, deliver: Deliver): void {
    const hasCode = error instanceof Error && "code" in error && typeof error.code === "string";
    const errno = hasCode ? String(error.code) : "EIO";
    if (this.#isClosed) return;
    // A terminal that was hung up says so; it is the end of what can be typed there.
    this.failure = this.#isTerminal && errno === "EIO" ? null : errno;
    this.#deliver(null, deliver);
  }
}

/** Files and the devices that answer at once. Reading moves the shared offset, as every program's reading does. */
class FileInput implements StandardInput {
  readonly #fd: number;
  #isClosed = false;
  failure: string | null = null;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(deliver: Deliver): void {
    // A turn of the event loop between two pieces, so that an endless file starves nobody.
    setImmediate(() => {
      if (!this.#isClosed) deliver(this.#piece());
    });
  }

  afterWritten(drained: () => void): void {
    queueMicrotask(drained);
  }

  close(): void {
    this.#isClosed = true;
  }

  #piece(): Uint8Array | null {
    const piece = new Uint8Array(pieceBytesMax);
    const length = Number(libc().read(this.#fd, piece, piece.length));
    if (length < 0) this.failure = errnoName(lastErrno());
    return length > 0 ? piece.subarray(0, length) : null;
  }
}
