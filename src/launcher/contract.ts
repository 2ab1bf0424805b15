// What the daemon may ask of a launcher, and what a launcher reports. Plain types; the core knows nothing else of it.

import type { ByteSink, ByteSource } from "../base/byte-stream.ts";

/** Where a start can fail, in the order of the steps. */
export type LaunchPhase =
  "request" | "cgroup" | "clone" | "setup" | "limits" | "user" | "chdir" | "stdio" | "exec";

/** What the launcher does when the daemon has gone: end the tree (TERM, grace, KILL) or leave it running. */
export type OrphanPolicy = "stop" | "keep";

export interface ResourceLimit {
  /** The kernel's number, RLIMIT_*. */
  resource: number;
  soft: bigint;
  hard: bigint;
}

/** What a child gets of its own; what is absent stays as the daemon has it. */
export interface ChildAttributes {
  /** User, group and all supplementary groups, by number. */
  user?: { uid: number; gid: number; groups: readonly number[] };
  umask?: number;
  nice?: number;
  oomScoreAdjust?: number;
  /** Numbers of the CPUs that it may run on. */
  affinity?: readonly number[];
  /** CLONE_NEW* flags for namespaces of its own; other flags are refused. */
  namespaces?: number;
  /** A /proc of its own; needs a mount namespace. */
  mountProc?: boolean;
}

export interface LaunchOrders {
  /** Names the process in every report; 64 bits. */
  id: bigint;
  /** argv[0] is searched in PATH of `env` unless it has a slash. At least one. No NUL inside. */
  argv: readonly Uint8Array[];
  /** NAME=VALUE each. */
  env: readonly Uint8Array[];
  /** Absolute, or empty for "/". */
  directory: Uint8Array;
  policy: OrphanPolicy;
  graceMs: number;
  limits: readonly ResourceLimit[];
  attributes?: ChildAttributes;
  /** A pipe that the daemon writes to, or /dev/null. Output always goes through two pipes. */
  stdin: "pipe" | "null";
  /** Shown by ps beside the launcher; what is longer than about 120 bytes is cut. */
  label: string;
}

/** Every report carries both clocks of the moment when the launcher saw it. */
export interface ReportTimes {
  monotonicNs: bigint;
  realtimeNs: bigint;
}

export interface ResourceUse {
  userUs: number;
  systemUs: number;
  maxRssKib: number;
  minorFaults: number;
  majorFaults: number;
  voluntarySwitches: number;
  involuntarySwitches: number;
}

export type LauncherReport = ReportTimes &
  (
    | { kind: "started"; pid: number; launcherPid: number }
    /** `interpreter`: the file is there, what its "#!" line or ELF header names (`path`) is not. */
    | {
        kind: "not-started";
        phase: LaunchPhase;
        errno: number;
        path: Uint8Array;
        interpreter: boolean;
      }
    /** `status` is the raw wait status. `treeLeft`: others of the tree are still there. */
    | { kind: "exited"; status: number; usage: ResourceUse; treeLeft: boolean }
    | { kind: "tree-empty" }
    /** The answer to a signal: how many processes got it; 0 with an errno when none could. */
    | { kind: "signaled"; signal: number; hits: number; errno: number }
    | { kind: "stopping"; graceMs: number }
    | { kind: "killing" }
    /** KILL was sent for two seconds and `left` processes, `pid` among them, are still there. */
    | { kind: "stuck"; left: number; pid: number }
    /** The launcher itself was killed before it could report the end; nothing more will come. */
    | { kind: "launcher-lost" }
  );

/** main: the process itself; group: its process group; tree: everything below the launcher. */
export type SignalScope = "main" | "group" | "tree";

export interface LaunchedChild {
  /** Null with `stdin: "null"`. */
  readonly stdin: ByteSink | null;
  readonly stdout: ByteSource;
  readonly stderr: ByteSource;
  signal(scope: SignalScope, signal: number): void;
  /** TERM (and CONT) to the tree, KILL after the grace, until nothing is left. A shorter grace replaces a longer one. */
  stop(graceMs: number): void;
  setPolicy(policy: OrphanPolicy, graceMs: number): void;
  /** The launcher lets go of its copies of the output pipes' read ends (it has them only under `keep`). */
  releaseOutput(): void;
  /** Who of the tree is alive now, the launcher itself left out; at most `most` of them. */
  survivors(most: number): { pid: number; command: string }[];
}

export interface Spawner {
  /**
   * Starts one launcher. Reports arrive one by one, never synchronously, in the order of the facts; the last is
   * `tree-empty`, a `not-started`, or `launcher-lost`. When the launcher itself cannot be started, that arrives as `not-started` too.
   */
  start(orders: LaunchOrders, report: (report: LauncherReport) => void): LaunchedChild;
  /** A start is about to come: one launcher is started in advance, on a later turn. `keepSpare(false)` takes it back. */
  expectStart(): void;
  /** While true, one launcher is kept started in advance. */
  keepSpare(wanted: boolean): void;
  /** Lets go of everything; every launcher then follows its orphan policy. */
  close(): void;
}
