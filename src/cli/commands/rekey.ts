// `ctl rekey`: a new authority for a cluster, in two steps.

import { CtlError } from "../../base/errors.ts";
import { escapeText } from "../../base/escape.ts";
import { toJson } from "../../base/json-text.ts";
import { checkKey, fingerprintOfPem } from "../../keys/check-key.ts";
import type { Key } from "../../keys/contract.ts";
import { findKey } from "../../keys/find-key.ts";
import { rekeyed, rekeyFinished } from "../../keys/issue.ts";
import { parseKey, printKey } from "../../keys/key-file.ts";
import { replaceTextFile } from "../../keys/new-file.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { fileName } from "../file-name.ts";
import { helpOf } from "../help/command-help.ts";
import { withKeyFailures } from "../key-failure.ts";
import { identityJson } from "../render/key.ts";
import { rekeySyntax } from "../syntax/rekey.ts";

export async function rekey(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(rekeySyntax, words);
  if (parsed.kind === "help") {
    app.console.print(helpOf(rekeySyntax, parsed.isFull));
    return 0;
  }
  const { options } = parsed;
  const explicit = fileName(rekeySyntax.options.key, options.key);
  return await withKeyFailures(app, async () => {
    const step = await replaceKey(app, { explicit, isLast: options.finish });
    app.console.print(options.json ? `${toJson(stepJson(step))}\n` : stepText(step));
    return 0;
  });
}

interface Step {
  isLast: boolean;
  key: Key;
  path: string;
  /** Where the file before it is now. */
  kept: string;
}

interface Wanted {
  /** What --key said. */
  explicit: string | null;
  isLast: boolean;
}

async function replaceKey({ env }: App, { explicit, isLast }: Wanted): Promise<Step> {
  const { key: before, from, path } = findKey({ needed: "operator", explicit, env });
  if (path === null) {
    throw new CtlError("io-failed", "A key that is packed into ctl cannot be replaced there", {
      hint: "name the operator's file with --key",
    });
  }
  checkKey(before, from);
  const key = await (isLast ? rekeyFinished(before) : rekeyed(before));
  const isStill = (text: string): boolean => printKey(parseKey(text, from)) === printKey(before);
  const kept = replaceTextFile(path, printKey(key), isStill);
  return { isLast, key, path, kept };
}

function stepText({ isLast, key, path, kept }: Step): string {
  const { cluster } = key.identity;
  const files = [
    `  ${escapeText(path)}: the new key`,
    `  ${escapeText(kept)}: the one before`,
    "",
    "next:",
  ];
  const lines = isLast
    ? [
        `cluster ${cluster} accepts its new authority alone`,
        ...files,
        "  other operators need new keys too: ctl key operator",
        "  daemons with keys from before this step accept old operators until they get new ones",
      ]
    : [
        `cluster ${cluster} has a new authority, and accepts the old one beside it`,
        ...files,
        "  give every node and every other operator a new key: ctl key node, ctl key operator",
        "  and then: ctl rekey --finish",
      ];
  return `${lines.join("\n")}\n`;
}

const stepJson = ({ isLast, key, path, kept }: Step): Parameters<typeof toJson>[0] => ({
  step: isLast ? "finished" : "begun",
  path,
  kept,
  ...identityJson(key),
  authorities: key.authorities.map(fingerprintOfPem),
});
