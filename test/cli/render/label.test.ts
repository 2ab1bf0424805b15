// Labelled lines: whole ones, each stream to its own, and colours only where they are wanted.

import { describe, expect, test } from "bun:test";

import { chooseRenderer, type ShowOptions } from "../../../src/cli/render/choose.ts";
import { usesColour } from "../../../src/cli/render/colour.ts";
import { JsonRenderer } from "../../../src/cli/render/json.ts";
import { LabelRenderer } from "../../../src/cli/render/label.ts";
import { QuietRenderer, RawRenderer } from "../../../src/cli/render/plain.ts";
import type { NodeOutput, Renderer, Shown } from "../../../src/cli/render/renderer.ts";
import { endOf } from "../node-ends.ts";

const plain = { stdout: false, stderr: false };

const output = (node: string, stream: "stdout" | "stderr", text: string): NodeOutput => ({
  node,
  stream,
  piece: { offset: 0, bytes: Buffer.from(text) },
});

const asText = (shown: Shown | null): string =>
  shown ? `${shown.to}<${Buffer.from(shown.bytes).toString()}>` : "nothing";

describe("labels", () => {
  test("stand before whole lines, and streams stay apart", () => {
    const renderer = new LabelRenderer({ hasLabels: true, colour: plain });
    const say = (node: string, stream: "stdout" | "stderr", text: string): string =>
      asText(renderer.output(output(node, stream, text)));
    expect(say("a", "stdout", "one\ntw")).toBe("stdout<a: one\n>");
    expect(say("b", "stdout", "other\n")).toBe("stdout<b: other\n>");
    expect(say("a", "stderr", "wrong\n")).toBe("stderr<a: wrong\n>");
    expect(say("a", "stdout", "o")).toBe("nothing");
    expect(say("a", "stdout", "\n")).toBe("stdout<a: two\n>");
    expect(say("a", "stdout", "rest")).toBe("nothing");
    expect(say("a", "stderr", "end")).toBe("nothing");
    expect(renderer.ended(endOf("a")).map(asText)).toEqual([
      "stdout<a: rest\n>",
      "stderr<a: end\n>",
    ]);
    expect(renderer.ended(endOf("b"))).toEqual([]);
  });

  test("can be left out, lines stay whole", () => {
    const renderer = new LabelRenderer({ hasLabels: false, colour: plain });
    expect(asText(renderer.output(output("a", "stdout", "one\ntw")))).toBe("stdout<one\n>");
    expect(renderer.ended(endOf("a")).map(asText)).toEqual(["stdout<tw\n>"]);
  });

  test("have a colour on the streams that may have one, and lines have none", () => {
    const renderer = new LabelRenderer({
      hasLabels: true,
      colour: { stdout: true, stderr: false },
    });
    expect(asText(renderer.output(output("a", "stdout", "x\n")))).toBe(
      "stdout<\u001b[36ma:\u001b[0m x\n>",
    );
    expect(asText(renderer.output(output("a", "stderr", "x\n")))).toBe("stderr<a: x\n>");
  });
});

describe("the way to show output", () => {
  const options: ShowOptions = {
    nodes: ["a"],
    argv: [],
    json: false,
    quiet: false,
    label: null,
    colour: plain,
    software: "0.1.0",
  };

  test.each<[Partial<ShowOptions>, new (...parts: never[]) => Renderer]>([
    [{}, RawRenderer],
    [{ label: false }, RawRenderer],
    [{ label: true }, LabelRenderer],
    [{ nodes: ["a", "b"] }, LabelRenderer],
    [{ nodes: ["a", "b"], label: false }, LabelRenderer],
    [{ quiet: true }, QuietRenderer],
    [{ quiet: true, nodes: ["a", "b"] }, QuietRenderer],
    [{ json: true }, JsonRenderer],
    [{ json: true, quiet: true }, JsonRenderer],
  ])("%j", async (changes, kind) => {
    expect(await chooseRenderer({ ...options, ...changes })).toBeInstanceOf(kind);
  });

  test("raw is the very bytes", () => {
    const given = output("a", "stderr", "\u0000x");
    expect(new RawRenderer().output(given)).toEqual({ to: "stderr", bytes: given.piece.bytes });
    expect(new RawRenderer().begin()).toBe(null);
    expect(new RawRenderer().news()).toBe(null);
    expect(new RawRenderer().ended()).toEqual([]);
  });

  test("quiet is nothing", () => {
    const quiet = new QuietRenderer();
    expect([quiet.begin(), quiet.output(), quiet.news(), quiet.ended()]).toEqual([
      null,
      null,
      null,
      [],
    ]);
  });
});

describe("colours", () => {
  test.each<[Record<string, string>, boolean, boolean]>([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ NO_COLOR: "1", CLICOLOR_FORCE: "1" }, true, false],
    [{ CLICOLOR_FORCE: "1" }, false, true],
    [{ CLICOLOR_FORCE: "0" }, false, false],
    [{ CLICOLOR_FORCE: "1", CLICOLOR: "0" }, true, true],
    [{ CLICOLOR: "0" }, true, false],
    [{ CLICOLOR: "1" }, false, false],
    [{ TERM: "dumb" }, true, false],
    [{ TERM: "xterm" }, true, true],
  ])("%j on a terminal (%p): %p", (env, isTerminal, expected) => {
    expect(usesColour(env, isTerminal)).toBe(expected);
  });
});
