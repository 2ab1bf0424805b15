// `ctl init`: a new cluster. Both files are made, or none.

import { CtlError } from "../../base/errors.ts";
import { escapeText, quote } from "../../base/escape.ts";
import { toJson } from "../../base/json-text.ts";
import type { Key } from "../../keys/contract.ts";
import { createCluster, issueKey } from "../../keys/issue.ts";
import { printKey } from "../../keys/key-file.ts";
import { createTextFile, isTaken, removeFile } from "../../keys/new-file.ts";
import { packKey } from "../../keys/pack.ts";
import { configDirectory } from "../../keys/places.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { fileName } from "../file-name.ts";
import { helpOf } from "../help/command-help.ts";
import { withKeyFailures } from "../key-failure.ts";
import { identityJson } from "../render/key.ts";
import { initSyntax } from "../syntax/init.ts";

export async function init(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(initSyntax, words);
  if (parsed.kind === "help") {
    app.console.print(helpOf(initSyntax, parsed.isFull));
    return 0;
  }
  const { options } = parsed;
  const usualDirectory = configDirectory(app.env);
  const directory = fileName(initSyntax.options.directory, options.directory) ?? usualDirectory;
  const files: Files = {
    operator: `${directory.replace(/(?<=.)\/+$/, "")}/operator.key`,
    node: fileName(initSyntax.options.output, options.output) ?? "ctl-node",
    isUsualPlace: directory === usualDirectory,
  };
  return await withKeyFailures(app, async () => {
    const made = await make(files);
    app.console.print(options.json ? `${toJson(madeJson(files, made))}\n` : madeText(files, made));
    return 0;
  });
}

interface Files {
  operator: string;
  node: string;
  /** The operator's key is where it is found without --key. */
  isUsualPlace: boolean;
}

interface Made {
  operator: Key;
  node: Key;
}

async function make(files: Files): Promise<Made> {
  for (const path of [files.operator, files.node]) {
    if (isTaken(path)) {
      throw new CtlError("io-failed", `${quote(path)} exists already: nothing was made`);
    }
  }
  const operator = await createCluster();
  const node = await issueKey(operator, { role: "node", name: "node" });
  createTextFile(files.operator, printKey(operator));
  try {
    packKey({ key: node, binary: null, output: files.node });
  } catch (error) {
    // A cluster without its nodes' key would stand in the way of the next attempt.
    removeFile(files.operator);
    throw error;
  }
  return { operator, node };
}

function madeText({ operator, node, isUsualPlace }: Files, made: Made): string {
  const width = Math.max(operator.length, node.length) + 2;
  const key = isUsualPlace ? "" : `--key ${escapeText(operator)} `;
  const copy = `scp ${escapeText(node)} NODE:ctl`;
  return [
    `cluster ${made.operator.identity.cluster}`,
    `  ${escapeText(operator).padEnd(width)}may run commands and issue keys; it stays here`,
    `  ${escapeText(node).padEnd(width)}ctl with a node's key; it goes to every node`,
    "",
    "next:",
    `  ${copy.padEnd(32)}for every NODE`,
    `  ${"./ctl daemon --port 9000".padEnd(32)}on the node`,
    `  ctl exec ${key}NODE hostname`.padEnd(34).concat("here"),
    "",
  ].join("\n");
}

const madeJson = (
  files: Files,
  { operator, node }: Made,
): Readonly<Record<string, ReturnType<typeof identityJson> | string>> => ({
  cluster: operator.identity.cluster,
  operator: { path: files.operator, ...identityJson(operator) },
  node: { path: files.node, ...identityJson(node) },
});
