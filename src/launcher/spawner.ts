// Starts children through launchers: makes their pipes, hands out orders, keeps one launcher started in advance and uses those
// again whose tree is empty. Whatever the machine refuses becomes a `not-started` report.

import type { Clock } from "../base/clock.ts";
import { closeFd, libc, must, OsError } from "../os/libc.ts";
import { O_CLOEXEC } from "../os/pipe.ts";
import { absentChild } from "./absent-child.ts";
import { closeInputPipe, type InputPipe, openInputPipe } from "./child-pipes.ts";
import { SupervisedChild } from "./child.ts";
import type { LaunchedChild, LauncherReport, LaunchOrders, Spawner } from "./contract.ts";
import { type ImageOptions, type LauncherImage, openImage } from "./image.ts";
import { LauncherProcess } from "./launcher-process.ts";
import { encodeOrders } from "./orders.ts";
import { discard, type Preparation, prepare } from "./preparation.ts";
import { refusedIn, StartRefused } from "./refusal.ts";
import { StatusPipe } from "./status-pipe.ts";

export interface LauncherSpawnerOptions {
  clock: Clock;
  image?: ImageOptions;
}

/** What all launchers share; opened when the first one is needed. */
interface Machinery {
  image: LauncherImage;
  status: StatusPipe;
  nullFd: number;
}

const O_RDWR = 2;
const ESHUTDOWN = 108;
const spareDelayMs = 20;
/** Launchers that wait for their next orders while there is a session: as many as a burst of short commands leaves behind. */
const waitingMax = 8;

export class LauncherSpawner implements Spawner {
  readonly #options: LauncherSpawnerOptions;
  readonly #children = new Set<SupervisedChild>();
  #machinery: Machinery | null = null;
  #spare: Preparation | null = null;
  #waiting: LauncherProcess[] = [];
  #isSpareWanted = false;
  #isClosed = false;
  #cancelSpareTimer: (() => void) | null = null;

  constructor(options: LauncherSpawnerOptions) {
    this.#options = options;
  }

  start(orders: LaunchOrders, report: (report: LauncherReport) => void): LaunchedChild {
    try {
      return this.#start(orders, report);
    } catch (error) {
      if (!(error instanceof StartRefused)) throw error;
      const { phase, errno } = error;
      const { clock } = this.#options;
      const times = { monotonicNs: clock.monotonicNs(), realtimeNs: clock.realtimeNs() };
      const path = new Uint8Array(0);
      queueMicrotask(() => {
        report({ kind: "not-started", ...times, phase, errno, path, interpreter: false });
      });
      return absentChild(orders);
    }
  }

  keepSpare(wanted: boolean): void {
    this.#isSpareWanted = wanted;
    if (wanted) {
      setImmediate(() => this.#makeSpare());
      return;
    }
    this.#cancelSpareTimer?.();
    this.#cancelSpareTimer = null;
    if (this.#spare) discard(this.#spare);
    this.#spare = null;
    for (const launcher of this.#waiting.splice(0)) launcher.release();
  }

  expectStart(): void {
    setImmediate(() => {
      if (!this.#isClosed) this.#prepareSpare();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.keepSpare(false);
    for (const child of this.#children) child.abandon();
    if (!this.#machinery) return;
    const { image, status, nullFd } = this.#machinery;
    this.#machinery = null;
    status.close();
    image.close();
    closeFd(nullFd);
  }

  #start(orders: LaunchOrders, report: (report: LauncherReport) => void): LaunchedChild {
    if (this.#isClosed) throw new StartRefused("clone", new OsError("start", ESHUTDOWN));
    using undo = new DisposableStack();
    const stdin = orders.stdin === "pipe" ? refusedIn("stdio", openInputPipe) : null;
    if (stdin) undo.defer(() => closeInputPipe(stdin));
    const { launcher, stdout, stderr } = this.#begin(orders, stdin);
    undo.move();
    if (stdin) closeFd(stdin.childFd);
    closeFd(stdout.childFd);
    closeFd(stderr.childFd);
    const child: SupervisedChild = new SupervisedChild({
      id: orders.id,
      launcher,
      status: this.#openMachinery().status,
      clock: this.#options.clock,
      stdin: stdin && stdin.sink,
      stdout: stdout.source,
      stderr: stderr.source,
      report,
      ended: (waiting) => this.#childEnded(child, waiting),
    });
    this.#children.add(child);
    return child;
  }

  /** Hands the orders to a launcher that waits or to a new one. @throws StartRefused */
  #begin(orders: LaunchOrders, stdin: InputPipe | null): Preparation {
    for (let spare = this.#takeSpare(); spare; spare = this.#takeSpare()) {
      if (this.#handOver(spare, orders, stdin) === 0) return spare;
      // It is no more, which only somebody else's signal can cause.
      discard(spare);
    }
    using undo = new DisposableStack();
    const fresh = this.#prepare();
    undo.defer(() => discard(fresh));
    const errno = this.#handOver(fresh, orders, stdin);
    if (errno !== 0) throw new StartRefused("clone", new OsError("sendmsg", errno));
    undo.move();
    return fresh;
  }

  /** @throws StartRefused */
  #takeSpare(): Preparation | null {
    const spare = this.#spare ?? (this.#waiting.length > 0 ? this.#prepare() : null);
    this.#spare = null;
    if (this.#waiting.length === 0) this.#scheduleSpare();
    return spare;
  }

  /** @throws StartRefused */
  #prepare(): Preparation {
    return prepare(() => this.#waiting.pop() ?? this.#startLauncher());
  }

  /** @returns 0, or the errno @throws StartRefused */
  #handOver(to: Preparation, orders: LaunchOrders, stdin: InputPipe | null): number {
    const { nullFd } = this.#openMachinery();
    const { launcher, stdout, stderr } = to;
    const standard = [stdin?.childFd ?? nullFd, stdout.childFd, stderr.childFd] as const;
    const output = [stdout.sourceFd, stderr.sourceFd] as const;
    return refusedIn("clone", () =>
      launcher.begin(orders.id, {
        record: encodeOrders(orders),
        fds: orders.policy === "keep" ? [...standard, ...output] : standard,
      }),
    );
  }

  #startLauncher(): LauncherProcess {
    const { image, status } = this.#openMachinery();
    return new LauncherProcess({ command: image.command, statusFd: status.writeFd });
  }

  /**
   * Not at once: whoever starts a child waits for that child, and the next one's launcher would compete with it for the
   * processors. When a child has ended or after a while, whichever comes first.
   */
  #scheduleSpare(): void {
    if (!this.#isSpareWanted || this.#spare || this.#cancelSpareTimer) return;
    this.#cancelSpareTimer = this.#options.clock.after(spareDelayMs, () => this.#makeSpare());
  }

  #makeSpare(): void {
    this.#cancelSpareTimer?.();
    this.#cancelSpareTimer = null;
    if (this.#isSpareWanted) this.#prepareSpare();
  }

  #prepareSpare(): void {
    if (this.#spare) return;
    try {
      this.#spare = this.#prepare();
    } catch (error) {
      // The next start will meet the same refusal and report it.
      if (!(error instanceof StartRefused)) throw error;
    }
  }

  #childEnded(child: SupervisedChild, waiting: LauncherProcess | null): void {
    this.#children.delete(child);
    if (waiting) this.#takeBack(waiting);
    // After whatever the end of the child sets off.
    if (this.#isSpareWanted && !this.#spare) setImmediate(() => this.#makeSpare());
  }

  #takeBack(launcher: LauncherProcess): void {
    if (!this.#isSpareWanted || this.#waiting.length >= waitingMax) return launcher.release();
    // Nobody's child any more: whoever takes it finds out whether it still is.
    launcher.onEnd(() => {});
    this.#waiting.push(launcher);
  }

  /** @throws StartRefused */
  #openMachinery(): Machinery {
    this.#machinery ??= refusedIn("clone", () => openMachinery(this.#options.image));
    return this.#machinery;
  }
}

function openMachinery(options: ImageOptions | undefined): Machinery {
  using undo = new DisposableStack();
  const nullFd = must("open", libc().open("/dev/null", O_RDWR | O_CLOEXEC, 0));
  undo.defer(() => closeFd(nullFd));
  const image = openImage(options);
  undo.defer(() => image.close());
  const status = new StatusPipe();
  undo.move();
  return { image, status, nullFd };
}
