// What a process's record decides: a total function from (state, input) to (state, effects). It knows the rules of
// leases, time limits and causes; it knows no pipes, timers or connections. Whoever calls it carries the effects out, in order.
//
//   starting ──started──▶ running ──exited──▶ exited ──tree empty──▶ over
//      └──not started, launcher lost──────────────────────────────────▲

import type { LauncherReport, OrphanPolicy, SignalScope } from "../../launcher/contract.ts";
import type { Cause, Fact, OnDisconnect, TreePolicy } from "./contract.ts";

export interface LifePolicy {
  onDisconnect: OnDisconnect;
  leaseMs: number;
  graceMs: number;
  tree: TreePolicy;
  /** 0: no limit. */
  timeoutMs: number;
}

/**
 * attached: a controller follows · absent: it was lost and may come back · released: it wants no more, or nobody can.
 */
export type Follower = "attached" | "absent" | "released";

export interface Life {
  readonly at: "starting" | "running" | "exited" | "over";
  readonly follower: Follower;
  readonly policy: LifePolicy;
  /** Who asked first for its end; null while nobody has. */
  readonly cause: Cause | null;
  /** Signals that the user sent, so that a death by one of them has a cause. */
  readonly userSignals: ReadonlySet<number>;
  /** Highest serial of a signal request that had its effect. */
  readonly serial: number;
  /** CLOCK_REALTIME of the last moment when it was known to live. */
  readonly knownAliveNs: bigint;
}

export type LifeTimer = "lease" | "time" | "forget";

export type LifeInput =
  | { kind: "accepted" }
  | { kind: "report"; report: LauncherReport }
  | { kind: "attached" }
  | { kind: "follower-lost" }
  | { kind: "released" }
  | { kind: "signal"; serial: number; signal: number; scope: SignalScope }
  | { kind: "stop"; cause: Cause; graceMs: number }
  | { kind: "timer"; timer: LifeTimer };

/** An `exited` fact without what only the keeper of the streams can say. */
export type LifeFact =
  | Exclude<Fact, { kind: "exited" } | { kind: "stream-ended" } | { kind: "signaled" }>
  | { kind: "exited"; status: number; cause: Cause; treeLeft: boolean }
  | { kind: "signaled"; signal: number; hits: number; errno: number };

export type LifeEffect =
  | { kind: "tell"; fact: LifeFact }
  | { kind: "signal"; signal: number; scope: SignalScope }
  | { kind: "stop"; graceMs: number }
  | { kind: "policy"; policy: OrphanPolicy; graceMs: number }
  | { kind: "arm"; timer: LifeTimer; ms: number }
  | { kind: "disarm"; timer: LifeTimer }
  /** Nobody can receive output now: throw it away, so that the process is never blocked. */
  | { kind: "discard-output" }
  /** Nobody will ever receive output: close our ends of the pipes, the launcher's too. */
  | { kind: "close-output" }
  /** The record may go. */
  | { kind: "forget" };

export interface LifeStep {
  life: Life;
  effects: LifeEffect[];
}

/** How long after its lease an end is still kept for a controller that never acknowledged it. */
export const keptAfterLeaseMs = 60_000;

export function bornLife(policy: LifePolicy, nowNs: bigint): Life {
  return {
    at: "starting",
    follower: "attached",
    policy,
    cause: null,
    userSignals: new Set(),
    serial: 0,
    knownAliveNs: nowNs,
  };
}

export function stepLife(life: Life, input: LifeInput): LifeStep {
  switch (input.kind) {
    case "accepted": {
      const ms = life.policy.timeoutMs;
      return { life, effects: ms > 0 ? [{ kind: "arm", timer: "time", ms }] : [] };
    }
    case "report":
      return reported(life, input.report);
    case "attached":
      return {
        life: { ...life, follower: "attached" },
        effects: [
          { kind: "disarm", timer: "lease" },
          { kind: "disarm", timer: "forget" },
        ],
      };
    case "follower-lost":
      return followerLost(life);
    case "released":
      return released(life);
    case "signal":
      return signalled(life, input);
    case "stop":
      return stopped(life, input.cause, input.graceMs);
    case "timer":
      return timerFired(life, input.timer);
    default:
      return input satisfies never;
  }
}

function reported(life: Life, report: LauncherReport): LifeStep {
  const seen: Life = { ...life, knownAliveNs: report.realtimeNs };
  switch (report.kind) {
    case "started":
      return {
        life: { ...seen, at: "running" },
        effects: [{ kind: "tell", fact: { kind: "started", pid: report.pid } }],
      };
    case "not-started": {
      const { phase, errno, path, interpreter } = report;
      return over(seen, [
        { kind: "tell", fact: { kind: "not-started", phase, errno, path, interpreter } },
      ]);
    }
    case "exited":
      return exited(seen, report.status, report.treeLeft);
    case "tree-empty":
      return over(seen, [{ kind: "tell", fact: { kind: "tree-empty" } }]);
    case "signaled": {
      const { signal, hits, errno } = report;
      return {
        life: seen,
        effects: [{ kind: "tell", fact: { kind: "signaled", signal, hits, errno } }],
      };
    }
    case "stopping": {
      // A launcher that stops its tree unasked was told to by somebody on the node.
      const cause = life.cause ?? "fault";
      return {
        life: { ...seen, cause },
        effects: [{ kind: "tell", fact: { kind: "stopping", cause, graceMs: report.graceMs } }],
      };
    }
    case "killing":
      return { life: seen, effects: [{ kind: "tell", fact: { kind: "killing" } }] };
    case "stuck":
      return {
        life: seen,
        effects: [{ kind: "tell", fact: { kind: "stuck", left: report.left, pid: report.pid } }],
      };
    case "launcher-lost": {
      const why = life.at === "exited" ? "launcher-killed-after-exit" : "launcher-killed";
      const { knownAliveNs: fromNs } = life;
      return over(seen, [
        { kind: "tell", fact: { kind: "unknown", why, fromNs, toNs: report.realtimeNs } },
      ]);
    }
    default:
      return report satisfies never;
  }
}

function exited(life: Life, status: number, treeLeft: boolean): LifeStep {
  const signal = status & 0x7f;
  const cause = life.cause ?? (life.userSignals.has(signal) ? "user" : "app");
  const effects: LifeEffect[] = [
    { kind: "tell", fact: { kind: "exited", status, cause, treeLeft } },
  ];
  if (treeLeft && life.policy.tree === "kill" && life.cause === null) {
    effects.push({ kind: "stop", graceMs: life.policy.graceMs });
    return { life: { ...life, at: "exited", cause: "user" }, effects };
  }
  const next: Life = { ...life, at: "exited" };
  // The command kept its time limit; whom it leaves behind is left for good.
  if (life.policy.tree === "leave") effects.push({ kind: "disarm", timer: "time" });
  if (treeLeft && life.follower === "released") effects.push(...letGo(next));
  return { life: next, effects };
}

/** The tree is left to itself: its launcher stays for good and holds no descriptor of ours. */
function letGo(life: Life): LifeEffect[] {
  const { graceMs } = life.policy;
  return [{ kind: "close-output" }, { kind: "policy", policy: "keep", graceMs }];
}

/** Nothing of it lives any more. What a controller has not acknowledged is kept for a while. */
function over(life: Life, effects: LifeEffect[]): LifeStep {
  const all: LifeEffect[] = [
    ...effects,
    { kind: "disarm", timer: "time" },
    { kind: "disarm", timer: "lease" },
  ];
  if (life.follower === "released") all.push({ kind: "forget" });
  if (life.follower === "absent") all.push(forgetLater(life));
  return { life: { ...life, at: "over" }, effects: all };
}

const forgetLater = (life: Life): LifeEffect => ({
  kind: "arm",
  timer: "forget",
  ms: life.policy.leaseMs + keptAfterLeaseMs,
});

function followerLost(life: Life): LifeStep {
  if (life.follower !== "attached") return { life, effects: [] };
  const absent: Life = { ...life, follower: "absent" };
  if (life.at === "over") return { life: absent, effects: [forgetLater(life)] };
  if (life.policy.onDisconnect === "keep") {
    return { life: absent, effects: [{ kind: "discard-output" }] };
  }
  return { life: absent, effects: [{ kind: "arm", timer: "lease", ms: life.policy.leaseMs }] };
}

function released(life: Life): LifeStep {
  const next: Life = { ...life, follower: "released" };
  const timers: LifeEffect[] = [
    { kind: "disarm", timer: "lease" },
    { kind: "disarm", timer: "forget" },
  ];
  if (life.at === "over") return { life: next, effects: [...timers, { kind: "forget" }] };
  // Asked to end and not ended yet: the launcher goes on with that, whoever watches.
  if (life.cause !== null) return { life: next, effects: [...timers, { kind: "discard-output" }] };
  if (life.at === "exited") return { life: next, effects: [...timers, ...letGo(next)] };
  return { life: next, effects: [...timers, { kind: "discard-output" }] };
}

function signalled(life: Life, input: Extract<LifeInput, { kind: "signal" }>): LifeStep {
  if (input.serial <= life.serial) return { life, effects: [] };
  const userSignals = new Set(life.userSignals).add(input.signal);
  const { signal, scope } = input;
  return {
    life: { ...life, serial: input.serial, userSignals },
    effects: life.at === "over" ? [] : [{ kind: "signal", signal, scope }],
  };
}

/** Ends the whole tree. The first cause stays; a later one may only shorten the grace. */
function stopped(life: Life, cause: Cause, graceMs: number): LifeStep {
  if (life.at === "over") return { life, effects: [] };
  return {
    life: { ...life, cause: life.cause ?? cause },
    effects: [{ kind: "stop", graceMs }],
  };
}

function timerFired(life: Life, timer: LifeTimer): LifeStep {
  const { graceMs } = life.policy;
  switch (timer) {
    case "time":
      return stopped(life, "timeout", graceMs);
    case "lease": {
      const step = stopped(life, "lease", graceMs);
      // Output that was held back for the lost controller must not block the end.
      return { ...step, effects: [{ kind: "discard-output" }, ...step.effects] };
    }
    case "forget":
      return { life, effects: [{ kind: "forget" }] };
    default:
      return timer satisfies never;
  }
}
