// `ctl pack`: a copy of ctl with a key in it.

import { CtlError } from "../../base/errors.ts";
import { escapeText } from "../../base/escape.ts";
import { toJson } from "../../base/json-text.ts";
import { checkKey } from "../../keys/check-key.ts";
import type { Key } from "../../keys/contract.ts";
import { findKey, roleText } from "../../keys/find-key.ts";
import { packKey } from "../../keys/pack.ts";
import { loadKey } from "../../keys/read-key-file.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { fileName } from "../file-name.ts";
import { helpOf } from "../help/command-help.ts";
import { withKeyFailures } from "../key-failure.ts";
import { identityJson } from "../render/key.ts";
import { packSyntax } from "../syntax/pack.ts";

export async function pack(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(packSyntax, words);
  if (parsed.kind === "help") {
    app.console.print(helpOf(packSyntax, parsed.isFull));
    return 0;
  }
  const { options } = parsed;
  const output = fileName(packSyntax.options.output, options.output);
  if (output === null) {
    throw new CtlError("usage", "ctl pack needs -o FILE", { hint: "write: ctl pack -o FILE" });
  }
  const binary = fileName(packSyntax.options.binary, options.binary);
  const explicit = fileName(packSyntax.options.key, options.key);
  return await withKeyFailures(app, () => {
    const key = keyToPack(app, explicit);
    packKey({ key, binary, output });
    const { role, name, cluster } = key.identity;
    const text = `${escapeText(output)}: ctl with ${roleText(role)} key, name ${name}, of cluster ${cluster}\n`;
    app.console.print(options.json ? `${toJson({ path: output, ...identityJson(key) })}\n` : text);
    return Promise.resolve(0);
  });
}

/** Any key that was named, for packing uses none of its rights; else the node's. */
function keyToPack({ env }: App, explicit: string | null): Key {
  const { key, from } =
    explicit === null ? findKey({ needed: "node", explicit, env }) : loadKey(explicit);
  checkKey(key, from);
  return key;
}
