// What a controller knows of one exec so far, and whether that is the whole story. Pure: events in, a verdict out.

import type { CtlError } from "../../base/errors.ts";
import type { ResourceUse } from "../../launcher/contract.ts";
import type { Cause, Fact, OutputStream, ProcessEvent, Survivor, TreePolicy } from "./contract.ts";

type Exited = Extract<Fact, { kind: "exited" }>;
type NotStarted = Extract<Fact, { kind: "not-started" }>;

/** How the exec ended, as far as anybody can know. */
export type ExecEnd =
  | { kind: "exited"; status: number; cause: Cause }
  | { kind: "not-started"; fact: NotStarted }
  /** Nobody answered, or who answered refused: nothing was started. */
  | { kind: "failed"; error: CtlError }
  | { kind: "unknown"; why: string };

export interface StreamResult {
  /** Bytes that were written out. */
  written: number;
  /** Bytes that were thrown away on the way. */
  gapBytes: number;
  /** Why writing stopped: "EPIPE" when the reader had gone. */
  errno: string | null;
}

export interface ExecResult {
  process: string | null;
  end: ExecEnd;
  pid: number | null;
  usage: ResourceUse | null;
  startedNs: bigint | null;
  endedNs: bigint | null;
  /** Who of the tree goes on after the command. */
  survivors: Survivor[];
  streams: Record<OutputStream, StreamResult>;
}

/** What it needs to know of the streams. */
export interface StreamState {
  readonly written: number;
  readonly gapBytes: number;
  readonly errno: string | null;
}

export class ExecProgress {
  readonly #tree: TreePolicy;
  process: string | null = null;
  eventsSeen = 0n;
  #pid: number | null = null;
  #startedNs: bigint | null = null;
  #endedNs: bigint | null = null;
  #exited: Exited | null = null;
  #notStarted: NotStarted | null = null;
  #unknown: string | null = null;
  /** Why the tree is being ended; a stop always means the whole tree. */
  #stopCause: Cause | null = null;
  #isTreeEmpty = false;
  readonly #lengths: Partial<Record<OutputStream, number>> = {};

  constructor(tree: TreePolicy) {
    this.#tree = tree;
  }

  take(event: ProcessEvent): void {
    const { fact } = event;
    this.eventsSeen = event.sequence;
    switch (fact.kind) {
      case "started":
        this.#pid = fact.pid;
        this.#startedNs = event.realtimeNs;
        break;
      case "not-started":
        this.#notStarted = fact;
        break;
      case "exited":
        this.#exited = fact;
        this.#endedNs = event.realtimeNs;
        break;
      case "stream-ended":
        if (fact.stream !== "stdin") this.#lengths[fact.stream] = fact.length;
        break;
      case "stopping":
        this.#stopCause ??= fact.cause;
        break;
      case "tree-empty":
        this.#isTreeEmpty = true;
        break;
      case "unknown":
        this.#unknown = fact.why;
        break;
      case "killing":
      case "stuck":
      case "signaled":
        // Steps on the way; they decide nothing.
        break;
      default:
        fact satisfies never;
    }
  }

  /** How it ended, once nothing that matters is still to come; else null. */
  complete(streams: Record<OutputStream, StreamState>): ExecEnd | null {
    if (this.#notStarted) return { kind: "not-started", fact: this.#notStarted };
    const exited = this.#exited;
    const needsMore = !exited || (this.#waitsForTree(exited) && !this.#isTreeEmpty);
    if (needsMore && this.#unknown !== null) return { kind: "unknown", why: this.#unknown };
    if (needsMore) return null;
    if (!this.#isWritten("stdout", streams.stdout)) return null;
    if (!this.#isWritten("stderr", streams.stderr)) return null;
    const cause = this.#stopCause === "timeout" ? "timeout" : exited.cause;
    return { kind: "exited", status: exited.status, cause };
  }

  result(end: ExecEnd, streams: Record<OutputStream, StreamState>): ExecResult {
    const streamResult = ({ written, gapBytes, errno }: StreamState): StreamResult => ({
      written: written - gapBytes,
      gapBytes,
      errno,
    });
    return {
      process: this.process,
      end,
      pid: this.#pid,
      usage: this.#exited?.usage ?? null,
      startedNs: this.#startedNs,
      endedNs: this.#endedNs,
      survivors: this.#isTreeEmpty ? [] : (this.#exited?.survivors ?? []),
      streams: { stdout: streamResult(streams.stdout), stderr: streamResult(streams.stderr) },
    };
  }

  /** Whoever asked for the end of the tree, or for its company, waits until it is empty. */
  #waitsForTree(exited: Exited): boolean {
    if (this.#stopCause !== null || this.#tree === "wait") return true;
    return this.#tree === "kill" && exited.treeLeft;
  }

  #isWritten(stream: OutputStream, state: StreamState): boolean {
    if (state.errno !== null) return true;
    const untilEnd = this.#tree === "wait" ? this.#lengths[stream] : undefined;
    if (this.#tree === "wait" && untilEnd === undefined) return false;
    const exited = this.#exited;
    const atExit = stream === "stdout" ? exited?.stdoutLength : exited?.stderrLength;
    return state.written >= (untilEnd ?? atExit ?? 0);
  }
}
