// Short ways to a process's life in a wanted state.

import {
  bornLife,
  type Life,
  type LifeEffect,
  type LifeInput,
  type LifePolicy,
  stepLife,
} from "../../src/capability/process/lifecycle.ts";
import type { LauncherReport } from "../../src/launcher/contract.ts";

export const usualPolicy: LifePolicy = {
  onDisconnect: "kill",
  leaseMs: 10_000,
  graceMs: 5_000,
  tree: "leave",
  timeoutMs: 0,
};

const times = { monotonicNs: 1n, realtimeNs: 2n };
const usage = {
  userUs: 0,
  systemUs: 0,
  maxRssKib: 0,
  minorFaults: 0,
  majorFaults: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
};

export const reports = {
  started: { kind: "started", pid: 10, launcherPid: 9, ...times },
  exited: (status: number, treeLeft = false) =>
    ({ kind: "exited", status, usage, treeLeft, ...times }) as const,
  treeEmpty: { kind: "tree-empty", ...times },
  launcherLost: { kind: "launcher-lost", ...times },
  stopping: { kind: "stopping", graceMs: 5_000, ...times },
  notStarted: {
    kind: "not-started",
    phase: "exec",
    errno: 2,
    path: new Uint8Array(),
    interpreter: false,
    ...times,
  },
} as const;

export const reported = (report: LauncherReport): LifeInput => ({ kind: "report", report });

/** Plays inputs one after the other; gives the life and every effect in order. */
export function play(
  inputs: readonly LifeInput[],
  policy: Partial<LifePolicy> = {},
): { life: Life; effects: LifeEffect[] } {
  let life = bornLife({ ...usualPolicy, ...policy }, 0n);
  const effects: LifeEffect[] = [];
  for (const input of inputs) {
    const step = stepLife(life, input);
    life = step.life;
    effects.push(...step.effects);
  }
  return { life, effects };
}
