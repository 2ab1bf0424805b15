// One holder per lock file, enforced by the kernel: it lets go when the holder ends, however that happens.

import { nodeFs } from "./builtin.ts";
import { libc } from "./libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;

export class FileLock {
  #fd: number | null;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Null when somebody else holds it. @throws the system's error when the file cannot be opened */
  static tryAcquire(path: string): FileLock | null {
    const fd = nodeFs().openSync(path, "a", 0o600);
    if (libc().flock(fd, LOCK_EX | LOCK_NB) === 0) return new FileLock(fd);
    nodeFs().closeSync(fd);
    return null;
  }

  get isHeld(): boolean {
    return this.#fd !== null;
  }

  /** The file stays: removing it would let two holders lock two files of one name. Harmless when repeated. */
  release(): void {
    if (this.#fd === null) return;
    nodeFs().closeSync(this.#fd);
    this.#fd = null;
  }
}
