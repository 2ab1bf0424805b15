// The child of a start that failed before there was a launcher: its streams have ended, and nobody hears its commands.

import type { ByteSink, ByteSource } from "../base/byte-stream.ts";
import type { LaunchedChild, LaunchOrders } from "./contract.ts";

export function absentChild(orders: LaunchOrders): LaunchedChild {
  return {
    stdin: orders.stdin === "pipe" ? new AbsentSink() : null,
    stdout: new AbsentSource(),
    stderr: new AbsentSource(),
    signal() {},
    stop() {},
    setPolicy() {},
    releaseOutput() {},
    survivors: () => [],
  };
}

class AbsentSource implements ByteSource {
  #isClosed = false;

  read(deliver: (bytes: Uint8Array | null) => void): void {
    queueMicrotask(() => {
      if (!this.#isClosed) deliver(null);
    });
  }

  afterWritten(drained: () => void): void {
    queueMicrotask(() => {
      if (!this.#isClosed) drained();
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}

class AbsentSink implements ByteSink {
  #isClosed = false;

  write(_bytes: Uint8Array, done: (errno: string | null) => void): void {
    queueMicrotask(() => {
      if (!this.#isClosed) done("EPIPE");
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}
