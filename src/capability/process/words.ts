// The closed lists of the process messages: each word and its number on the wire, and the checks that several share.

import type { Builder } from "flatbuffers";

import type { SignalScope } from "../../launcher/contract.ts";
import { Cause as CauseNumber } from "../../wire/generated/cause.ts";
import { OnDisconnect as OnDisconnectNumber } from "../../wire/generated/on-disconnect.ts";
import { Phase as PhaseNumber } from "../../wire/generated/phase.ts";
import { Scope as ScopeNumber } from "../../wire/generated/scope.ts";
import { Stream as StreamNumber } from "../../wire/generated/stream.ts";
import { TreePolicy as TreePolicyNumber } from "../../wire/generated/tree-policy.ts";
import { codeBytesMax, signalMax } from "../../wire/limits.ts";
import { readText, violated, within, words } from "../../wire/ranges.ts";
import type { Cause, OnDisconnect, Phase, StreamName, TreePolicy } from "./contract.ts";

export const streams = words<StreamName, StreamNumber>("stream", {
  stdin: StreamNumber.Stdin,
  stdout: StreamNumber.Stdout,
  stderr: StreamNumber.Stderr,
});

export const disconnects = words<OnDisconnect, OnDisconnectNumber>("on_disconnect", {
  kill: OnDisconnectNumber.Kill,
  keep: OnDisconnectNumber.Keep,
});

export const trees = words<TreePolicy, TreePolicyNumber>("tree", {
  leave: TreePolicyNumber.Leave,
  kill: TreePolicyNumber.Kill,
  wait: TreePolicyNumber.Wait,
});

export const scopes = words<SignalScope, ScopeNumber>("scope", {
  main: ScopeNumber.Main,
  group: ScopeNumber.Group,
  tree: ScopeNumber.Tree,
});

export const phases = words<Phase, PhaseNumber>("phase", {
  session: PhaseNumber.Session,
  request: PhaseNumber.Request,
  cgroup: PhaseNumber.Cgroup,
  clone: PhaseNumber.Clone,
  setup: PhaseNumber.Setup,
  chdir: PhaseNumber.Chdir,
  user: PhaseNumber.User,
  limits: PhaseNumber.Limits,
  stdio: PhaseNumber.Stdio,
  exec: PhaseNumber.Exec,
});

export const causes = words<Cause, CauseNumber>("cause", {
  app: CauseNumber.App,
  user: CauseNumber.User,
  timeout: CauseNumber.Timeout,
  lease: CauseNumber.Lease,
  "fail-fast": CauseNumber.FailFast,
  limit: CauseNumber.Limit,
  oom: CauseNumber.Oom,
  fault: CauseNumber.Fault,
  daemon: CauseNumber.Daemon,
  scenario: CauseNumber.Scenario,
});

const processIdPattern = /^p_[0-9a-z]{8}$/;

/** It ends up in file names, labels and terminals, so nothing else passes. */
export const processId = {
  write(builder: Builder, id: string): number {
    return builder.createString(checkedId(id));
  },
  read(value: string | Uint8Array | null): string {
    return checkedId(readText(value, codeBytesMax, "process"));
  },
};

function checkedId(id: string): string {
  return processIdPattern.test(id) ? id : violated(`"${id}" is not the id of a process`);
}

export function signalNumber(signal: number, field: string): number {
  return signal === 0 ? violated(`"${field}" is 0`) : within(signal, signalMax, field);
}
