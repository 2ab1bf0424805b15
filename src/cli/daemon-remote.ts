// `ctl daemon --status` and `--stop`: what one daemon says to its owner through its Unix socket.

import { CtlError } from "../base/errors.ts";
import { toJson } from "../base/json-text.ts";
import type { Message } from "../capability/messages.ts";
import { shutdown, status } from "../capability/node/call.ts";
import { usualSocketPath } from "../daemon/socket-path.ts";
import type { Session } from "../session/session.ts";
import type { App } from "./app.ts";
import { connecting } from "./connecting.ts";
import type { DaemonSettings } from "./daemon-run.ts";

/** A daemon that ends in order waits for its processes; this is for the answer, not for them. */
const connectTimeoutMs = 5_000;

/** @throws CtlError when none runs */
export async function showDaemon(app: App, settings: DaemonSettings): Promise<number> {
  const session = await connect(app, settings);
  const { pid, addresses, sessions, processes } = await status(session);
  const software = session.peer?.software ?? "";
  session.goodbye("done", "");
  if (settings.json) {
    const ev = "daemon.running";
    app.console.print(`${toJson({ ev, pid, addresses, sessions, processes, ctl: software })}\n`);
  } else {
    app.console.print(
      `ctl: daemon ${software} runs as pid ${pid}, listening on ${addresses.join(", ")}; ` +
        `${sessions - 1} other sessions, ${processes} processes\n`,
    );
  }
  return 0;
}

/** Resolves when it has ended. @throws CtlError when none runs */
export async function stopDaemon(app: App, settings: DaemonSettings): Promise<number> {
  const session = await connect(app, settings);
  const { pid } = await status(session);
  await shutdown(session);
  if (settings.json) app.console.print(`${toJson({ ev: "daemon.stopped", pid })}\n`);
  else app.console.print(`ctl: daemon with pid ${pid} has ended\n`);
  return 0;
}

async function connect(app: App, settings: DaemonSettings): Promise<Session<Message>> {
  const port = settings.network?.port ?? null;
  const path = settings.socket ?? usualSocketPath({ env: app.env, port });
  try {
    const node = { kind: "unix", name: `unix:${path}`, path } as const;
    const open = connecting(
      app,
      { connectTimeoutMs, insecure: false, key: null, needed: "operator" },
      [node],
    );
    return await open(node);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    if (error.errno !== "ENOENT" && error.errno !== "ECONNREFUSED") throw error;
    throw new CtlError("connect-refused", `No daemon runs here (nobody listens on unix:${path})`, {
      cause: error,
      hint: "start one with: ctl daemon --detach",
    });
  }
}
