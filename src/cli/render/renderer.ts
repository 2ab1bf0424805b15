// What every way of showing an exec can do. Events in, bytes for stdout and stderr out; whoever uses one writes them, in order.
// Diagnostics are not its business: they are the same in every mode.

import type { ExecNews, OutputPiece } from "../../capability/process/call.ts";
import type { OutputStream } from "../../capability/process/contract.ts";
import type { NodeEnd } from "../node-end.ts";

export interface Shown {
  to: OutputStream;
  bytes: Uint8Array;
}

export interface NodeOutput {
  node: string;
  stream: OutputStream;
  /** Its bytes may be kept, or be part of what comes out. */
  piece: OutputPiece;
}

/** Every method may return nothing to show: an empty list, or null. */
export interface Renderer {
  /** Before everything else. */
  begin(): Shown | null;
  output(output: NodeOutput): Shown | null;
  news(node: string, news: ExecNews): Shown | null;
  /** The node has nothing more to say; what was held back comes out. */
  ended(end: NodeEnd): Shown[];
}
