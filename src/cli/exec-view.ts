// What a person or a script sees of an exec: chosen once, then told of everything. Output goes to stdout and stderr as the
// chosen form wants it; what went wrong is one line each on stderr.

import type { ExecNews, OutputPiece } from "../capability/process/call.ts";
import type { OutputStream } from "../capability/process/contract.ts";
import type { ExecResult } from "../capability/process/exec-progress.ts";
import type { Outcome } from "../capability/process/outcome.ts";
import type { NodeAddress } from "../controller/address.ts";
import type { App } from "./app.ts";
import type { ExecOptions } from "./syntax/exec.ts";

type Done = (errno: string | null) => void;

export interface NodePiece {
  node: string;
  stream: OutputStream;
  piece: OutputPiece;
}

/** How it ended on one node. */
export interface NodeEnd {
  node: string;
  result: ExecResult;
  outcome: Outcome;
  exitCode: number;
}

export interface ExecView {
  /** `done` is called when the bytes are out. */
  write(piece: NodePiece, done: Done): void;
  news(node: string, news: ExecNews): void;
  ended(end: NodeEnd): void;
  /** All nodes have ended. @throws CtlError when something that was asked for cannot be written */
  finish(ends: readonly NodeEnd[]): Promise<void>;
}

export interface ViewOptions {
  nodes: readonly NodeAddress[];
  options: ExecOptions;
  argv: readonly Uint8Array[];
}

export async function viewOf(app: App, view: ViewOptions): Promise<ExecView> {
  if (view.options.json) {
    const { JsonView } = await import("./render/json-view.ts");
    return new JsonView(app, view);
  }
  const { PlainView } = await import("./render/plain-view.ts");
  return new PlainView(app, view);
}
