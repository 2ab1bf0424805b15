// `ctl revoke`: puts a key onto this controller's list and onto those of nodes.

import { CtlError } from "../../base/errors.ts";
import { escapeText } from "../../base/escape.ts";
import { toJson } from "../../base/json-text.ts";
import { revoke as revokeAt } from "../../capability/access/call.ts";
import { type NodeAddress, parseNodes } from "../../controller/address.ts";
import { configDirectory } from "../../keys/places.ts";
import { loadKey } from "../../keys/read-key-file.ts";
import { addRevocation, parseFingerprint } from "../../keys/revocations.ts";
import { makePrivateDirectories } from "../../os/private-directory.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { type Connect, connecting } from "../connecting.ts";
import { credentialsFor } from "../credentials.ts";
import { failureText, sessionFailureOf } from "../failure-text.ts";
import { helpOf } from "../help/command-help.ts";
import { withKeyFailures } from "../key-failure.ts";
import { revokeSyntax } from "../syntax/revoke.ts";

const exitSomeFailed = 1;
const exitAllFailed = 255;

export async function revoke(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(revokeSyntax, words, app.env);
  if (parsed.kind === "help") {
    app.console.print(helpOf(revokeSyntax, parsed.isFull));
    return 0;
  }
  const { options, operands } = parsed;
  const nodes = options.nodes === null ? [] : parseNodes(options.nodes);
  return await withKeyFailures(app, async () => {
    const fingerprint = fingerprintOf(operands[0] ?? "");
    const how = { ...options, insecure: false, needed: "operator" } as const;
    if (nodes.some(({ kind }) => kind === "tcp"))
      refuseOwn(credentialsFor(app, how)(), fingerprint);
    const path = `${configDirectory(app.env)}/revoked`;
    makePrivateDirectories(configDirectory(app.env));
    const isNew = addRevocation(path, fingerprint, "by ctl revoke");
    if (options.json)
      app.console.print(`${toJson({ ev: "key.revoked", fingerprint, path, known: !isNew })}\n`);
    else
      app.console.print(
        `${fingerprint} is on the list ${escapeText(path)}${isNew ? "" : " already"}\n`,
      );
    const connect = connecting(app, how, nodes);
    const told = await Promise.all(
      nodes.map((node) => tell(app, node, { connect, fingerprint, isJson: options.json })),
    );
    const failed = told.filter((isTold) => !isTold).length;
    if (failed === 0) return 0;
    return failed === nodes.length ? exitAllFailed : exitSomeFailed;
  });
}

/** What was typed: a fingerprint, or the file of a key. @throws CtlError */
function fingerprintOf(typed: string): string {
  if (/^[0-9A-Fa-f:]{64,95}$/.test(typed)) return parseFingerprint(typed);
  return loadKey(typed).key.identity.fingerprint;
}

/** Whoever locks himself out cannot tell the next node. @throws CtlError("refused") */
function refuseOwn(
  credentials: ReturnType<ReturnType<typeof credentialsFor>>,
  fingerprint: string,
): void {
  if (typeof credentials === "string" || credentials.key.identity.fingerprint !== fingerprint)
    return;
  throw new CtlError(
    "refused",
    "That is the key in use here, and no node would listen to it any more",
    {
      hint: "issue another with ctl key operator, and revoke this one with --key of the other",
    },
  );
}

interface Telling {
  connect: Connect;
  fingerprint: string;
  isJson: boolean;
}

async function tell(
  app: App,
  node: NodeAddress,
  { connect, fingerprint, isJson }: Telling,
): Promise<boolean> {
  const { name } = node;
  try {
    const session = await connect(node);
    const { known, sessions } = await revokeAt(session, fingerprint);
    session.goodbye("done", "");
    if (isJson)
      app.console.print(`${toJson({ ev: "node.revoked", node: name, known, sessions })}\n`);
    else {
      const before = known ? "knew it already" : "refuses it from now on";
      app.console.print(`${escapeText(name)}: ${before}; sessions ended: ${sessions}\n`);
    }
    return true;
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    const failure = sessionFailureOf(error);
    const { code, text, hint, errname } = failure;
    if (isJson)
      app.console.print(`${toJson({ ev: "error", node: name, code, errname, text, hint })}\n`);
    else app.console.say(failureText(name, failure));
    return false;
  }
}
