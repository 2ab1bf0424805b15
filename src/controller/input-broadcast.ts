// One stdin for many nodes: every reader gets every byte, and the slowest gives the pace. Reads on only when all that
// are still interested have asked.

import type { ByteSource } from "../base/byte-stream.ts";

type Deliver = (bytes: Uint8Array | null) => void;

export class InputBroadcast {
  readonly #source: ByteSource;
  readonly #readers = new Set<{ waiting: Deliver | null }>();
  #isReading = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** One more reader; all must be made before the first read. */
  reader(): ByteSource {
    const reader: { waiting: Deliver | null } = { waiting: null };
    this.#readers.add(reader);
    return {
      read: (deliver) => {
        reader.waiting = deliver;
        this.#read();
      },
      // Nobody asks this of an input.
      afterWritten: (drained) => drained(),
      close: () => {
        this.#readers.delete(reader);
        if (this.#readers.size === 0) this.#source.close();
        else this.#read();
      },
    };
  }

  #read(): void {
    if (this.#isReading || this.#readers.size === 0) return;
    for (const reader of this.#readers) if (!reader.waiting) return;
    this.#isReading = true;
    this.#source.read((bytes) => {
      this.#isReading = false;
      // Nobody waits any more before the first one gets it: he may ask for more at once, and the others must be asked, too.
      const waiting = [...this.#readers].map((reader) => ({ reader, deliver: reader.waiting }));
      for (const { reader } of waiting) reader.waiting = null;
      for (const { reader, deliver } of waiting) {
        if (this.#readers.has(reader)) deliver?.(bytes);
      }
    });
  }
}
