// Processes: what can be asked, what can happen, and how they end. Plain types; the words are those of docs/glossary.

import type { LaunchPhase, ResourceUse, SignalScope } from "../../launcher/contract.ts";

export type StreamName = "stdin" | "stdout" | "stderr";
export type OutputStream = "stdout" | "stderr";
export type OnDisconnect = "kill" | "keep";
export type TreePolicy = "leave" | "kill" | "wait";
export type Phase = "session" | LaunchPhase;

/** Who or what ended a process. The first that asked for its end is the cause. */
export type Cause =
  | "app"
  | "user"
  | "timeout"
  | "lease"
  | "fail-fast"
  | "limit"
  | "oom"
  | "fault"
  | "daemon"
  | "scenario";

/** Starts a process and follows it. Sent again it names the same process, by `key`. */
export interface Start {
  kind: "start";
  /** 128 random bits. */
  key: Uint8Array;
  /** The daemon's life that this was first sent to; another that does not know the key refuses. */
  incarnation: Uint8Array;
  argv: Uint8Array[];
  /** NAME=VALUE each, added to what the node gives every process. */
  env: Uint8Array[];
  /** Empty: the home directory. */
  directory: Uint8Array;
  stdin: boolean;
  /** 0: no limit. */
  timeoutMs: number;
  graceMs: number;
  onDisconnect: OnDisconnect;
  leaseMs: number;
  tree: TreePolicy;
}

/** Follows a process that the sender started, from where the last connection broke off. */
export interface Attach {
  kind: "attach";
  key: Uint8Array;
  stdoutOffset: number;
  stderrOffset: number;
  /** Sequence number of the last event received of this process; 0n for none. */
  eventsSeen: bigint;
}

/** The answer to Start and Attach; events and output follow. */
export interface Accepted {
  kind: "accepted";
  /** "p_" and 8 letters: 40 random bits. */
  process: string;
  stdinOffset: number;
}

export interface Output {
  kind: "output";
  stream: StreamName;
  offset: number;
  bytes: Uint8Array;
}

/** This part of the stream was thrown away because nobody could receive it. */
export interface OutputGap {
  kind: "output-gap";
  stream: StreamName;
  offset: number;
  length: number;
}

export interface Input {
  kind: "input";
  offset: number;
  bytes: Uint8Array;
  /** Nothing follows. */
  end: boolean;
}

/** Everything before `offset` was written out and may be forgotten. */
export interface Credit {
  kind: "credit";
  stream: StreamName;
  offset: number;
}

/** Nobody reads this stream any more. */
export interface CloseStream {
  kind: "close-stream";
  stream: StreamName;
}

/** Has its effect once per `serial`, however often it is sent. */
export interface Signal {
  kind: "signal";
  serial: number;
  signal: number;
  scope: SignalScope;
}

/** TERM to the whole tree, KILL after the grace. */
export interface Stop {
  kind: "stop";
  graceMs: number;
}

/** The sender has all that it wants; losing it from now on means nothing. */
export interface Release {
  kind: "release";
}

export interface Survivor {
  pid: number;
  command: Uint8Array;
}

/** What can happen to a process. "It ended", "all its output is in" and "its tree is empty" are three facts. */
export type Fact =
  | { kind: "started"; pid: number }
  | { kind: "not-started"; phase: Phase; errno: number; path: Uint8Array; interpreter: boolean }
  | {
      kind: "exited";
      /** Raw wait status. */
      status: number;
      cause: Cause;
      usage: ResourceUse;
      /** At most this much was written to the stream before the end; the reader waits for it and no more. */
      stdoutLength: number;
      stderrLength: number;
      treeLeft: boolean;
      survivors: Survivor[];
    }
  | { kind: "stream-ended"; stream: StreamName; length: number }
  | { kind: "tree-empty" }
  | { kind: "stopping"; cause: Cause; graceMs: number }
  | { kind: "killing" }
  | { kind: "stuck"; left: number; pid: number }
  | { kind: "signaled"; serial: number; signal: number; hits: number; errno: number }
  /** The end lies between two moments of CLOCK_REALTIME, and nobody can know how it was. */
  | { kind: "unknown"; why: string; fromNs: bigint; toNs: bigint };

export interface ProcessEvent {
  kind: "event";
  /** Gap-free within one life of the daemon, over all its processes. */
  sequence: bigint;
  monotonicNs: bigint;
  realtimeNs: bigint;
  process: string;
  fact: Fact;
}

export type ProcessMessage =
  | Start
  | Attach
  | Accepted
  | Output
  | OutputGap
  | Input
  | Credit
  | CloseStream
  | Signal
  | Stop
  | Release
  | ProcessEvent;
