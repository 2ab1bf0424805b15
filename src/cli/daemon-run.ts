// A daemon from its settings to its end: listeners, the line that says where they are, signals, an orderly stop.

import type { AddressRange } from "../base/cidr.ts";
import { toJson } from "../base/json-text.ts";
import { AuditLog } from "../daemon/audit-log.ts";
import { Daemon } from "../daemon/daemon.ts";
import { type DescriptorBudget, descriptorBudget } from "../daemon/descriptor-budget.ts";
import { openRevocationList } from "../daemon/revocation-list.ts";
import { prepareStateDirectory } from "../daemon/state-directory.ts";
import { checkKey } from "../keys/check-key.ts";
import type { Key } from "../keys/contract.ts";
import { findKey } from "../keys/find-key.ts";
import { machineDirectory } from "../keys/places.ts";
import { LauncherSpawner } from "../launcher/spawner.ts";
import { account, childNofile, hostName, incarnation, randomBytes } from "../os/machine.ts";
import { makeUndumpable } from "../os/process-hygiene.ts";
import { proveStrangersAreRefused } from "../transport/self-test.ts";
import { connectionsMax } from "../transport/socket-transport.ts";
import type { Listener } from "../transport/transport.ts";
import type { App } from "./app.ts";
import { openListeners } from "./daemon-listeners.ts";
import { errorText } from "./failure-text.ts";

export interface DaemonSettings {
  /** Null: no network listener. No host: every address of this machine with a key, loopback without. */
  network: { host: string | null; port: number } | null;
  /** Null: the usual place. */
  socket: string | null;
  insecure: boolean;
  /** A file; null: wherever a node's key is found. */
  key: string | null;
  /** Who may connect; empty: every address. */
  allow: readonly AddressRange[];
  /** Null: the usual place. */
  stateDirectory: string | null;
  json: boolean;
  childNofile: bigint | null;
  processesMax: number;
  sessionsMax: number;
}

/** Serves until it is told to end. @throws CtlError */
export async function runDaemon(app: App, settings: DaemonSettings): Promise<number> {
  const { clock, software, console } = app;
  makeUndumpable();
  const key = settings.network && !settings.insecure ? nodeKey(app, settings) : null;
  if (key) await proveStrangersAreRefused(key, clock);
  const nofile = childNofile(settings.childNofile);
  const budget = budgetOf(app, settings, nofile.hard);
  const host = hostName();
  const who = account();
  const life = incarnation();
  const log = (text: string): void => console.say(text);
  const state = prepareStateDirectory({ given: settings.stateDirectory, env: app.env });
  if (state.refusal) console.say(`${errorText(state.refusal)}; nothing is written down`);
  const revocations = openRevocationList(
    state.path && `${state.path}/revoked`,
    [`${machineDirectory}/revoked`],
    log,
  );
  const audit = new AuditLog({ directory: state.path, clock, report: log });
  const daemon = new Daemon({
    clock,
    software,
    host,
    node: host,
    spawner: new LauncherSpawner({ clock }),
    account: who,
    incarnation: life,
    insecure: settings.insecure,
    revocations,
    audit,
    nofile,
    processesMax: settings.processesMax,
    sessionsMax: budget.sessions,
    pid: process.pid,
    random: randomBytes,
    log,
  });
  const listeners = await openListeners(app, {
    settings,
    key,
    revocations,
    connectionsMax: budget.connections,
    clock,
    onConnection: (transport) => daemon.accept(transport),
    refused: (refused) => daemon.turnedAway(refused),
  });
  daemon.addresses = listeners.map((listener) => listener.address);
  // Before anybody knows that we are here, or the first SIGTERM might find the default action.
  const asked = untilAsked(app, daemon);
  const { addresses } = daemon;
  const { pid } = process;
  audit.daemonStarted({
    addresses,
    software,
    pid,
    user: who.user,
    incarnation: life,
    insecure: settings.insecure,
    fingerprint: key?.identity.fingerprint ?? null,
  });
  announce(app, settings, listeners);
  await asked;
  for (const listener of listeners) listener.close();
  await stopOrLeave(app, daemon);
  audit.daemonStopped({ pid, addresses });
  audit.close();
  return 0;
}

/** Fewer sessions than were asked for are said, not silently granted. */
function budgetOf(app: App, { sessionsMax }: DaemonSettings, nofile: bigint): DescriptorBudget {
  const wanted = { sessions: sessionsMax, connections: connectionsMax };
  const budget = descriptorBudget(nofile, wanted);
  if (budget.sessions < sessionsMax) {
    app.console.say(
      `only ${budget.sessions} sessions are possible, for this process may open ${nofile} files; see ulimit -n`,
    );
  }
  return budget;
}

/** @throws CtlError when there is none, or it is broken */
function nodeKey(app: App, { key: explicit }: DaemonSettings): Key {
  const { key, from } = findKey({ env: app.env, explicit, needed: "node" });
  checkKey(key, from);
  return key;
}

function announce(app: App, settings: DaemonSettings, listeners: readonly Listener[]): void {
  const addresses = listeners.map((listener) => listener.address);
  const network = listeners.find((listener) => listener.port !== null);
  if (settings.json) {
    const port = network?.port ?? null;
    const { insecure } = settings;
    app.console.print(
      `${toJson({ ev: "daemon.listening", addresses, port, pid: process.pid, ctl: app.software, insecure })}\n`,
    );
  } else {
    app.console.print(`ctl: listening on ${network?.address ?? addresses[0] ?? ""}\n`);
  }
  if (network && settings.insecure) {
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
