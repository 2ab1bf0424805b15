// Starts real children through the real launcher and collects what comes of it.

import { buildImage, compilerFor } from "../../scripts/launcher.ts";
import type { LaunchedChild, LauncherReport, LaunchOrders } from "../../src/launcher/contract.ts";
import { committedImage } from "../../src/launcher/image.ts";
import { image as arm64 } from "../../src/launcher/image/arm64.ts";
import { image as x64 } from "../../src/launcher/image/x64.ts";
import { LauncherSpawner } from "../../src/launcher/spawner.ts";
import { SystemClock } from "../../src/os/clock.ts";
import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export interface TestImage {
  name: string;
  bytes: Uint8Array;
}

/** The committed launcher; and a fresh one where another compiler is at hand, for its bytes cannot be compared. */
export function testImages(): TestImage[] {
  const images = [{ name: "committed launcher", bytes: committedImage() }];
  const cpu = process.arch === "arm64" ? "arm64" : "x64";
  const compiler = compilerFor(cpu);
  if (compiler === null || compiler.version === { x64, arm64 }[cpu].compiler) return images;
  const built = buildImage(cpu);
  if (built) images.push({ name: `launcher built by ${built.compiler}`, bytes: built.bytes });
  return images;
}

export function spawnerOf(image: TestImage): LauncherSpawner {
  return new LauncherSpawner({ clock: new SystemClock(), image: { bytes: image.bytes } });
}

export type OrderParts = Partial<Omit<LaunchOrders, "argv" | "env">> & {
  env?: readonly (string | Uint8Array)[];
};

export const isRoot = process.getuid?.() === 0;
export const path = "PATH=/usr/local/bin:/usr/bin:/bin";

export type ReportOf<Kind extends LauncherReport["kind"]> = Extract<LauncherReport, { kind: Kind }>;

/** One child and everything that was heard of it. */
export class Launched {
  static #lastId = 0n;

  readonly child: LaunchedChild;
  readonly reports: LauncherReport[] = [];
  #stdout: Uint8Array[] = [];
  #stderr: Uint8Array[] = [];
  #openStreams = 2;

  constructor(spawner: LauncherSpawner, orders: LaunchOrders, options: { read?: boolean } = {}) {
    this.child = spawner.start(orders, (report) => this.reports.push(report));
    if (options.read === false) return;
    this.#collect("stdout", this.#stdout);
    this.#collect("stderr", this.#stderr);
  }

  static start(
    spawner: LauncherSpawner,
    argv: readonly (string | Uint8Array)[],
    parts: OrderParts & { read?: boolean } = {},
  ): Launched {
    const { env = [path], read = true, ...rest } = parts;
    const raw = (words: readonly (string | Uint8Array)[]): Uint8Array[] =>
      words.map((word) => (typeof word === "string" ? bytesOf(word) : word));
    const orders: LaunchOrders = {
      id: (Launched.#lastId += 1n),
      argv: raw(argv),
      env: raw(env),
      directory: bytesOf(""),
      policy: "stop",
      graceMs: 10_000,
      limits: [],
      stdin: "null",
      label: "test",
      ...rest,
    };
    return new Launched(spawner, orders, { read });
  }

  static shell(spawner: LauncherSpawner, script: string, parts: OrderParts = {}): Launched {
    return Launched.start(spawner, ["/bin/sh", "-c", script], parts);
  }

  get stdout(): Uint8Array {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): Uint8Array {
    return Buffer.concat(this.#stderr);
  }

  get out(): string {
    return textOf(this.stdout);
  }

  get kinds(): string[] {
    return this.reports.map((report) => report.kind);
  }

  find<Kind extends LauncherReport["kind"]>(kind: Kind): ReportOf<Kind> | undefined {
    return this.reports.find((report): report is ReportOf<Kind> => report.kind === kind);
  }

  async the<Kind extends LauncherReport["kind"]>(
    kind: Kind,
    timeoutMs = 10_000,
  ): Promise<ReportOf<Kind>> {
    const what = (): string => `"${kind}"; there were: ${this.kinds.join(", ")}`;
    try {
      return await until(() => this.find(kind), { timeoutMs });
    } catch {
      throw new Error(`No report ${what()}`);
    }
  }

  /** The last report has come and both outputs have ended. */
  async over(timeoutMs = 10_000): Promise<this> {
    const last = new Set(["tree-empty", "not-started", "launcher-lost"]);
    const isOver = (): boolean =>
      this.#openStreams === 0 && this.reports.some((report) => last.has(report.kind));
    await until(isOver, { timeoutMs, what: `the end; there were: ${this.kinds.join(", ")}` });
    return this;
  }

  #collect(name: "stdout" | "stderr", into: Uint8Array[]): void {
    const source = this.child[name];
    source.read((bytes) => {
      if (bytes) {
        into.push(bytes.slice());
        this.#collect(name, into);
      } else {
        this.#openStreams -= 1;
        source.close();
      }
    });
  }
}

/** The exit code, or minus the signal. */
export function codeOf(report: ReportOf<"exited">): number {
  const signal = report.status & 0x7f;
  return signal === 0 ? report.status >> 8 : -signal;
}

export function isAlive(pid: number): boolean {
  const stat = readProc(`${pid}/stat`);
  return stat !== null && !/\) [ZX]/.test(stat);
}

export function readProc(name: string): string | null {
  try {
    return process.getBuiltinModule("node:fs").readFileSync(`/proc/${name}`, "latin1");
  } catch {
    return null;
  }
}

/** Number behind `name:` in /proc/PID/FILE. */
export function procNumber(file: string, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readProc(file) ?? "");
  return Number(line?.[1] ?? Number.NaN);
}

export function openFds(pid: number | "self" = "self"): number {
  return process.getBuiltinModule("node:fs").readdirSync(`/proc/${pid}/fd`).length;
}

/** Pids of our own launchers that wait for orders: their argument is still padding. */
export function waitingLaunchers(): number[] {
  const members = descendantsOf(process.pid, 1_000);
  return members.filter(({ command }) => /^ctl-launcher +…?$/.test(command)).map(({ pid }) => pid);
}
