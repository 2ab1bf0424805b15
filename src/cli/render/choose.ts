// Which way an exec is shown, decided once.

import type { OutputStream } from "../../capability/process/contract.ts";
import { LabelRenderer } from "./label.ts";
import { QuietRenderer, RawRenderer } from "./plain.ts";
import type { Renderer } from "./renderer.ts";

export interface ShowOptions {
  nodes: readonly string[];
  argv: readonly Uint8Array[];
  json: boolean;
  quiet: boolean;
  /** Null: labels for several nodes, none for one. */
  label: boolean | null;
  colour: Readonly<Record<OutputStream, boolean>>;
  software: string;
}

export async function chooseRenderer(options: ShowOptions): Promise<Renderer> {
  const { nodes, argv, software, quiet } = options;
  if (options.json) {
    // Loaded only by those who ask for it.
    const { JsonRenderer } = await import("./json.ts");
    return new JsonRenderer({ software, nodes, argv, hasOutput: !quiet });
  }
  if (quiet) return new QuietRenderer();
  const hasLabels = options.label ?? nodes.length > 1;
  if (nodes.length === 1 && !hasLabels) return new RawRenderer();
  return new LabelRenderer({ hasLabels, colour: options.colour });
}
