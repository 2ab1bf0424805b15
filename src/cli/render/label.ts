// Many nodes: whole lines, each with the name of its node before it, stdout to stdout and stderr to stderr.

import { escapeText } from "../../base/escape.ts";
import { LinePrefixer } from "../../base/lines.ts";
import type { OutputStream } from "../../capability/process/contract.ts";
import type { NodeEnd } from "../node-end.ts";
import { coloured } from "./colour.ts";
import type { NodeOutput, Renderer, Shown } from "./renderer.ts";

export interface LabelOptions {
  /** False: whole lines without labels. */
  hasLabels: boolean;
  /** Which stream may carry colours; they are never the only sign of anything. */
  colour: Readonly<Record<OutputStream, boolean>>;
}

const streams: readonly OutputStream[] = ["stdout", "stderr"];

export class LabelRenderer implements Renderer {
  readonly #options: LabelOptions;
  readonly #lines = new Map<string, Record<OutputStream, LinePrefixer>>();

  constructor(options: LabelOptions) {
    this.#options = options;
  }

  begin(): null {
    return null;
  }

  output({ node, stream, piece }: NodeOutput): Shown | null {
    const bytes = this.#linesOf(node)[stream].push(piece.bytes);
    return bytes.length === 0 ? null : { to: stream, bytes };
  }

  news(): null {
    return null;
  }

  ended({ node }: NodeEnd): Shown[] {
    const lines = this.#linesOf(node);
    return streams
      .map((stream) => ({ to: stream, bytes: lines[stream].end() }))
      .filter(({ bytes }) => bytes.length > 0);
  }

  #linesOf(node: string): Record<OutputStream, LinePrefixer> {
    const known = this.#lines.get(node);
    if (known) return known;
    const made = {
      stdout: new LinePrefixer(this.#label(node, "stdout")),
      stderr: new LinePrefixer(this.#label(node, "stderr")),
    };
    this.#lines.set(node, made);
    return made;
  }

  #label(node: string, stream: OutputStream): Uint8Array {
    if (!this.#options.hasLabels) return new Uint8Array();
    const label = `${escapeText(node)}:`;
    const colour = stream === "stdout" ? "cyan" : "red";
    return Buffer.from(`${this.#options.colour[stream] ? coloured(label, colour) : label} `);
  }
}
