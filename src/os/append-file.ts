// A file that only grows, one write(2) for each record, until it has its size: FILE becomes FILE.1, FILE.1 becomes FILE.2, and the
// oldest goes. Several processes may write to one such file. A failed write is counted and told, never thrown.

import type { Clock } from "../base/clock.ts";
import { errnoName } from "../base/errnos.ts";
import { nodeFs } from "./builtin.ts";
import { FileLock } from "./file-lock.ts";
import { OsError, osErrorOf } from "./libc.ts";

/** Of one file, unless somebody says otherwise. */
export const appendFileBytesMax = 16 * 1024 * 1024;
/** Old files beside the one that is written. */
export const appendFilesKept = 4;
/** Failures are told this often at most. */
export const failureReportSeconds = 60;

export interface AppendFileOptions {
  path: string;
  clock: Clock;
  bytesMax?: number | undefined;
  filesKept?: number | undefined;
  /** The first line of each file, without its line end. */
  heading(): string;
  /** A sentence about records that could not be written, or can be again. */
  report(text: string): void;
}

/** Whoever makes the first file holds the lock for less than a millisecond; others that have none yet wait so long for it. */
const lockAttempts = 50;
const lockPauseMs = 1;

const EAGAIN = 11;
const ENOSPC = 28;

interface OpenFile {
  fd: number;
  device: bigint;
  inode: bigint;
}

/** Where the next record goes: the end of an open file, and where that was just now. */
interface Place {
  fd: number;
  size: number;
}

export class AppendFile {
  readonly #options: AppendFileOptions;
  readonly #bytesMax: number;
  readonly #filesKept: number;
  #file: OpenFile | null = null;
  /** A piece of a record stands at the end of the file, and a line of its own must begin first. */
  #isTorn = false;
  #lost = 0;
  #toldNs: bigint | null = null;
  /** A failure was told, and its end was not. */
  #isFailureTold = false;

  constructor(options: AppendFileOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? appendFileBytesMax;
    this.#filesKept = options.filesKept ?? appendFilesKept;
  }

  /** Records that were not written and not reported yet. */
  get lost(): number {
    return this.#lost;
  }

  /** Writes `record` as one line; it must not contain a line end. False when it could not be written. */
  append(record: string): boolean {
    try {
      const line = Buffer.from(`${record}\n`);
      this.#write(this.#current(line.length), line);
    } catch (error) {
      this.#failed(error);
      return false;
    }
    if (this.#lost > 0) this.#succeeded();
    return true;
  }

  /** Tells of lost records that were not told yet. Harmless when repeated; a later append opens the file again. */
  close(): void {
    this.#forget();
    if (this.#lost > 0) this.#tell(`${this.#name} was closed; ${lostWords(this.#lost)}`);
    this.#lost = 0;
  }

  get #name(): string {
    return `"${this.#options.path}"`;
  }

  /** The file to write `length` more bytes to: the one that has the name now, and room for them. */
  #current(length: number): Place {
    let standing = this.#standing();
    if (standing === null) {
      this.#makeFirst();
      standing = this.#standing();
    }
    const size = standing?.size ?? 0;
    if (size === 0 || size + length <= this.#bytesMax) return this.#opened(size);
    if (this.#rotate(length)) return this.#opened(this.#standing()?.size ?? 0);
    // Somebody else is about to rotate it. A file that nobody rotates may still not grow for ever.
    if (size + length <= 2 * this.#bytesMax) return this.#opened(size);
    throw new OsError("flock", EAGAIN);
  }

  /** What has the name now; an open file that has lost it to another is let go. */
  #standing(): { size: number } | null {
    const facts = factsOf(this.#options.path);
    const file = this.#file;
    if (file && !(facts && facts.ino === file.inode && facts.dev === file.device)) this.#forget();
    return facts && { size: Number(facts.size) };
  }

  /** @param size of the file that is open; one that must be opened says itself how long it is */
  #opened(size: number): Place {
    if (this.#file) return { fd: this.#file.fd, size };
    const { O_RDWR, O_APPEND } = nodeFs().constants;
    const fd = nodeFs().openSync(this.#options.path, O_RDWR | O_APPEND);
    const facts = nodeFs().fstatSync(fd, { bigint: true });
    this.#file = { fd, device: facts.dev, inode: facts.ino };
    this.#isTorn = endsInTornLine(fd);
    return { fd, size: Number(facts.size) };
  }

  #forget(): void {
    if (this.#file) nodeFs().closeSync(this.#file.fd);
    this.#file = null;
    this.#isTorn = false;
  }

  #makeFirst(): void {
    const { path } = this.#options;
    const lock = this.#patientLock();
    try {
      if (factsOf(path) === null) this.#putNew();
    } finally {
      lock.release();
    }
  }

  #patientLock(): FileLock {
    for (let attempt = 0; attempt < lockAttempts; attempt += 1) {
      const lock = FileLock.tryAcquire(this.#lockPath);
      if (lock) return lock;
      Bun.sleepSync(lockPauseMs);
    }
    throw new OsError("flock", EAGAIN);
  }

  get #lockPath(): string {
    return `${this.#options.path}.lock`;
  }

  /** False when somebody else is at it. Afterwards there is room for `length` bytes, whoever made it. */
  #rotate(length: number): boolean {
    const { path } = this.#options;
    const lock = FileLock.tryAcquire(this.#lockPath);
    if (!lock) return false;
    try {
      const facts = factsOf(path);
      const isFull = facts !== null && Number(facts.size) + length > this.#bytesMax;
      if (isFull) this.#shift(facts.ino);
      if (isFull || facts === null) this.#putNew();
    } finally {
      lock.release();
    }
    return true;
  }

  /** Gives the full file its second name. It keeps the first until a new one takes that: the name is never without a file. */
  #shift(inode: bigint): void {
    const { path } = this.#options;
    if (this.#filesKept === 0) return;
    // Whoever was killed between the two steps left one file under both names.
    if (factsOf(`${path}.1`)?.ino === inode) return;
    let last = 0;
    while (last < this.#filesKept && factsOf(`${path}.${last + 1}`) !== null) last += 1;
    if (last === this.#filesKept) {
      nodeFs().unlinkSync(`${path}.${last}`);
      last -= 1;
    }
    for (let number = last; number > 0; number -= 1) {
      nodeFs().renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    }
    nodeFs().linkSync(path, `${path}.1`);
  }

  /** A new file, its heading already in it, takes the name. Under the lock. */
  #putNew(): void {
    const { path } = this.#options;
    const draft = `${path}.new`;
    try {
      nodeFs().writeFileSync(draft, `${this.#options.heading()}\n`, { mode: 0o600 });
      nodeFs().renameSync(draft, path);
    } catch (error) {
      nodeFs().rmSync(draft, { force: true });
      throw error;
    }
  }

  #write({ fd, size }: Place, line: Uint8Array): void {
    const bytes = this.#isTorn ? Buffer.concat([Buffer.from("\n"), line]) : line;
    const written = nodeFs().writeSync(fd, bytes);
    if (written < bytes.length) {
      // The disk is full. A piece that nobody has written behind yet can be taken back.
      const isLast = nodeFs().fstatSync(fd).size === size + written;
      if (isLast) nodeFs().ftruncateSync(fd, size);
      else this.#isTorn = true;
      throw new OsError("write", ENOSPC);
    }
    this.#isTorn = false;
  }

  #failed(error: unknown): void {
    this.#lost += 1;
    if (this.#isSoon()) return;
    this.#isFailureTold = true;
    this.#tell(
      `Cannot write to ${this.#name}: ${reasonOf(error)}; ${lostWords(this.#lost)} so far`,
    );
  }

  #succeeded(): void {
    if (!this.#isFailureTold && this.#isSoon()) return;
    this.#tell(`${this.#name} can be written again; ${lostWords(this.#lost)}`);
    this.#lost = 0;
    this.#isFailureTold = false;
  }

  /** Whether something was told a short while ago. */
  #isSoon(): boolean {
    const now = this.#options.clock.monotonicNs();
    return (
      this.#toldNs !== null && now - this.#toldNs < BigInt(failureReportSeconds) * 1_000_000_000n
    );
  }

  #tell(text: string): void {
    this.#toldNs = this.#options.clock.monotonicNs();
    this.#options.report(text);
  }
}

function factsOf(path: string): { dev: bigint; ino: bigint; size: bigint } | null {
  return nodeFs().statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}

/** How often, and after which pause, a line without an end is looked at again. */
const tornLooks = 10;
const tornPauseMs = 1;

/** What ends in the middle of a record for good: somebody else's write, which grows page by page, must be over by then. */
function endsInTornLine(fd: number): boolean {
  for (let look = 0; look < tornLooks; look += 1) {
    const length = Number(nodeFs().fstatSync(fd, { bigint: true }).size);
    if (length === 0 || endsInLine(fd, length)) return false;
    Bun.sleepSync(tornPauseMs);
  }
  return true;
}

/** A daemon that was killed on a full disk may have left a piece of a record. */
function endsInLine(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  nodeFs().readSync(fd, last, 0, 1, size - 1);
  return last[0] === lineEnd;
}

const lineEnd = 0x0a;

const lostWords = (count: number): string =>
  count === 1 ? "1 record was lost" : `${count} records were lost`;

/** The name of the system's error. A bug goes on up. */
const reasonOf = (error: unknown): string => errnoName(osErrorOf(error).errno);
