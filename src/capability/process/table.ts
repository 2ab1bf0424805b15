// All processes of one daemon, by operation key and by id. A key starts at most one process, however often it comes.

import type { Clock } from "../../base/clock.ts";
import type { LaunchOrders, ResourceLimit, Spawner } from "../../launcher/contract.ts";
import type { ProcessEvent, Start } from "./contract.ts";
import { type Account, environmentOf } from "./environment.ts";
import { type ProcessFollower, ProcessRecord } from "./record.ts";

export interface TableOptions {
  clock: Clock;
  spawner: Spawner;
  account: Account;
  /** What processes see as CTL_NODE. */
  node: string;
  /** Soft and hard limit of open files for every child. */
  nofile: { soft: bigint; hard: bigint };
  processesMax: number;
  random(length: number): Uint8Array;
  /** Every event, whoever follows. */
  told(event: ProcessEvent): void;
}

const RLIMIT_NOFILE = 7;
/** How long controllers get to read the rest when all has ended: one that stands still must not keep the daemon alive. */
export const farewellMs = 5_000;

export class ProcessTable {
  readonly #options: TableOptions;
  readonly #byKey = new Map<string, ProcessRecord>();
  readonly #ids = new Set<string>();
  #sequence = 0n;
  #changeListeners: (() => void)[] = [];

  constructor(options: TableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get isFull(): boolean {
    return this.#byKey.size >= this.#options.processesMax;
  }

  find(key: Uint8Array): ProcessRecord | null {
    return this.#byKey.get(Buffer.from(key).toString("hex")) ?? null;
  }

  /** Starts what nobody has started under this key yet. */
  start(start: Start, follower: ProcessFollower): ProcessRecord {
    const key = Buffer.from(start.key).toString("hex");
    const { id, number } = this.#newId();
    const record = new ProcessRecord(
      {
        id,
        start,
        clock: this.#options.clock,
        launch: (report) => this.#options.spawner.start(this.#orders(start, id, number), report),
        told: (event) => this.#options.told(event),
        nextSequence: () => (this.#sequence += 1n),
        changed: () => this.#changed(),
        forget: () => this.#forget(key, id),
      },
      follower,
    );
    this.#byKey.set(key, record);
    this.#ids.add(id);
    return record;
  }

  /**
   * Stops what must not outlive the daemon. Resolves when none of that is left, and whoever follows has heard how it ended or
   * does not listen.
   */
  async stopAll(): Promise<void> {
    for (const record of this.#byKey.values()) record.daemonStops();
    await this.#changedUntil(() => this.#bound.every((record) => record.isOver));
    let isLate = false;
    const cancel = this.#options.clock.after(farewellMs, () => {
      isLate = true;
      this.#changed();
    });
    await this.#changedUntil(() => isLate || this.#bound.every((record) => record.isSettled));
    cancel();
  }

  /** What must not outlive the daemon. */
  get #bound(): ProcessRecord[] {
    return [...this.#byKey.values()].filter(
      (record) => record.onDisconnect === "kill" && record.isFollowed,
    );
  }

  async #changedUntil(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#changeListeners.push(resolve));
    }
  }

  #forget(key: string, id: string): void {
    this.#byKey.delete(key);
    this.#ids.delete(id);
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#changeListeners.splice(0)) listener();
  }

  /** 40 random bits as eight letters: unique among what this daemon knows, and most unlikely to come twice ever. */
  #newId(): { id: string; number: bigint } {
    for (;;) {
      const bytes = this.#options.random(5);
      const number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      const id = `p_${number.toString(32).padStart(8, "0")}`;
      if (!this.#ids.has(id)) return { id, number };
    }
  }

  #orders(start: Start, id: string, number: bigint): LaunchOrders {
    const { account, node, nofile } = this.#options;
    const limit: ResourceLimit = { resource: RLIMIT_NOFILE, ...nofile };
    return {
      id: number,
      argv: start.argv,
      env: environmentOf({ account, node, id }, start.env),
      directory: start.directory.length > 0 ? start.directory : Buffer.from(account.home),
      policy: start.onDisconnect === "keep" ? "keep" : "stop",
      graceMs: start.graceMs,
      limits: [limit],
      stdin: start.stdin ? "pipe" : "null",
      label: `${id}: ${Buffer.from(start.argv[0] ?? []).toString()}`,
    };
  }
}
