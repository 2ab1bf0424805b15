// A launched child as the daemon holds it: commands to its launcher, its streams, and its reports up to the last one.

import type { ByteSink, ByteSource } from "../base/byte-stream.ts";
import type { Clock } from "../base/clock.ts";
import { descendantsOf } from "../os/process-tree.ts";
import { policyCommand, releaseOutputCommand, signalCommand, stopCommand } from "./commands.ts";
import type { LaunchedChild, LauncherReport, OrphanPolicy, SignalScope } from "./contract.ts";
import type { LauncherProcess } from "./launcher-process.ts";
import type { StatusListener, StatusPipe } from "./status-pipe.ts";

export interface SupervisedChildOptions {
  id: bigint;
  launcher: LauncherProcess;
  status: StatusPipe;
  clock: Clock;
  stdin: ByteSink | null;
  stdout: ByteSource;
  stderr: ByteSource;
  report(report: LauncherReport): void;
  /** The last report was given, or the child was let go. Who gets the launcher owns it: it waits for its next orders. */
  ended(waiting: LauncherProcess | null): void;
}

export class SupervisedChild implements LaunchedChild, StatusListener {
  readonly stdin: ByteSink | null;
  readonly stdout: ByteSource;
  readonly stderr: ByteSource;
  readonly #options: SupervisedChildOptions;
  #isOver = false;

  constructor(options: SupervisedChildOptions) {
    const { id, launcher, status, stdin, stdout, stderr } = options;
    this.#options = options;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    status.listen(id, this);
    launcher.onEnd(() => {
      if (!this.#isOver) status.mark(id);
    });
  }

  report(report: LauncherReport): void {
    if (isLast(report)) this.#finish(report.kind === "tree-empty");
    this.#options.report(report);
  }

  /** The launcher has ended and the last of its reports was not among them. */
  marked(): void {
    if (!this.#isOver) this.report({ kind: "launcher-lost", ...this.#now() });
  }

  signal(scope: SignalScope, signal: number): void {
    if (this.#isOver) return;
    const errno = this.#options.launcher.command(signalCommand(scope, signal));
    if (errno === 0) return;
    queueMicrotask(() => {
      if (this.#isOver) return;
      this.#options.report({ kind: "signaled", ...this.#now(), signal, hits: 0, errno });
    });
  }

  stop(graceMs: number): void {
    this.#command(stopCommand(graceMs));
  }

  setPolicy(policy: OrphanPolicy, graceMs: number): void {
    this.#command(policyCommand(policy, graceMs));
  }

  releaseOutput(): void {
    this.#command(releaseOutputCommand());
  }

  survivors(most: number): { pid: number; command: string }[] {
    const { launcher } = this.#options;
    // Once it has ended, its pid may be a stranger's.
    return this.#isOver || launcher.hasEnded ? [] : descendantsOf(launcher.pid, most);
  }

  /** Reports nothing more; the launcher follows its orphan policy. */
  abandon(): void {
    this.stdin?.close();
    this.stdout.close();
    this.stderr.close();
    if (!this.#isOver) this.#finish(false);
  }

  /**
   * A launcher that does not take a command has ended, which its last report will say, or is stopped; then it takes what is in
   * its socket, some hundred commands, as soon as it goes on. After the end it may work for somebody else.
   */
  #command(command: Uint8Array): void {
    if (!this.#isOver) this.#options.launcher.command(command);
  }

  #finish(isWaiting: boolean): void {
    const { id, launcher, status } = this.#options;
    this.#isOver = true;
    status.forget(id);
    if (!isWaiting) launcher.release();
    this.#options.ended(isWaiting ? launcher : null);
  }

  #now(): { monotonicNs: bigint; realtimeNs: bigint } {
    const { clock } = this.#options;
    return { monotonicNs: clock.monotonicNs(), realtimeNs: clock.realtimeNs() };
  }
}

function isLast(report: LauncherReport): boolean {
  return (
    report.kind === "tree-empty" || report.kind === "not-started" || report.kind === "launcher-lost"
  );
}
