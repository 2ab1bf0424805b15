// Events as JSON, one per line, for scripts. The first line is a header; output comes as text where it is UTF-8, never cut
// inside a code point, else as base64.

import { toJson } from "../../base/json-text.ts";
import { decodeUtf8, incompleteTail } from "../../base/utf8.ts";
import type { ExecNews } from "../../capability/process/call.ts";
import type { OutputStream } from "../../capability/process/contract.ts";
import { isComplete, type NodeEnd } from "../node-end.ts";
import { eventsOf } from "./event-json.ts";
import { base64, type JsonObject, outcomeJson } from "./outcome-json.ts";
import type { NodeOutput, Renderer, Shown } from "./renderer.ts";

export const eventSchema = "ctl.events/1";

export interface JsonOptions {
  /** Version of this program. */
  software: string;
  nodes: readonly string[];
  argv: readonly Uint8Array[];
  /** False: no `out` events. */
  hasOutput: boolean;
}

interface NodeState {
  process: string | null;
  startedNs: bigint | null;
  isUnknownTold: boolean;
  /** The beginning of a code point whose rest is still to come, and where in the stream it stands. */
  held: Record<OutputStream, { offset: number; bytes: Uint8Array }>;
}

const streams: readonly OutputStream[] = ["stdout", "stderr"];

export class JsonRenderer implements Renderer {
  readonly #options: JsonOptions;
  readonly #states = new Map<string, NodeState>();

  constructor(options: JsonOptions) {
    this.#options = options;
  }

  begin(): Shown {
    const { software: ctl, nodes, argv } = this.#options;
    const words = argv.map((word) => decodeUtf8(word) ?? { b64: base64(word) });
    return shown([{ ev: "header", schema: eventSchema, ctl, nodes, argv: words }]);
  }

  output({ node, stream, piece }: NodeOutput): Shown | null {
    if (!this.#options.hasOutput) return null;
    const { held } = this.#state(node);
    const before = held[stream].bytes;
    const bytes = before.length === 0 ? piece.bytes : Buffer.concat([before, piece.bytes]);
    const offset = piece.offset - before.length;
    const whole = bytes.length - incompleteTail(bytes);
    // A copy: the piece may be a view of memory that is used again.
    held[stream] = { offset: offset + whole, bytes: bytes.slice(whole) };
    return whole === 0
      ? null
      : this.#out(node, stream, { offset, bytes: bytes.subarray(0, whole) });
  }

  news(node: string, news: ExecNews): Shown | null {
    const state = this.#state(node);
    switch (news.kind) {
      case "connected":
        return shown([connectedJson(node, news)]);
      case "accepted":
        state.process = news.process;
        return shown([{ ev: "proc.accepted", node, proc: news.process }]);
      case "event": {
        const { fact, monotonicNs } = news.event;
        if (fact.kind === "started") state.startedNs = monotonicNs;
        if (fact.kind === "unknown") state.isUnknownTold = true;
        return shown(eventsOf(node, news.event, state.startedNs));
      }
      case "gap": {
        const { stream, offset: off, length: len } = news;
        const gap = { ev: "gap", node, proc: state.process, stream, off, len };
        return joined([this.#release(node, stream), shown([gap])]);
      }
      case "lost": {
        const retry = BigInt(Math.round(news.forMs)) * 1_000_000n;
        return shown([{ ev: "node.lost", node, proc: state.process, why: news.why, retry }]);
      }
      case "resumed":
        return shown([{ ev: "node.resumed", node, proc: state.process }]);
      default:
        return news satisfies never;
    }
  }

  ended(end: NodeEnd): Shown[] {
    const { node, outcome, exitCode } = end;
    const state = this.#state(node);
    const proc = end.result.process;
    const last: JsonObject[] = [];
    if (outcome.kind === "not-started" && outcome.failure) {
      const { code, text, hint, errname } = outcome.failure;
      last.push({ ev: "error", node, code, errname, text, hint });
    }
    if (outcome.kind === "unknown" && !state.isUnknownTold) {
      last.push({ ev: "proc.unknown", node, proc, ...outcomeJson(outcome) });
    }
    const result = { exit_code: exitCode, complete: isComplete(end) };
    last.push({ ev: "result", node, proc, ...outcomeJson(outcome), ...result });
    const all = [...streams.map((stream) => this.#release(node, stream)), shown(last)];
    return all.filter((one) => one !== null);
  }

  /** What was held back for the rest of a code point that will not come. */
  #release(node: string, stream: OutputStream): Shown | null {
    const { held } = this.#state(node);
    const piece = held[stream];
    held[stream] = { offset: 0, bytes: new Uint8Array() };
    return piece.bytes.length === 0 ? null : this.#out(node, stream, piece);
  }

  #out(node: string, stream: OutputStream, piece: { offset: number; bytes: Uint8Array }): Shown {
    const { offset: off, bytes } = piece;
    const text = decodeUtf8(bytes);
    const content = text === null ? { b64: base64(bytes) } : { text };
    const proc = this.#state(node).process;
    return shown([{ ev: "out", node, proc, stream, off, len: bytes.length, ...content }]);
  }

  #state(node: string): NodeState {
    const known = this.#states.get(node);
    if (known) return known;
    const none = { offset: 0, bytes: new Uint8Array() };
    const held = { stdout: none, stderr: none };
    const made = { process: null, startedNs: null, isUnknownTold: false, held };
    this.#states.set(node, made);
    return made;
  }
}

function connectedJson(
  node: string,
  { peer }: Extract<ExecNews, { kind: "connected" }>,
): JsonObject {
  return {
    ev: "node.connected",
    node,
    m: peer.monotonicNs,
    r: peer.realtimeNs,
    incarnation: Buffer.from(peer.incarnation).toString("hex"),
    version: peer.software,
    host: peer.host,
    protocol_min: peer.protocolMin,
    protocol_max: peer.protocolMax,
    insecure: peer.insecure,
  };
}

const shown = (events: readonly JsonObject[]): Shown => ({
  to: "stdout",
  bytes: Buffer.from(events.map((event) => `${toJson(event)}\n`).join("")),
});

function joined(parts: readonly (Shown | null)[]): Shown {
  const all = parts.flatMap((part) => (part ? [part.bytes] : []));
  return { to: "stdout", bytes: Buffer.concat(all) };
}
