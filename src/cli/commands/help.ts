// `ctl help [TOPIC]`: what there is, and how it is used.

import { CtlError } from "../../base/errors.ts";
import { decodeUtf8 } from "../../base/utf8.ts";
import type { App } from "../app.ts";
import { helpText } from "../help/topics.ts";

export function help(app: App, words: readonly Uint8Array[]): Promise<number> {
  if (words.length > 1) throw new CtlError("usage", "ctl help takes one TOPIC at the most");
  const [topic] = words;
  app.console.print(helpText(topic ? (decodeUtf8(topic) ?? "") : null));
  return Promise.resolve(0);
}
