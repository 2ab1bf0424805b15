// What a person or a script sees of an exec: output in the chosen form, and one line on stderr for everything that the exit
// code does not say by itself. Chosen once, then told of everything.

import { printDuration } from "../base/duration.ts";
import { CtlError } from "../base/errors.ts";
import { cleanText, escapeText } from "../base/escape.ts";
import type { ExecNews } from "../capability/process/call.ts";
import type { NodeAddress } from "../controller/address.ts";
import { isTerminal } from "../os/descriptor-kind.ts";
import type { App } from "./app.ts";
import { isWordless, type NodeEnd } from "./node-end.ts";
import { chooseRenderer } from "./render/choose.ts";
import { usesColour } from "./render/colour.ts";
import type { NodeOutput, Renderer, Shown } from "./render/renderer.ts";
import { type ExecOptions, wantsLabel } from "./syntax/exec.ts";

type Done = (errno: string | null) => void;

export interface ViewOptions {
  nodes: readonly NodeAddress[];
  options: ExecOptions;
  argv: readonly Uint8Array[];
}

export async function openView(app: App, view: ViewOptions): Promise<ExecView> {
  const { options, argv } = view;
  const label = wantsLabel(options);
  const nodes = view.nodes.map((node) => node.name);
  // Only labels are coloured, so nobody else needs to know what kind of thing stdout is.
  const isLabelled = !options.json && (label ?? nodes.length > 1);
  const isColoured = (fd: number): boolean => isLabelled && usesColour(app.env, isTerminal(fd));
  const renderer = await chooseRenderer({
    nodes,
    argv,
    label,
    json: options.json,
    quiet: options.quiet,
    colour: { stdout: isColoured(1), stderr: isColoured(2) },
    software: app.software,
  });
  return new ExecView(app, view, renderer);
}

export class ExecView {
  readonly #app: App;
  readonly #view: ViewOptions;
  readonly #renderer: Renderer;
  #hasWarned = false;

  constructor(app: App, view: ViewOptions, renderer: Renderer) {
    this.#app = app;
    this.#view = view;
    this.#renderer = renderer;
    this.#show(renderer.begin());
  }

  /** `done` is called when the bytes are out. */
  write(output: NodeOutput, done: Done): void {
    const shown = this.#renderer.output(output);
    if (shown && shown.bytes.length > 0) {
      this.#app.console[shown.to].write(shown.bytes, done);
      return;
    }
    // Held back until its line is whole, or not wanted: that counts as out unless nothing can be written any more.
    const { errno } = this.#app.console[output.stream];
    queueMicrotask(() => done(errno));
  }

  news(node: string, news: ExecNews): void {
    this.#show(this.#renderer.news(node, news));
    const text = this.#warning(node, news) ?? newsText(node, news);
    if (text !== null) this.#app.console.say(text);
  }

  /** Says what the exit code does not. The words are loaded only when there is something to say. */
  async ended(end: NodeEnd): Promise<void> {
    for (const shown of this.#renderer.ended(end)) this.#show(shown);
    const { argv, options } = this.#view;
    if (!options.verbose && isWordless(end)) return;
    const { endLines } = await import("./end-lines.ts");
    for (const text of endLines(end, { argv, options })) this.#say(text);
  }

  /** Our own stdin has been read. Returns false when that failed, so that the commands got less than there was. */
  async inputEnded(errno: string | null): Promise<boolean> {
    // What is not open for reading, as nohup leaves it, holds nothing.
    if (errno === null || errno === "EBADF") return true;
    const { inputText } = await import("./failure-text.ts");
    this.#say(inputText(errno));
    return false;
  }

  /** All nodes have ended. Returns false when the status file that was asked for could not be written. */
  async finish(ends: readonly NodeEnd[]): Promise<boolean> {
    const { statusFile, verbose } = this.#view.options;
    if (ends.length > 1) {
      const { summaryText } = await import("./render/summary.ts");
      const text = summaryText(ends, verbose);
      if (text !== null) this.#say(text);
    }
    if (!statusFile) return true;
    const { writeStatusFile } = await import("./status-file.ts");
    try {
      await writeStatusFile(statusFile, ends);
      return true;
    } catch (error) {
      if (!(error instanceof CtlError)) throw error;
      const { errorText } = await import("./failure-text.ts");
      this.#say(errorText(error));
      return false;
    }
  }

  /** Once, whatever was asked to be quiet: who forgot that there are no keys must not forget it for long. */
  #warning(node: string, news: ExecNews): string | null {
    if (this.#hasWarned || news.kind !== "connected" || !news.peer.insecure) return null;
    this.#hasWarned = true;
    return `${escapeText(node)}: no authentication: whoever reaches its port can run commands there`;
  }

  #say(text: string): void {
    this.#app.console.say(text);
  }

  #show(shown: Shown | null): void {
    if (!shown || shown.bytes.length === 0) return;
    // The console remembers a failure to write; the exit code tells it.
    this.#app.console[shown.to].write(shown.bytes, () => {});
  }
}

function newsText(node: string, news: ExecNews): string | null {
  const name = escapeText(node);
  switch (news.kind) {
    case "lost":
      return `${name}: connection lost (${cleanText(news.why)}); trying again for ${printDuration(news.forMs)}`;
    case "resumed":
      return `${name}: connected again, nothing is missing`;
    case "event": {
      const { fact } = news.event;
      if (fact.kind !== "stuck") return null;
      return `${name}: KILL did not end ${fact.left} processes yet, pid ${fact.pid} among them`;
    }
    case "connected":
    case "accepted":
    case "gap":
      return null;
    default:
      return news satisfies never;
  }
}
