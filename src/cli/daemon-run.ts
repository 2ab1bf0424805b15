// A daemon from its settings to its end: listeners, the line that says where they are, signals, an orderly stop.

import { CtlError } from "../base/errors.ts";
import { Daemon } from "../daemon/daemon.ts";
import { prepareSocketPath } from "../daemon/socket-path.ts";
import { LauncherSpawner } from "../launcher/spawner.ts";
import { account, childNofile, hostName, incarnation, randomBytes } from "../os/machine.ts";
import { listenTcp, listenUnix } from "../transport/tcp.ts";
import type { Listener, Transport } from "../transport/transport.ts";
import type { App } from "./app.ts";
import { toJson } from "./render/json-text.ts";

export interface DaemonSettings {
  /** Null: no network listener. */
  network: { host: string; port: number } | null;
  /** Null: the usual place. */
  socket: string | null;
  insecure: boolean;
  json: boolean;
  childNofile: bigint | null;
  processesMax: number;
  sessionsMax: number;
}

/** Serves until it is told to end. @throws CtlError("listen-failed") */
export async function runDaemon(app: App, settings: DaemonSettings): Promise<number> {
  const { clock, software, console } = app;
  const host = hostName();
  const daemon = new Daemon({
    clock,
    software,
    host,
    node: host,
    spawner: new LauncherSpawner({ clock }),
    account: account(),
    incarnation: incarnation(),
    insecure: settings.insecure,
    nofile: childNofile(settings.childNofile),
    processesMax: settings.processesMax,
    sessionsMax: settings.sessionsMax,
    pid: process.pid,
    random: randomBytes,
    log: (text) => console.say(text),
  });
  const listeners = await openListeners(app, settings, (transport) => daemon.accept(transport));
  daemon.addresses = listeners.map((listener) => listener.address);
  // Before anybody knows that we are here, or the first SIGTERM might find the default action.
  const asked = untilAsked(app, daemon);
  announce(app, settings, listeners);
  await asked;
  for (const listener of listeners) listener.close();
  await stopOrLeave(app, daemon);
  return 0;
}

async function openListeners(
  app: App,
  settings: DaemonSettings,
  onConnection: (transport: Transport) => void,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    const { network } = settings;
    if (network) listeners.push(await listenTcp({ ...network, onConnection }));
    const port = listeners[0]?.port ?? null;
    const path = prepareSocketPath({ given: settings.socket, env: app.env, port });
    listeners.push(await listenUnix({ path, onConnection }));
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
}

function announce(app: App, settings: DaemonSettings, listeners: readonly Listener[]): void {
  const addresses = listeners.map((listener) => listener.address);
  const network = listeners.find((listener) => listener.port !== null);
  if (settings.json) {
    const port = network?.port ?? null;
    app.console.print(
      `${toJson({ ev: "daemon.listening", addresses, port, pid: process.pid, ctl: app.software })}\n`,
    );
  } else {
    app.console.print(`ctl: listening on ${network?.address ?? addresses[0] ?? ""}\n`);
  }
  if (network) {
    app.console.say(
      `no authentication: whoever reaches ${network.address} can run commands here as this user`,
    );
  }
}

/** SIGTERM, SIGINT, or the owner through the Unix socket. */
async function untilAsked(app: App, daemon: Daemon): Promise<void> {
  const asked = Promise.withResolvers<void>();
  const stopListening = app.onSignals(["SIGTERM", "SIGINT"], () => asked.resolve());
  await Promise.race([asked.promise, daemon.shutdownAsked]);
  stopListening();
}

/** A second signal means now: the launchers follow their policies without us. */
async function stopOrLeave(app: App, daemon: Daemon): Promise<void> {
  const again = Promise.withResolvers<void>();
  const stopListening = app.onSignals(["SIGTERM", "SIGINT"], () => again.resolve());
  await Promise.race([daemon.stop(), again.promise]);
  stopListening();
}

/** Refuses a network listener that would let anybody in. */
export function refuseOpenNetwork(settings: DaemonSettings): CtlError | null {
  if (!settings.network || settings.insecure) return null;
  return new CtlError("key-missing", "There is no key, so this daemon opens no network port", {
    hint:
      "leave out --port and --listen to serve this machine's Unix socket only, or type " +
      "--insecure-no-authentication if everybody who can reach the port may run commands",
  });
}
