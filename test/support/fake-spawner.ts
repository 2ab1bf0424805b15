// Processes that exist only in a simulation: they write a known stream, read their stdin, obey signals and end, all by the
// virtual clock and the seed, so that a whole exec can be played thousands of times a second.

import type { ByteSink, ByteSource } from "../../src/base/byte-stream.ts";
import type { Clock } from "../../src/base/clock.ts";
import type {
  LaunchedChild,
  LauncherReport,
  LaunchOrders,
  SignalScope,
  Spawner,
} from "../../src/launcher/contract.ts";

export interface FakeProgram {
  stdout: Uint8Array;
  stderr: Uint8Array;
  /** Exit code when it ends by itself. */
  code: number;
  /** Ends only after its stdin has ended. */
  readsStdin: boolean;
  /** Grandchildren that stay this long after the end. */
  treeStaysMs: number;
  /** Never ends by itself. */
  isEndless: boolean;
}

/** A pipe of the simulated kernel. */
const pipeBytesMax = 65_536;

export interface FakeWorld {
  clock: Clock;
  /** A number in [0, 1). */
  random(): number;
}

class FakeOutput implements ByteSource {
  readonly #world: FakeWorld;
  readonly #bytes: Uint8Array;
  #read = 0;
  #written = 0;
  #isEnded = false;
  #deliver: ((bytes: Uint8Array | null) => void) | null = null;
  #marks: { at: number; drained: () => void }[] = [];
  isClosed = false;

  constructor(world: FakeWorld, bytes: Uint8Array) {
    this.#world = world;
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#written === this.#bytes.length || this.isClosed;
  }

  /** The program writes a little, as far as the pipe has room. */
  step(): void {
    const room = pipeBytesMax - (this.#written - this.#read);
    const wish = Math.ceil(this.#world.random() * 40_000);
    this.#written += Math.min(room, wish, this.#bytes.length - this.#written);
    this.#serve();
  }

  end(): void {
    this.#isEnded = true;
    this.#serve();
  }

  read(deliver: (bytes: Uint8Array | null) => void): void {
    this.#deliver = deliver;
    this.#world.clock.after(0, () => this.#serve());
  }

  afterWritten(drained: () => void): void {
    this.#marks.push({ at: this.#written, drained });
    this.#world.clock.after(0, () => this.#reachMarks());
  }

  close(): void {
    this.isClosed = true;
    this.#deliver = null;
    this.#marks = [];
  }

  #serve(): void {
    const deliver = this.#deliver;
    if (!deliver || this.isClosed) return;
    if (this.#read < this.#written) {
      const length = Math.ceil(this.#world.random() * (this.#written - this.#read));
      const bytes = this.#bytes.slice(this.#read, this.#read + length);
      this.#read += length;
      this.#deliver = null;
      deliver(bytes);
    } else if (this.#isEnded) {
      this.#deliver = null;
      deliver(null);
    }
    this.#reachMarks();
  }

  #reachMarks(): void {
    for (const mark of this.#marks.filter(({ at }) => this.#read >= at)) {
      this.#marks.splice(this.#marks.indexOf(mark), 1);
      mark.drained();
    }
  }
}

class FakeInput implements ByteSink {
  readonly #world: FakeWorld;
  readonly pieces: Uint8Array[] = [];
  isEnded = false;
  isReaderGone = false;

  constructor(world: FakeWorld) {
    this.#world = world;
  }

  write(bytes: Uint8Array, done: (errno: string | null) => void): void {
    this.#world.clock.after(this.#world.random() * 5, () => {
      if (this.isReaderGone) return done("EPIPE");
      this.pieces.push(bytes.slice());
      done(null);
    });
  }

  close(): void {
    this.isEnded = true;
  }
}

export class FakeChild implements LaunchedChild {
  readonly #world: FakeWorld;
  readonly #program: FakeProgram;
  readonly #report: (report: LauncherReport) => void;
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
  readonly stdin: FakeInput | null;
  readonly orders: LaunchOrders;
  policy: string;
  isExited = false;
  isOver = false;
  stops = 0;
  signals: number[] = [];

  constructor(
    world: FakeWorld,
    orders: LaunchOrders,
    { program, report }: { program: FakeProgram; report: (report: LauncherReport) => void },
  ) {
    this.#world = world;
    this.#program = program;
    this.#report = report;
    this.orders = orders;
    this.policy = orders.policy;
    this.stdout = new FakeOutput(world, program.stdout);
    this.stderr = new FakeOutput(world, program.stderr);
    this.stdin = orders.stdin === "pipe" ? new FakeInput(world) : null;
    world.clock.after(1, () => {
      this.#tell({ kind: "started", pid: 100, launcherPid: 99 });
      this.#live();
    });
  }

  signal(_scope: SignalScope, signal: number): void {
    this.signals.push(signal);
    const hits = this.isExited ? 0 : 1;
    this.#world.clock.after(1, () => this.#tell({ kind: "signaled", signal, hits, errno: 0 }));
    if (signal === 9) this.#world.clock.after(1, () => this.#exit(9));
  }

  stop(graceMs: number): void {
    this.stops += 1;
    if (this.isOver) return;
    this.#world.clock.after(1, () => {
      if (this.isOver) return;
      this.#tell({ kind: "stopping", graceMs });
      this.#exit(15);
      this.#empty();
    });
  }

  setPolicy(policy: "stop" | "keep"): void {
    this.policy = policy;
  }

  releaseOutput(): void {
    // The simulated launcher holds no descriptors.
  }

  survivors(): { pid: number; command: string }[] {
    return [{ pid: 101, command: "grandchild" }];
  }

  #tell(report: { kind: LauncherReport["kind"]; [field: string]: unknown }): void {
    const { clock } = this.#world;
    const times = { monotonicNs: clock.monotonicNs(), realtimeNs: clock.realtimeNs() };
    this.#report({ ...report, ...times } as LauncherReport);
  }

  #live(): void {
    if (this.isExited) return;
    this.stdout.step();
    this.stderr.step();
    if (this.stdout.isClosed && this.#program.stdout.length > 0 && this.#program.isEndless) {
      return this.#exit(13);
    }
    const isFed = !this.#program.readsStdin || !this.stdin || this.stdin.isEnded;
    if (this.stdout.isDone && this.stderr.isDone && isFed && !this.#program.isEndless) {
      return this.#exit(this.#program.code << 8);
    }
    this.#world.clock.after(1 + this.#world.random() * 10, () => this.#live());
  }

  #exit(status: number): void {
    if (this.isExited) return;
    this.isExited = true;
    if (this.stdin) this.stdin.isReaderGone = true;
    const treeLeft = this.#program.treeStaysMs > 0;
    this.#tell({ kind: "exited", status, usage: noUse, treeLeft });
    if (treeLeft) this.#world.clock.after(this.#program.treeStaysMs, () => this.#empty());
    else this.#empty();
  }

  #empty(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stdout.end();
    this.stderr.end();
    this.#tell({ kind: "tree-empty" });
  }
}

const noUse = {
  userUs: 0,
  systemUs: 0,
  maxRssKib: 0,
  minorFaults: 0,
  majorFaults: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
};

export class FakeSpawner implements Spawner {
  readonly #world: FakeWorld;
  readonly #program: FakeProgram;
  readonly children: FakeChild[] = [];

  constructor(world: FakeWorld, program: FakeProgram) {
    this.#world = world;
    this.#program = program;
  }

  start(orders: LaunchOrders, report: (report: LauncherReport) => void): LaunchedChild {
    const child = new FakeChild(this.#world, orders, { program: this.#program, report });
    this.children.push(child);
    return child;
  }

  expectStart(): void {
    // Nothing to be gained here.
  }

  keepSpare(): void {
    // Nothing to be gained here.
  }

  close(): void {
    // Nobody outlives a simulation.
  }
}
