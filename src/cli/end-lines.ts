// What is said of an exec's end on one node beside its exit code, a line each.

import type { OutputStream } from "../capability/process/contract.ts";
import { deliveryText, outcomeText, survivorsText } from "./failure-text.ts";
import { needsSaying, type NodeEnd } from "./node-end.ts";
import type { ExecOptions } from "./syntax/exec.ts";

export interface EndedExec {
  argv: readonly Uint8Array[];
  options: Pick<ExecOptions, "verbose" | "timeoutMs">;
}

export function endLines(end: NodeEnd, { argv, options }: EndedExec): string[] {
  const { node, outcome, result } = end;
  const lines: string[] = [];
  if (options.verbose || needsSaying(outcome)) {
    lines.push(outcomeText(node, outcome, { argv, timeoutMs: options.timeoutMs }));
  }
  for (const stream of ["stdout", "stderr"] satisfies OutputStream[]) {
    const text = deliveryText(node, stream, result.streams[stream]);
    if (text !== null) lines.push(text);
  }
  if (result.survivors.length > 0) lines.push(survivorsText(node, result.survivors));
  return lines;
}
