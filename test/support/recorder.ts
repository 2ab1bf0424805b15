// A transport's handler that remembers what it was told.

import type { CtlError } from "../../src/base/errors.ts";
import type { Transport, TransportHandler } from "../../src/transport/transport.ts";
import { until } from "./until.ts";

export class Recorder implements TransportHandler {
  readonly pieces: Uint8Array[] = [];
  bytes = 0;
  drains = 0;
  /** Every call of `closed`; more than one is a defect. */
  readonly ends: (CtlError | null)[] = [];
  /** Data that came after the end; always a defect. */
  isLate = false;

  static on(transport: Transport): Recorder {
    const recorder = new Recorder();
    transport.attach(recorder);
    return recorder;
  }

  data(bytes: Uint8Array): void {
    if (this.ends.length > 0) this.isLate = true;
    this.pieces.push(bytes.slice());
    this.bytes += bytes.length;
  }

  drained(): void {
    this.drains += 1;
  }

  closed(error: CtlError | null): void {
    this.ends.push(error);
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }

  async end(timeoutMs = 5_000): Promise<CtlError | null> {
    await until(() => this.ends.length > 0, { timeoutMs, what: "closed" });
    return this.ends[0] ?? null;
  }
}
