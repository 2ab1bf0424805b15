// The two ends of a byte stream as the core sees them: a source that is pulled, a sink that is awaited by callback.
// Callbacks, not promises, so that the seeded simulation can stand in for the kernel and stay deterministic.

/** One end that bytes come from. At most one read is outstanding. */
export interface ByteSource {
  /**
   * Asks for the next piece. `deliver` is called once, never synchronously: with bytes (never empty, at most
   * 256 KiB, valid only until the callback returns unless copied), or with null when no writer is left.
   */
  read(deliver: (bytes: Uint8Array | null) => void): void;
  /**
   * Calls back once everything that was written into the pipe before this call has been delivered. It does so only
   * while reads go on. A writer that never pauses cannot put it off: at most what the pipe and the read-ahead can hold is
   * waited for.
   */
  afterWritten(drained: () => void): void;
  /** Closes our end: the writer's next write gets SIGPIPE. No callback is called afterwards. Harmless when repeated. */
  close(): void;
}

/** One end that bytes go to. At most one write is outstanding. */
export interface ByteSink {
  /**
   * Takes all of `bytes` or fails; `done` is called once, never synchronously, with null or with the errno name
   * ("EPIPE" when the reader has gone, "ENOSPC", …).
   */
  write(bytes: Uint8Array, done: (errno: string | null) => void): void;
  /** Closes our end: the reader sees end-of-file. Harmless when repeated; a write under way is abandoned. */
  close(): void;
}
