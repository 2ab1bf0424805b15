// `ctl exec`: a command on one node or many, with its output, its signals and its exit status. Here it is only understood; what
// carries it out is loaded while the nodes are on their way to answer.

import { parseNodes } from "../../controller/address.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { connecting } from "../connecting.ts";
import { HeldSignals } from "../held-signals.ts";
import { execSyntax } from "../syntax/exec.ts";

export async function exec(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(execSyntax, words, app.env);
  if (parsed.kind === "help") {
    const { helpOf } = await import("../help/command-help.ts");
    app.console.print(helpOf(execSyntax, parsed.isFull));
    return 0;
  }
  const { options, operands, command } = parsed;
  const nodes = parseNodes(operands[0] ?? "");
  const signals = new HeldSignals(app);
  const connect = connecting(app, { ...options, needed: "operator" }, nodes);
  const { runExec } = await import("../exec-run.ts");
  return await runExec(app, { options, nodes, command, connect, signals });
}
