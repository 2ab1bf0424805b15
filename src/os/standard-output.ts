// ctl's own stdout and stderr: every byte is with the kernel before `done`, a slow reader never blocks the event loop,
// and a failure is told by its errno name.
//
// The runtime's own writer is not used on the inherited descriptor: it makes it non-blocking for everybody who shares it,
// and on a terminal it blocks the whole program. So pipes and terminals are opened a second time.

import type { FileSink } from "bun";

import { assert } from "../base/assert.ts";
import type { ByteSink } from "../base/byte-stream.ts";
import { nodeFs } from "./builtin.ts";
import {
  closeReopened,
  isNonBlocking,
  kindOfDescriptor,
  reopenNonBlocking,
} from "./descriptor-kind.ts";
import { errnoName } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

const EINTR = 4;
const EAGAIN = 11;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** How long a full terminal or socket is left alone: nothing tells us when it has room. */
const retryMsMin = 1;
const retryMsMax = 16;

type Reopen = typeof reopenNonBlocking;

/** How many of `bytes` the kernel took, or a negative errno. */
type Attempt = (bytes: Uint8Array) => number;

export interface StandardOutput extends ByteSink {
  /** Resolves when no write is under way. */
  flush(): Promise<void>;
}

/**
 * @param fd 1 or 2; any descriptor that somebody else owns. It is never closed.
 * @param reopen a test says null, as a system does that grants no second way
 */
export function openStandardOutput(fd: number, reopen: Reopen = reopenNonBlocking): StandardOutput {
  const kind = kindOfDescriptor(fd);
  if (kind === "file") return new AttemptedOutput(writing(fd));
  if (kind === "socket") return new AttemptedOutput(sending(fd));
  const ours = reopen(fd, "write");
  if (ours !== null) {
    return kind === "pipe" ? new PipeOutput(ours) : new AttemptedOutput(writing(ours), ours);
  }
  return isNonBlocking(fd) ? new AttemptedOutput(writing(fd)) : new ThreadOutput(fd);
}

function writing(fd: number): Attempt {
  return (bytes) => {
    const taken = Number(libc().write(fd, bytes, bytes.length));
    return taken < 0 ? -lastErrno() : taken;
  };
}

function sending(fd: number): Attempt {
  return (bytes) => {
    const taken = Number(libc().send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
    return taken < 0 ? -lastErrno() : taken;
  };
}

type Done = (errno: string | null) => void;

/** One write at a time, told of its end once and never synchronously; what is left of it is the heirs' business. */
abstract class Output implements StandardOutput {
  #done: Done | null = null;
  #idleListeners: (() => void)[] = [];
  #isClosed = false;

  write(bytes: Uint8Array, done: Done): void {
    assert(this.#done === null, "A sink does one write at a time");
    if (this.#isClosed) return;
    this.#done = done;
    this.begin(bytes);
  }

  async flush(): Promise<void> {
    if (this.#done === null) return;
    await new Promise<void>((resolve) => this.#idleListeners.push(resolve));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#done = null;
    this.#tellIdle();
    this.release();
  }

  protected get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sees to it that `end` is called. */
  protected abstract begin(bytes: Uint8Array): void;
  protected abstract release(): void;

  protected end(errno: string | null): void {
    queueMicrotask(() => {
      const done = this.#done;
      this.#done = null;
      this.#tellIdle();
      done?.(errno);
    });
  }

  #tellIdle(): void {
    for (const listener of this.#idleListeners.splice(0)) listener();
  }
}

/** What the kernel did not take is offered again after a while. Files take everything at once. */
class AttemptedOutput extends Output {
  readonly #attempt: Attempt;
  readonly #ours: number | null;
  #retryMs = retryMsMin;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(attempt: Attempt, ours: number | null = null) {
    super();
    this.#attempt = attempt;
    this.#ours = ours;
  }

  protected begin(bytes: Uint8Array): void {
    this.#retryMs = retryMsMin;
    this.#offer(bytes);
  }

  protected release(): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#ours !== null) closeReopened(this.#ours);
  }

  #offer(bytes: Uint8Array): void {
    const { rest, errno } = offer(bytes, this.#attempt);
    if (errno !== null || rest.length === 0) return this.end(errno);
    this.#retryMs =
      rest.length < bytes.length ? retryMsMin : Math.min(this.#retryMs * 2, retryMsMax);
    this.#timer = setTimeout(() => this.#offer(rest), this.#retryMs);
  }
}

/** What does not fit is left to the runtime's writer, which waits for room without a thread. */
class PipeOutput extends Output {
  readonly #ours: number;
  readonly #attempt: Attempt;
  #writer: FileSink | null = null;

  constructor(ours: number) {
    super();
    this.#ours = ours;
    this.#attempt = writing(ours);
  }

  protected begin(bytes: Uint8Array): void {
    const { rest, errno } = offer(bytes, this.#attempt);
    if (errno !== null || rest.length === 0) return this.end(errno);
    this.#leaveToRuntime(rest).then(
      () => this.end(null),
      (error) => this.end(codeOf(error)),
    );
  }

  protected release(): void {
    // An abandoned write must not keep the program alive.
    this.#writer?.unref();
    closeReopened(this.#ours);
  }

  async #leaveToRuntime(rest: Uint8Array): Promise<void> {
    this.#writer ??= Bun.file(this.#ours).writer({ highWaterMark: 1 });
    await Promise.all([this.#writer.write(rest), this.#writer.flush()]);
  }
}

/** The last resort: a write that may block, and a thread of the runtime's small pool to wait for it. */
class ThreadOutput extends Output {
  readonly #fd: number;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  protected begin(bytes: Uint8Array): void {
    if (this.isClosed) return;
    nodeFs().write(this.#fd, bytes, 0, bytes.length, null, (error, taken) => {
      if (error && codeOf(error) === "EAGAIN") {
        setTimeout(() => this.begin(bytes), retryMsMax);
      } else if (error || taken === bytes.length) {
        this.end(error ? codeOf(error) : null);
      } else {
        this.begin(bytes.subarray(taken));
      }
    });
  }

  protected release(): void {
    // The descriptor belongs to whoever gave it to us.
  }
}

/** Offers until all is taken, nothing more is, or it fails. */
function offer(bytes: Uint8Array, attempt: Attempt): { rest: Uint8Array; errno: string | null } {
  let rest = bytes;
  while (rest.length > 0) {
    const taken = attempt(rest);
    if (taken === -EAGAIN || taken === 0) break;
    if (taken < 0 && taken !== -EINTR) return { rest, errno: errnoName(-taken) };
    if (taken > 0) rest = rest.subarray(taken);
  }
  return { rest, errno: null };
}

function codeOf(error: unknown): string {
  const hasCode = error instanceof Error && "code" in error && typeof error.code === "string";
  return hasCode ? String(error.code) : "EIO";
}
