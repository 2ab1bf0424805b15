// Real pipes from the kernel. Bun's own "pipe" is a socket pair, and a child can tell: /dev/stdout cannot be opened.

import { closeFd, libc, must, osErrorOf } from "./libc.ts";

export const O_CLOEXEC = 0o2000000;
export const O_NONBLOCK = 0o4000;
const F_SETFL = 4;

export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** Both ends are closed in every child. @throws OsError */
export function openPipe(): Pipe {
  const ends = new Int32Array(2);
  must("pipe2", libc().pipe2(ends, O_CLOEXEC));
  return { readFd: ends[0] ?? -1, writeFd: ends[1] ?? -1 };
}

/** Touches this end only: the two ends of a pipe have flags of their own. @throws OsError */
export function setNonBlocking(fd: number): void {
  must("fcntl", libc().fcntl(fd, F_SETFL, O_NONBLOCK));
}

export function closePipe(pipe: Pipe): void {
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
}

export interface ChunkReader {
  /** Without a value when no writer is left. */
  read(): Promise<{ value?: Uint8Array | undefined }>;
  /** Closes the reader's descriptor. */
  cancel(): Promise<void>;
}

/**
 * Event-driven reading, without a thread, of a duplicate of `fd`, which must be non-blocking. The runtime reads ahead,
 * asked or not, as soon as there is something: one chunk of at most 512 KiB.
 * @throws OsError
 */
export function openChunkReader(fd: number): ChunkReader {
  try {
    return Bun.file(fd).stream().getReader();
  } catch (error) {
    throw osErrorOf(error);
  }
}
