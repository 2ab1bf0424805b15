// The launcher's parser inside the test's own process, between pages that nobody may touch: one byte too far and the
// test ends with SIGSEGV. Compiled by the runtime's own C compiler, so no other one is needed.

import { cc, dlopen, toArrayBuffer } from "bun:ffi";
import { join } from "node:path";

const pageBytes = 65_536;
const pointersMax = pageBytes / 8;
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;

export class OrdersProbe {
  readonly #probe = cc({
    source: join(import.meta.dir, "orders-probe.c"),
    flags: ["-nostdlib"],
    symbols: { probe_orders: { args: ["usize", "usize", "usize", "usize"], returns: "i32" } },
  }).symbols.probe_orders;
  readonly #record = new GuardedPage();
  readonly #pointers = new GuardedPage();

  /** 0, the parser's refusal, or 1000 and more when an accepted record is not what it says. */
  parse(record: Uint8Array): number {
    const at = this.#record.end(record.length);
    this.#record.bytes.set(record, pageBytes - record.length);
    return this.#probe(at, record.length, this.#pointers.end(0), pointersMax);
  }
}

/** Memory that ends where the next page must not be touched. */
class GuardedPage {
  readonly bytes: Uint8Array;
  readonly #address: number;

  constructor() {
    const { mmap, mprotect } = dlopen("libc.so.6", {
      mmap: { args: ["usize", "usize", "i32", "i32", "i32", "i64"], returns: "ptr" },
      mprotect: { args: ["usize", "usize", "i32"], returns: "i32" },
    }).symbols;
    const address = mmap(0, 2 * pageBytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    this.#address = Number(address);
    mprotect(this.#address + pageBytes, pageBytes, PROT_NONE);
    this.bytes = new Uint8Array(toArrayBuffer(this.#address, 0, pageBytes));
  }

  /** The address that lies `bytes` before the guard. */
  end(bytes: number): number {
    return this.#address + pageBytes - bytes;
  }
}
