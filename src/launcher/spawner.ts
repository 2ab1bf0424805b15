// Starts children through launchers: makes their pipes, hands out orders, keeps one launcher started in advance. Whatever
// the machine refuses becomes a `not-started` report.

import type { ByteSink, ByteSource } from "../base/byte-stream.ts";
import type { Clock } from "../base/clock.ts";
import { closeFd, libc, must, OsError } from "../os/libc.ts";
import { createMemfd } from "../os/memfd.ts";
import { openPipeSink } from "../os/pipe-sink.ts";
import { openPipeSource } from "../os/pipe-source.ts";
import { O_CLOEXEC, openPipe, setNonBlocking } from "../os/pipe.ts";
import { absentChild } from "./absent-child.ts";
import { SupervisedChild } from "./child.ts";
import type {
  LaunchedChild,
  LauncherReport,
  LaunchOrders,
  LaunchPhase,
  Spawner,
} from "./contract.ts";
import { type ImageOptions, type LauncherImage, openImage } from "./image.ts";
import { LauncherProcess, type StartFds } from "./launcher-process.ts";
import { encodeOrders } from "./orders.ts";
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
const spareDelayMs = 5;

export class LauncherSpawner implements Spawner {
  readonly #options: LauncherSpawnerOptions;
  readonly #children = new Set<SupervisedChild>();
  #machinery: Machinery | null = null;
  #spare: LauncherProcess | null = null;
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
    } else {
      this.#cancelSpareTimer?.();
      this.#cancelSpareTimer = null;
      this.#spare?.release();
      this.#spare = null;
    }
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
    const machinery = refusedIn("clone", () => this.#openMachinery());
    // The child's ends are closed here in any case, ours when the start fails.
    using theirs = new DisposableStack();
    using ours = new DisposableStack();
    const stdin = orders.stdin === "pipe" ? openInput(ours, theirs) : null;
    const stdout = openOutput(ours, theirs);
    const stderr = openOutput(ours, theirs);
    const ordersFd = refusedIn("clone", () =>
      createMemfd(encodeOrders(orders), { name: "ctl-orders", executable: false }),
    );
    theirs.defer(() => closeFd(ordersFd));
    const fds: StartFds = {
      orders: ordersFd,
      standard: [stdin?.theirFd ?? machinery.nullFd, stdout.theirFd, stderr.theirFd],
      ...(orders.policy === "keep" ? { output: [stdout.ourFd, stderr.ourFd] } : {}),
    };
    const launcher = refusedIn("clone", () => this.#begin(orders.id, fds));
    ours.move();
    const child: SupervisedChild = new SupervisedChild({
      id: orders.id,
      launcher,
      status: machinery.status,
      clock: this.#options.clock,
      stdin: stdin && stdin.sink,
      stdout: stdout.source,
      stderr: stderr.source,
      report,
      ended: () => this.#childEnded(child),
    });
    this.#children.add(child);
    return child;
  }

  /** Hands the orders to the spare launcher or to a new one. @throws OsError */
  #begin(id: bigint, fds: StartFds): LauncherProcess {
    const spare = this.#spare;
    this.#spare = null;
    this.#scheduleSpare();
    if (spare && spare.begin(id, fds) === 0) return spare;
    // A spare that is no more, which only somebody else's signal can cause.
    spare?.release();
    const launcher = this.#startLauncher();
    const errno = launcher.begin(id, fds);
    if (errno === 0) return launcher;
    launcher.release();
    throw new OsError("sendmsg", errno);
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
    if (!this.#isSpareWanted || this.#spare) return;
    try {
      this.#spare = this.#startLauncher();
    } catch (error) {
      // The next start will meet the same refusal and report it.
      if (!(error instanceof OsError)) throw error;
    }
  }

  #childEnded(child: SupervisedChild): void {
    this.#children.delete(child);
    // After whatever the end of the child sets off.
    if (this.#cancelSpareTimer) setImmediate(() => this.#makeSpare());
  }

  #openMachinery(): Machinery {
    if (this.#machinery) return this.#machinery;
    using undo = new DisposableStack();
    const nullFd = must("open", libc().open("/dev/null", O_RDWR | O_CLOEXEC, 0));
    undo.defer(() => closeFd(nullFd));
    const image = openImage(this.#options.image);
    undo.defer(() => image.close());
    const status = new StatusPipe();
    undo.move();
    this.#machinery = { image, status, nullFd };
    return this.#machinery;
  }
}

/** The machine refused a step of a start. */
class StartRefused extends Error {
  override name = "StartRefused";
  readonly phase: LaunchPhase;
  readonly errno: number;

  constructor(phase: LaunchPhase, cause: OsError) {
    super(`Refused in phase "${phase}"`, { cause });
    this.phase = phase;
    this.errno = cause.errno;
  }
}

function refusedIn<Value>(phase: LaunchPhase, step: () => Value): Value {
  try {
    return step();
  } catch (error) {
    if (error instanceof OsError) throw new StartRefused(phase, error);
    throw error;
  }
}

interface Ends {
  ourFd: number;
  theirFd: number;
}

function openInput(ours: DisposableStack, theirs: DisposableStack): Ends & { sink: ByteSink } {
  return refusedIn("stdio", () => {
    const { readFd, writeFd } = openPipe();
    theirs.defer(() => closeFd(readFd));
    const sink = openPipeSink(writeFd);
    ours.defer(() => sink.close());
    setNonBlocking(writeFd);
    return { ourFd: writeFd, theirFd: readFd, sink };
  });
}

function openOutput(ours: DisposableStack, theirs: DisposableStack): Ends & { source: ByteSource } {
  return refusedIn("stdio", () => {
    const { readFd, writeFd } = openPipe();
    theirs.defer(() => closeFd(writeFd));
    try {
      setNonBlocking(readFd);
      const source = openPipeSource(readFd);
      ours.defer(() => source.close());
      return { ourFd: readFd, theirFd: writeFd, source };
    } catch (error) {
      closeFd(readFd);
      throw error;
    }
  });
}
