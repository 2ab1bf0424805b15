// One launcher as a process: started, waiting for its orders, given them, ended. Knows the start message and the control
// socket; what a launcher reports goes another way.

import { closeFd, osErrorOf } from "../os/libc.ts";
import { createMemfd } from "../os/memfd.ts";
import { openSocketPair, sendMessage } from "../os/socket-pair.ts";
import { inlineRecordBytesMax, startMessage } from "./commands.ts";

/** What a launcher gets with its start message. */
export interface Beginning {
  record: Uint8Array;
  /** The child's stdin, stdout and stderr; for a launcher that is to keep them, the read ends of both outputs. It works on copies. */
  fds: readonly number[];
}

export interface LauncherProcessOptions {
  command: string;
  statusFd: number;
}

/** Room in the argument area, which the launcher overwrites with the label. */
const labelRoom = " ".repeat(128);
const EPIPE = 32;

export class LauncherProcess {
  readonly pid: number;
  readonly #process: Bun.Subprocess;
  #controlFd: number;
  #hasEnded = false;
  #ended: () => void = () => {};

  /** @throws OsError */
  constructor({ command, statusFd }: LauncherProcessOptions) {
    const control = openSocketPair();
    try {
      this.#process = Bun.spawn([command, labelRoom], {
        argv0: "ctl-launcher",
        cwd: "/",
        env: {},
        // A session of its own from the beginning: Ctrl-C at our terminal is not meant for it.
        detached: true,
        stdio: ["ignore", "ignore", "ignore", control.theirs, statusFd],
      });
    } catch (error) {
      closeFd(control.ours);
      throw osErrorOf(error);
    } finally {
      closeFd(control.theirs);
    }
    this.pid = this.#process.pid;
    this.#controlFd = control.ours;
    // Never rejects: an end by a signal is an end.
    void this.#process.exited.then(() => this.#end());
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Called once, when the process has ended or, if it has ended already, soon. Takes the place of what was given before. */
  onEnd(ended: () => void): void {
    if (this.#hasEnded) queueMicrotask(ended);
    this.#ended = ended;
  }

  /**
   * Only for a launcher that waits: a new one, or one whose tree is empty.
   * @returns 0, or the errno: EPIPE when it has ended meanwhile
   * @throws OsError
   */
  begin(id: bigint, { record, fds }: Beginning): number {
    if (record.length <= inlineRecordBytesMax) {
      return sendMessage(this.#controlFd, startMessage(id, fds.length, record), fds);
    }
    const recordFd = createMemfd(record, { name: "ctl-orders", executable: false });
    try {
      const all = [...fds, recordFd];
      return sendMessage(this.#controlFd, startMessage(id, all.length), all);
    } finally {
      closeFd(recordFd);
    }
  }

  /** @returns 0, or the errno: EPIPE when it has ended, EAGAIN when it is stopped and has not read for long */
  command(command: Uint8Array): number {
    return this.#controlFd < 0 ? EPIPE : sendMessage(this.#controlFd, command);
  }

  /** Hangs up: without orders it ends silently, else it follows its orphan policy. Harmless when repeated. */
  release(): void {
    if (this.#controlFd < 0) return;
    closeFd(this.#controlFd);
    this.#controlFd = -1;
    // It may stay for good; that is no reason for us to stay.
    this.#process.unref();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#ended();
  }
}
