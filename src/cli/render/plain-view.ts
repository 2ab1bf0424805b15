// Output for people: one node's bytes untouched, or whole lines with the node's name before them.

import { printDuration } from "../../base/duration.ts";
import { escapeText } from "../../base/escape.ts";
import { LinePrefixer } from "../../base/lines.ts";
import type { ExecNews } from "../../capability/process/call.ts";
import type { OutputStream } from "../../capability/process/contract.ts";
import type { App } from "../app.ts";
import type { ExecView, NodeEnd, NodePiece, ViewOptions } from "../exec-view.ts";
import { deliveryText, needsSaying, outcomeText, survivorsText } from "../failure-text.ts";
import { wantsLabel } from "../syntax/exec.ts";

type Done = (errno: string | null) => void;

export class PlainView implements ExecView {
  readonly #app: App;
  readonly #view: ViewOptions;
  readonly #prefixers = new Map<string, LinePrefixer>();
  /** Whole lines are needed as soon as there is more than one writer of them. */
  readonly #isByLine: boolean;
  readonly #isLabelled: boolean;

  constructor(app: App, view: ViewOptions) {
    this.#app = app;
    this.#view = view;
    const isMany = view.nodes.length > 1;
    this.#isLabelled = wantsLabel(view.options) ?? isMany;
    this.#isByLine = this.#isLabelled || isMany;
  }

  write({ node, stream, piece }: NodePiece, done: Done): void {
    const { bytes } = piece;
    const shown = this.#view.options.quiet ? nothing : this.#shown(node, stream, bytes);
    if (shown.length > 0) this.#app.console[stream].write(shown, done);
    else queueMicrotask(() => done(this.#app.console[stream].errno));
  }

  news(node: string, news: ExecNews): void {
    const name = escapeText(node);
    if (news.kind === "lost") {
      const forHowLong = printDuration(news.forMs);
      this.#say(`${name}: connection lost (${news.why}); trying again for ${forHowLong}`);
    }
    if (news.kind === "resumed") this.#say(`${name}: connected again, nothing is missing`);
    if (news.kind === "event" && news.event.fact.kind === "stuck") {
      const { left, pid } = news.event.fact;
      this.#say(`${name}: KILL did not end ${left} processes yet, pid ${pid} among them`);
    }
  }

  ended(end: NodeEnd): void {
    const { node, outcome, result } = end;
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#prefixers.get(keyOf(node, stream))?.end();
      if (rest && rest.length > 0) this.#app.console[stream].write(rest, () => {});
    }
    const { argv, options } = this.#view;
    if (options.verbose || needsSaying(outcome)) {
      this.#say(outcomeText(node, outcome, { argv, timeoutMs: options.timeoutMs }));
    }
    for (const stream of ["stdout", "stderr"] as const) {
      const text = deliveryText(node, stream, result.streams[stream]);
      if (text !== null) this.#say(text);
    }
    if (result.survivors.length > 0) this.#say(survivorsText(node, result.survivors));
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  #shown(node: string, stream: OutputStream, bytes: Uint8Array): Uint8Array {
    if (!this.#isByLine) return bytes;
    const key = keyOf(node, stream);
    let prefixer = this.#prefixers.get(key);
    if (!prefixer) {
      prefixer = new LinePrefixer(Buffer.from(this.#isLabelled ? `${node}: ` : ""));
      this.#prefixers.set(key, prefixer);
    }
    return prefixer.push(bytes);
  }

  #say(text: string): void {
    this.#app.console.say(text);
  }
}

const nothing = new Uint8Array();
const keyOf = (node: string, stream: OutputStream): string => `${stream} ${node}`;
