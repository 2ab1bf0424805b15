// `ctl ping`: who answers, how fast, with which version, and how far its clock is from ours.

import { CtlError } from "../../base/errors.ts";
import { bestSample, probe, status } from "../../capability/node/call.ts";
import { type NodeAddress, parseNodes } from "../../controller/address.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { type Connect, connecting } from "../connecting.ts";
import { failureText, sessionFailureOf } from "../failure-text.ts";
import { helpOf } from "../help/command-help.ts";
import { type PingAnswer, pingJson, pingLines } from "../render/ping.ts";
import { pingNodes, pingSyntax } from "../syntax/ping.ts";

export async function ping(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(pingSyntax, words, app.env);
  if (parsed.kind === "help") {
    app.console.print(helpOf(pingSyntax, parsed.isFull));
    return 0;
  }
  const { options } = parsed;
  const nodes = parseNodes(pingNodes(options, parsed.operands));
  const connect = connecting(app, { ...options, needed: "observer" }, nodes);
  const answers = await Promise.all(
    nodes.map((node) => pingOne(app, node, { count: options.count, connect })),
  );
  const nameWidth = Math.max(...nodes.map((node) => node.name.length));
  for (const answer of answers) {
    if (options.json) app.console.print(`${pingJson(answer)}\n`);
    else if (answer.failure) app.console.say(failureText(answer.node, answer.failure));
    else app.console.print(pingLines(answer, { isVerbose: options.verbose, nameWidth }));
  }
  const failed = answers.filter((answer) => answer.failure).length;
  if (failed === 0) return 0;
  return failed === answers.length ? 255 : 1;
}

interface PingHow {
  count: number;
  connect: Connect;
}

async function pingOne(app: App, node: NodeAddress, how: PingHow): Promise<PingAnswer> {
  try {
    const session = await how.connect(node);
    const samples = await probe(session, app.clock, how.count);
    const best = bestSample(samples);
    const state = await status(session);
    const hello = session.peer;
    const { identity } = session.transport;
    session.goodbye("done", "");
    if (!best || !hello) throw new CtlError("connection-lost", "The session ended at once");
    return { node: node.name, failure: null, hello, best, status: state, identity };
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    const failure = sessionFailureOf(error);
    return { node: node.name, failure, hello: null, best: null, status: null, identity: null };
  }
}
