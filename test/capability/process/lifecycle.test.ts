import { describe, expect, test } from "bun:test";

import type { LifeEffect, LifeInput } from "../../../src/capability/process/lifecycle.ts";
import { keptAfterLeaseMs } from "../../../src/capability/process/lifecycle.ts";
import { play, reported, reports } from "../../support/life.ts";

const started = reported(reports.started);
const kinds = (effects: LifeEffect[]): string[] => effects.map((effect) => effect.kind);
const facts = (effects: LifeEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === "tell" ? [effect.fact.kind] : []));
const exitedCause = (effects: LifeEffect[]): string | undefined =>
  effects
    .flatMap((effect) =>
      effect.kind === "tell" && effect.fact.kind === "exited" ? [effect.fact.cause] : [],
    )
    .at(0);

describe("a process's life", () => {
  test("tells start, exit and empty tree as three facts, and is forgotten once released", () => {
    const { life, effects } = play([
      started,
      reported(reports.exited(0)),
      reported(reports.treeEmpty),
      { kind: "released" },
    ]);
    expect(facts(effects)).toEqual(["started", "exited", "tree-empty"]);
    expect(kinds(effects).at(-1)).toBe("forget");
    expect(life.at).toBe("over");
  });

  test("is kept for lease and a minute when nobody acknowledged its end", () => {
    const { effects } = play([
      started,
      reported(reports.exited(0)),
      reported(reports.treeEmpty),
      { kind: "follower-lost" },
    ]);
    expect(effects.at(-1)).toEqual({
      kind: "arm",
      timer: "forget",
      ms: 10_000 + keptAfterLeaseMs,
    });
  });

  test("starts the lease when its controller is lost, and forgives when it comes back", () => {
    const lost = play([started, { kind: "follower-lost" }]);
    expect(lost.effects.at(-1)).toEqual({ kind: "arm", timer: "lease", ms: 10_000 });
    const back = play([started, { kind: "follower-lost" }, { kind: "attached" }]);
    expect(kinds(back.effects)).toContain("disarm");
    expect(back.life.follower).toBe("attached");
    expect(kinds(back.effects)).not.toContain("stop");
  });

  test("ends the tree when the lease runs out, with the lease as cause", () => {
    const { effects } = play([
      started,
      { kind: "follower-lost" },
      { kind: "timer", timer: "lease" },
      reported(reports.exited(15)),
    ]);
    expect(effects).toContainEqual({ kind: "stop", graceMs: 5_000 });
    expect(effects).toContainEqual({ kind: "discard-output" });
    expect(exitedCause(effects)).toBe("lease");
  });

  test("goes on unblocked under keep when its controller is lost", () => {
    const { effects } = play([started, { kind: "follower-lost" }], { onDisconnect: "keep" });
    expect(kinds(effects)).toEqual(["tell", "discard-output"]);
  });

  test("is never triggered by a controller that took leave", () => {
    const { life, effects } = play([started, { kind: "released" }, { kind: "follower-lost" }]);
    expect(kinds(effects)).not.toContain("stop");
    expect(effects.some((effect) => effect.kind === "arm")).toBe(false);
    expect(life.follower).toBe("released");
  });

  test("keeps the first cause when several ask for its end", () => {
    const { effects } = play([
      started,
      { kind: "stop", cause: "timeout", graceMs: 100 },
      { kind: "stop", cause: "user", graceMs: 0 },
      reported(reports.exited(9)),
    ]);
    expect(exitedCause(effects)).toBe("timeout");
    expect(effects.filter((effect) => effect.kind === "stop")).toHaveLength(2);
  });

  test("names the user as cause of a death by a signal that the user sent, the app otherwise", () => {
    const usr1: LifeInput = { kind: "signal", serial: 1, signal: 10, scope: "group" };
    expect(exitedCause(play([started, usr1, reported(reports.exited(10))]).effects)).toBe("user");
    expect(exitedCause(play([started, usr1, reported(reports.exited(11))]).effects)).toBe("app");
    expect(exitedCause(play([started, usr1, reported(reports.exited(0))]).effects)).toBe("app");
  });

  test("sends a signal once, however often its request arrives", () => {
    const int: LifeInput = { kind: "signal", serial: 1, signal: 2, scope: "group" };
    const second: LifeInput = { ...int, serial: 2 };
    const { effects } = play([started, int, int, second, int]);
    expect(effects.filter((effect) => effect.kind === "signal")).toHaveLength(2);
  });

  test("arms the time limit when it is accepted and ends the whole tree when it is over", () => {
    const { effects } = play(
      [{ kind: "accepted" }, started, { kind: "timer", timer: "time" }, reported(reports.stopping)],
      { timeoutMs: 1_000 },
    );
    expect(effects[0]).toEqual({ kind: "arm", timer: "time", ms: 1_000 });
    expect(effects).toContainEqual({ kind: "stop", graceMs: 5_000 });
    expect(effects.at(-1)).toEqual({
      kind: "tell",
      fact: { kind: "stopping", cause: "timeout", graceMs: 5_000 },
    });
  });

  test("forgets the time limit when the command has ended and its tree is left, and only then", () => {
    const story = [{ kind: "accepted" } as const, started, reported(reports.exited(0, true))];
    const left = play(story, { timeoutMs: 1_000, tree: "leave" });
    expect(left.effects.at(-1)).toEqual({ kind: "disarm", timer: "time" });
    const waited = play(story, { timeoutMs: 1_000, tree: "wait" });
    expect(kinds(waited.effects)).not.toContain("disarm");
  });

  test("leaves a tree to its launcher without any descriptor of ours", () => {
    const { effects } = play([started, reported(reports.exited(0, true)), { kind: "released" }]);
    expect(kinds(effects).slice(-2)).toEqual(["close-output", "policy"]);
    expect(effects.at(-1)).toMatchObject({ policy: "keep" });
    expect(kinds(effects)).not.toContain("forget");
  });

  test("ends what is left when the command ends, if asked to", () => {
    const { effects } = play([started, reported(reports.exited(3, true))], { tree: "kill" });
    expect(effects.at(-1)).toEqual({ kind: "stop", graceMs: 5_000 });
    expect(exitedCause(effects)).toBe("app");
    const alone = play([started, reported(reports.exited(3, false))], { tree: "kill" });
    expect(kinds(alone.effects)).not.toContain("stop");
  });

  test("is unknown between two moments when its launcher was killed", () => {
    const { life, effects } = play([started, reported(reports.launcherLost)]);
    expect(effects).toContainEqual({
      kind: "tell",
      fact: { kind: "unknown", why: "launcher-killed", fromNs: 2n, toNs: 2n },
    });
    expect(life.at).toBe("over");
  });

  test("blames nobody it knows when the launcher stops its tree unasked", () => {
    const { effects } = play([started, reported(reports.stopping), reported(reports.exited(15))]);
    expect(exitedCause(effects)).toBe("fault");
  });

  test("is over at once when it could not be started", () => {
    const { life, effects } = play([reported(reports.notStarted), { kind: "released" }]);
    expect(facts(effects)).toEqual(["not-started"]);
    expect(life.at).toBe("over");
    expect(kinds(effects).at(-1)).toBe("forget");
  });

  test("is stopped by nothing once it is over", () => {
    const { effects } = play([
      reported(reports.notStarted),
      { kind: "stop", cause: "user", graceMs: 0 },
      { kind: "signal", serial: 1, signal: 2, scope: "group" },
    ]);
    expect(kinds(effects)).not.toContain("stop");
    expect(kinds(effects)).not.toContain("signal");
  });
});
