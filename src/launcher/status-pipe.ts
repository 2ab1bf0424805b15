// The one pipe that all launchers report through, and our reading of it: reports go to whoever registered their id.
//
// The runtime may tell of a launcher's end before its last reports were read. A marker that we write into the same pipe
// comes back after all of them: what was not reported then will never be.

import { assert } from "../base/assert.ts";
import { libc } from "../os/libc.ts";
import {
  type ChunkReader,
  closePipe,
  openChunkReader,
  openPipe,
  type Pipe,
  setNonBlocking,
} from "../os/pipe.ts";
import type { LauncherReport } from "./contract.ts";
import { encodeMarker, ReportReader } from "./reports.ts";

export interface StatusListener {
  report(report: LauncherReport): void;
  /** The marker of this id has come back. */
  marked(): void;
}

export class StatusPipe {
  readonly #pipe: Pipe;
  readonly #reader: ChunkReader;
  readonly #listeners = new Map<bigint, StatusListener>();
  /** Markers that the full pipe did not take; we empty it, so there will be room. */
  #waitingMarkers: bigint[] = [];
  #isClosed = false;

  /** @throws OsError */
  constructor() {
    this.#pipe = openPipe();
    try {
      setNonBlocking(this.#pipe.readFd);
      setNonBlocking(this.#pipe.writeFd);
      this.#reader = openChunkReader(this.#pipe.readFd);
    } catch (error) {
      closePipe(this.#pipe);
      throw error;
    }
    // A failure in here is a broken invariant and must end the program: nobody catches it.
    void this.#read();
  }

  /** For the launchers; every write to it is a whole record. */
  get writeFd(): number {
    return this.#pipe.writeFd;
  }

  listen(id: bigint, listener: StatusListener): void {
    assert(!this.#listeners.has(id), `Two children with the id ${id}`);
    this.#listeners.set(id, listener);
  }

  forget(id: bigint): void {
    this.#listeners.delete(id);
  }

  mark(id: bigint): void {
    if (this.#isClosed) return;
    const marker = encodeMarker(id);
    const isTaken = Number(libc().write(this.#pipe.writeFd, marker, marker.length)) > 0;
    if (!isTaken) this.#waitingMarkers.push(id);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listeners.clear();
    this.#reader.cancel().catch(() => {});
    closePipe(this.#pipe);
  }

  async #read(): Promise<void> {
    const reader = new ReportReader();
    for (;;) {
      const { value } = await this.#reader.read();
      if (!value) return;
      for (const record of reader.push(value)) {
        const listener = this.#listeners.get(record.id);
        if (record.kind === "marker") listener?.marked();
        else listener?.report(record.report);
      }
      for (const id of this.#waitingMarkers.splice(0)) this.mark(id);
    }
  }
}
