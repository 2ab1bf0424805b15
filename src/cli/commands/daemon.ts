// `ctl daemon`: serve, say whether one serves, or end the one that does.

import { CtlError, type ErrorCode } from "../../base/errors.ts";
import { defaultPort } from "../../controller/address.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { type DaemonSettings, runDaemon } from "../daemon-run.ts";
import { errorText } from "../failure-text.ts";
import { helpOf } from "../help/command-help.ts";
import { type DaemonOptions, daemonSyntax } from "../syntax/daemon.ts";

const exitCannot = 1;
/** By the code of the error. */
const exitCodes: Partial<Record<ErrorCode, number>> = {
  "self-test-failed": 70,
  "key-unsafe": 77,
  "key-missing": 78,
};

export async function daemon(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(daemonSyntax, words, app.env);
  if (parsed.kind === "help") {
    app.console.print(helpOf(daemonSyntax, parsed.isFull));
    return 0;
  }
  const { options } = parsed;
  const settings = settingsOf(options);
  try {
    if (options.status || options.stop) {
      const { showDaemon, stopDaemon } = await import("../daemon-remote.ts");
      return await (options.stop ? stopDaemon(app, settings) : showDaemon(app, settings));
    }
    if (options.detach) {
      const { detachDaemon } = await import("../daemon-detach.ts");
      return await detachDaemon(app, { settings, words, log: options.log });
    }
    return await runDaemon(app, settings);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    app.console.say(errorText(error));
    return exitCodes[error.code] ?? exitCannot;
  }
}

function settingsOf(options: DaemonOptions): DaemonSettings {
  const { port, listen, insecure, json, childNofile, processesMax, sessionsMax } = options;
  const wantsNetwork = port !== null || listen !== null;
  return {
    network: wantsNetwork ? { host: hostOf(listen), port: port ?? defaultPort } : null,
    socket: options.socket && Buffer.from(options.socket).toString(),
    key: options.key && Buffer.from(options.key).toString(),
    stateDirectory: options.stateDirectory && Buffer.from(options.stateDirectory).toString(),
    allow: options.allow,
    insecure,
    json,
    childNofile: childNofile === null ? null : BigInt(childNofile),
    processesMax,
    sessionsMax,
  };
}

/** IPv6 with brackets too, as it stands in a node's name. */
function hostOf(listen: string | null): string | null {
  if (listen === null) return null;
  return /^\[(?<address>.*:.*)\]$/.exec(listen)?.groups?.["address"] ?? listen;
}
