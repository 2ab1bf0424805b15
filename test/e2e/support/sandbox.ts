// The compiled ctl as a black box, in a directory and with a runtime directory of its own. Whatever was started here has ended when
// the sandbox has been disposed, and disposing fails when something was left behind.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensureBuilt } from "../../../scripts/build.ts";
import type { Key, Role } from "../../../src/keys/contract.ts";
import { createCluster, issueKey } from "../../../src/keys/issue.ts";
import { printKey } from "../../../src/keys/key-file.ts";
import { until } from "../../support/until.ts";
import { adoptOrphans, descendants, type ProcessInfo } from "./processes.ts";
import { type Ended, type Running, type RunOptions, said, start } from "./running.ts";

export const insecure = "--insecure-no-authentication";

export interface DaemonOptions {
  /** Without a key, for everybody; unless `args` say otherwise. */
  isOpen?: boolean;
  /** Words after `ctl daemon`; the usual ones when absent. */
  args?: readonly string[];
  /** More words after the usual ones. */
  more?: readonly string[];
  env?: Record<string, string | undefined>;
}

export interface Daemon extends AsyncDisposable {
  readonly run: Running;
  readonly pid: number;
  /** "127.0.0.1:PORT", as a node name. */
  readonly address: string;
  readonly port: number;
  /** Path of its Unix socket. */
  readonly socket: string;
  /** SIGTERM; fails when it does not exit 0 soon. */
  stop(): Promise<Ended>;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
}

export interface Sandbox extends AsyncDisposable {
  /** For whatever the test needs; removed at the end. */
  readonly directory: string;
  readonly executable: string;
  /** The directory with operator.key and node.key. */
  readonly keys: string;
  /** Added to an environment it makes that of somebody who has no key. */
  readonly keyless: Record<string, string>;
  /** Words for daemons that are started by hand: the usual state directory may be that of this machine. */
  readonly state: readonly string[];
  /** Runs ctl to its end. */
  ctl(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Starts ctl and leaves it running. */
  start(args: readonly string[], options?: RunOptions): Running;
  /** A daemon on a free port and a private socket; resolves when it listens. */
  startDaemon(options?: DaemonOptions): Promise<Daemon>;
  /**
   * Launchers, children and orphans that are alive: everything below this test that has come since the sandbox was opened,
   * without the runs that were started here.
   */
  leftovers(): ProcessInfo[];
}

export async function openSandbox(): Promise<Sandbox> {
  adoptOrphans();
  const box = new Box(await ensureBuilt());
  box.keep(await keysOfTests());
  return box;
}

/** One cluster for all sandboxes of this process: issuing takes a moment. */
let cluster: Promise<Record<Role, Key>> | null = null;

export function keysOfTests(): Promise<Record<Role, Key>> {
  cluster ??= createCluster().then(async (operator) => ({
    operator,
    node: await issueKey(operator, { role: "node", name: "node" }),
    observer: await issueKey(operator, { role: "observer", name: "observer" }),
  }));
  return cluster;
}

class Box implements Sandbox {
  // Short, because the path of a Unix socket has at most 107 bytes.
  readonly directory = mkdtempSync(join(tmpdir(), "ctl-e2e-"));
  readonly executable: string;
  readonly #runs = new Map<number, Running>();
  readonly #runtime = join(this.directory, "run");
  readonly #strangers = new Set(descendants().map((entry) => entry.pid));
  #daemonCount = 0;

  constructor(executable: string) {
    this.executable = executable;
    mkdirSync(this.#runtime, { mode: 0o700 });
    mkdirSync(this.keys, { recursive: true });
    for (const path of Object.values(this.keyless)) mkdirSync(path);
  }

  /** Where controllers and daemons look by themselves. */
  get keys(): string {
    return join(this.directory, "home", ".config", "ctl");
  }

  get keyless(): Record<string, string> {
    return { HOME: join(this.directory, "keyless") };
  }

  get state(): readonly string[] {
    return ["--state-dir", join(this.directory, "state")];
  }

  keep({ operator, node }: Record<Role, Key>): void {
    for (const key of [operator, node]) {
      const path = join(this.keys, `${key.identity.role}.key`);
      writeFileSync(path, printKey(key), { mode: 0o600 });
    }
  }

  async ctl(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return await this.start(args, options).ended;
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    const env = {
      PATH: process.env["PATH"],
      HOME: join(this.directory, "home"),
      XDG_RUNTIME_DIR: this.#runtime,
      ...options.env,
    };
    const run = start([this.executable, ...args], { cwd: this.directory, ...options, env });
    this.#runs.set(run.pid, run);
    // Whoever started it hears how it ended; here it only leaves the list.
    const forget = (): void => void this.#runs.delete(run.pid);
    void run.ended.then(forget, forget);
    return run;
  }

  async startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
    this.#daemonCount += 1;
    const socket = join(this.directory, `daemon-${this.#daemonCount}.sock`);
    const state = join(this.directory, `state-${this.#daemonCount}`);
    const usual = [
      "--port",
      "0",
      "--listen",
      "127.0.0.1",
      "--socket",
      socket,
      "--state-dir",
      state,
    ];
    if (options.isOpen) usual.push(insecure);
    const args = ["daemon", ...(options.args ?? usual), ...(options.more ?? [])];
    const env = { ...(options.isOpen ? this.keyless : {}), ...options.env };
    const run = this.start(args, { timeoutMs: 10 * 60_000, env });
    const [, host = "", port = ""] = await said(run, /ctl: listening on (\S+):(\d+)$/m);
    return daemonOf(run, { address: `${host}:${port}`, port: Number(port), socket });
  }

  leftovers(): ProcessInfo[] {
    const isOurs = (pid: number): boolean => !this.#runs.has(pid) && !this.#strangers.has(pid);
    return descendants().filter((entry) => isOurs(entry.pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#runs.values()];
    for (const run of running) run.signal("SIGKILL");
    await Promise.allSettled(running.map((run) => run.ended));
    try {
      await untilNothingIsLeft(this);
    } finally {
      for (const entry of this.leftovers()) process.kill(entry.pid, "SIGKILL");
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

type Place = Pick<Daemon, "address" | "port" | "socket">;

function daemonOf(run: Running, place: Place): Daemon {
  let isKilled = false;
  const stop = async (): Promise<Ended> => {
    run.signal("SIGTERM");
    const ended = await soon(run.ended, 20_000);
    if (ended.code !== 0) {
      throw new Error(`The daemon ended with ${ended.code ?? ended.signal}\n${ended.stderr}`);
    }
    return ended;
  };
  return {
    run,
    pid: run.pid,
    ...place,
    stop,
    kill: async () => {
      isKilled = true;
      run.signal("SIGKILL");
      await run.ended;
    },
    [Symbol.asyncDispose]: async () => {
      if (!isKilled) await stop();
    },
  };
}

async function soon<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  let isSettled = false;
  const settled = (): void => void (isSettled = true);
  void promise.then(settled, settled);
  await until(() => isSettled, { timeoutMs, what: "the daemon to end after SIGTERM" });
  return await promise;
}

/** Waits until nothing is left of what `box` started, itself and its daemons aside. */
export async function untilNothingIsLeft(box: Sandbox, timeoutMs = 15_000): Promise<void> {
  try {
    await until(() => box.leftovers().length === 0, { timeoutMs, what: "an empty tree" });
  } catch (error) {
    const list = box.leftovers().map((entry) => `${entry.pid} ${entry.command}`);
    throw new Error(`Still alive after ${timeoutMs} ms:\n${list.join("\n")}`, { cause: error });
  }
}
