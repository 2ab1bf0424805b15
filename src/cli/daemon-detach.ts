// `ctl daemon --detach`: a daemon in a session of its own, with a log file, that is known to listen before this returns.

import { CtlError } from "../base/errors.ts";
import { toJson } from "../base/json-text.ts";
import { defaultPort } from "../controller/address.ts";
import { usualSocketPath } from "../daemon/socket-path.ts";
import { nodeFs, nodePath } from "../os/builtin.ts";
import type { App } from "./app.ts";
import type { DaemonSettings } from "./daemon-run.ts";

export interface DetachOptions {
  settings: DaemonSettings;
  /** The words of the command line after "daemon". */
  words: readonly Uint8Array[];
  log: Uint8Array | null;
}

/** @throws CtlError("listen-failed") with the daemon's own words when it could not begin */
export async function detachDaemon(app: App, options: DetachOptions): Promise<number> {
  const log = logPath(app, options);
  const logFd = openLog(log);
  const before = nodeFs().statSync(log).size;
  const words = options.words.map((word) => Buffer.from(word).toString());
  const child = Bun.spawn([process.execPath, "daemon", ...foreground(words)], {
    stdio: ["ignore", "pipe", logFd],
    detached: true,
    env: { ...app.env },
  });
  nodeFs().closeSync(logFd);
  const ready = await firstLine(child.stdout);
  if (ready === null) {
    const code = await child.exited;
    const said = nodeFs().readFileSync(log, "utf8").slice(before).trim().split("\n").at(-1) ?? "";
    throw new CtlError(
      code === 78 ? "key-missing" : "listen-failed",
      said.replace(/^ctl: /, "") || `The daemon ended with ${code}; see "${log}"`,
    );
  }
  child.unref();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the line that daemon-run.ts prints
  const { addresses, port } = JSON.parse(ready) as { addresses: string[]; port: number | null };
  const { pid } = child;
  if (options.settings.json) {
    app.console.print(`${toJson({ ev: "daemon.listening", addresses, port, pid, log })}\n`);
  } else {
    const how = endedBy(options.settings, port);
    app.console.print(
      `ctl: listening on ${addresses[0]}; pid ${pid}, log in ${log}; end it with: ${how}\n`,
    );
  }
  return 0;
}

/** What finds the same socket again. */
function endedBy({ socket }: DaemonSettings, port: number | null): string {
  if (socket !== null) return `ctl daemon --stop --socket ${socket}`;
  return port === null || port === defaultPort
    ? "ctl daemon --stop"
    : `ctl daemon --stop --port ${port}`;
}

/** The same words for a daemon that stays in the foreground and says as JSON when it is ready. */
function foreground(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "--detach" || word === "--json" || word.startsWith("--log=")) continue;
    if (word === "--log") at += 1;
    else kept.push(word);
  }
  return [...kept, "--json"];
}

function logPath(app: App, options: DetachOptions): string {
  if (options.log) return nodePath().resolve(Buffer.from(options.log).toString());
  const { network, socket } = options.settings;
  const path = socket ?? usualSocketPath({ env: app.env, port: network?.port ?? null });
  return `${path.replace(/\.sock$/, "")}.log`;
}

function openLog(path: string): number {
  try {
    nodeFs().mkdirSync(nodePath().dirname(path), { recursive: true, mode: 0o700 });
    return nodeFs().openSync(path, "a", 0o600);
  } catch (error) {
    throw new CtlError("listen-failed", `Cannot write the log "${path}"`, {
      cause: error,
      hint: "give another with --log",
    });
  }
}

/** Null when the stream ends before a whole line. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  const reader = stream.getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return null;
    text += Buffer.from(value).toString();
    const end = text.indexOf("\n");
    if (end < 0) continue;
    reader.releaseLock();
    return text.slice(0, end);
  }
}
