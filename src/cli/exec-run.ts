// One exec on one node or many, from its settings to the exit code: input, output, signals, status.

import type { ByteSource } from "../base/byte-stream.ts";
import { outcomeOfExec } from "../capability/process/outcome.ts";
import type { NodeAddress } from "../controller/address.ts";
import { InputBroadcast } from "../controller/input-broadcast.ts";
import { NodeExec } from "../controller/node-exec.ts";
import { isTerminal } from "../os/descriptor-kind.ts";
import { randomBytes, randomFraction } from "../os/machine.ts";
import { openStandardInput } from "../os/standard-input.ts";
import type { App } from "./app.ts";
import type { Connect } from "./connecting.ts";
import { requestOf } from "./exec-request.ts";
import { obeySignals } from "./exec-signals.ts";
import { type ExecView, openView } from "./exec-view.ts";
import { exitCodeOf, exitUnknown, worstExitCode } from "./exit-code.ts";
import type { HeldSignals } from "./held-signals.ts";
import type { NodeEnd } from "./node-end.ts";
import type { ExecOptions } from "./syntax/exec.ts";

export interface ExecSettings {
  options: ExecOptions;
  nodes: readonly NodeAddress[];
  command: readonly Uint8Array[];
  connect: Connect;
  /** Since before anything was connected. */
  signals: HeldSignals;
}

export async function runExec(app: App, settings: ExecSettings): Promise<number> {
  const { options, nodes, command, signals } = settings;
  const request = await requestOf(options, command);
  const view = await openView(app, { nodes, options, argv: request.argv });
  const source = wantsInput(options) ? openStandardInput(0) : null;
  const execs = execsOf(app, { ...settings, request, view, source });
  const stopObeying = obeySignals(app, { execs, graceMs: options.graceMs, signals });
  const ends = await Promise.all(
    execs.map(async ({ node, exec: one }): Promise<NodeEnd> => {
      const result = await one.run();
      const outcome = outcomeOfExec(result.end);
      const streams = [result.streams.stdout, result.streams.stderr];
      const end = { node: node.name, result, outcome, exitCode: exitCodeOf(outcome, streams) };
      await view.ended(end);
      return end;
    }),
  );
  stopObeying();
  const isFed = await view.inputEnded(source?.failure ?? null);
  const isTold = await view.finish(ends);
  return isFed && isTold ? worstExitCode(ends.map((end) => end.exitCode)) : exitUnknown;
}

interface Execs extends ExecSettings {
  request: Awaited<ReturnType<typeof requestOf>>;
  view: ExecView;
  source: ByteSource | null;
}

export interface RunningExec {
  node: NodeAddress;
  exec: NodeExec;
}

function execsOf(app: App, { nodes, connect, request, view, source }: Execs): RunningExec[] {
  const input = source && new InputBroadcast(source);
  return nodes.map((node) => ({
    node,
    exec: new NodeExec({
      clock: app.clock,
      random: randomFraction,
      request: {
        ...request,
        // The name by which its caller knows the node; what the caller gives himself comes behind it and wins.
        env: [Buffer.from(`CTL_NODE=${node.name}`), ...request.env],
        key: randomBytes(16),
      },
      stdin: input && input.reader(),
      connect: () => connect(node),
      write: (stream, piece, done) => view.write({ node: node.name, stream, piece }, done),
      news: (news) => view.news(node.name, news),
    }),
  }));
}

/** Piped input is sent on; a terminal's only when asked for, or a command in the background would stop for it. */
function wantsInput(options: ExecOptions): boolean {
  if (options.noStdin) return false;
  return options.interactive || !isTerminal(0);
}
