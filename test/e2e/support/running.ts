// One run of the compiled ctl, seen from outside: what it has written so far, and how it ended.

import { until } from "../../support/until.ts";

export interface RunOptions {
  /** What it reads; /dev/null when absent. */
  stdin?: string | Uint8Array;
  /** Leaves its input to `write` and `endInput` instead. */
  keepInputOpen?: boolean;
  /** Added to the environment of the sandbox; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** The run is killed and the test fails after this long. */
  timeoutMs?: number;
}

export interface Ended {
  stdout: Uint8Array;
  /** `stdout` as text. */
  text: string;
  stderr: string;
  /** Null when a signal ended it. */
  code: number | null;
  signal: string | null;
}

export interface Running {
  readonly pid: number;
  stdoutText(): string;
  stderrText(): string;
  write(bytes: string | Uint8Array): void;
  endInput(): void;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended and all that it wrote has been read. */
  readonly ended: Promise<Ended>;
}

export const runTimeoutMs = 60_000;

/** @param command the program and its arguments */
export function start(command: readonly string[], options: RunOptions & { env: Env }): Running {
  const child = Bun.spawn([...command], {
    env: options.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: inputOf(options),
    stdout: "pipe",
    stderr: "pipe",
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const timeoutMs = options.timeoutMs ?? runTimeoutMs;

  async function end(): Promise<Ended> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    await child.exited;
    await Promise.all([stdout.done, stderr.done]);
    clearTimeout(timer);
    if (isLate) {
      const tail = `stdout: ${stdout.text().slice(-500)}\nstderr: ${stderr.text().slice(-500)}`;
      throw new Error(`Not finished after ${timeoutMs} ms: ${command.join(" ")}\n${tail}`);
    }
    return {
      stdout: stdout.bytes(),
      text: stdout.text(),
      stderr: stderr.text(),
      code: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
    };
  }

  return {
    pid: child.pid,
    stdoutText: () => stdout.text(),
    stderrText: () => stderr.text(),
    write: (bytes) => void sinkOf(child.stdin).write(bytes),
    endInput: () => void sinkOf(child.stdin).end(),
    signal: (name) => child.kill(name),
    ended: end(),
  };
}

/** Waits until `pattern` has appeared in what the run wrote, on either stream; the match. */
export async function said(
  run: Running,
  pattern: RegExp,
  timeoutMs = 10_000,
): Promise<RegExpExecArray> {
  const match = (): RegExpExecArray | null =>
    pattern.exec(run.stdoutText()) ?? pattern.exec(run.stderrText());
  try {
    return await until(match, { timeoutMs, what: `${pattern} in its output` });
  } catch (error) {
    const so = `stdout: ${run.stdoutText()}\nstderr: ${run.stderrText()}`;
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${so}`, {
      cause: error,
    });
  }
}

export type Env = Record<string, string | undefined>;

interface Collected {
  bytes(): Uint8Array;
  text(): string;
  readonly done: Promise<void>;
}

function collect(stream: ReadableStream<Uint8Array>): Collected {
  const chunks: Uint8Array[] = [];
  async function read(): Promise<void> {
    for await (const chunk of stream) chunks.push(chunk);
  }
  const bytes = (): Uint8Array => Buffer.concat(chunks);
  return { bytes, text: () => new TextDecoder().decode(bytes()), done: read() };
}

function inputOf(options: RunOptions): "ignore" | "pipe" | Uint8Array {
  if (options.keepInputOpen) return "pipe";
  return options.stdin === undefined ? "ignore" : Buffer.from(options.stdin);
}

function sinkOf(stdin: Bun.FileSink | number | undefined): Bun.FileSink {
  if (typeof stdin !== "object") throw new Error("Its input is not open: use keepInputOpen");
  return stdin;
}
