// Accepts connections on a Unix socket that only its owner and root may use. One daemon per path: who holds the lock
// file owns the path, so that what a dead daemon left behind is replaced without a race.

import { lstatSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";

import type { Socket } from "bun";

import { CtlError } from "../base/errors.ts";
import { FileLock } from "../os/file-lock.ts";
import { distrustOf, inspectDirectory, makePrivateDirectory } from "../os/private-directory.ts";
import { peerUid } from "../os/unix-peer.ts";
import { listenError } from "./socket-errors.ts";
import { connectionsMax, socketHandler, SocketTransport } from "./socket-transport.ts";
import type { Listener, Transport } from "./transport.ts";

/** sun_path has 108 bytes, one of them for the NUL. */
const pathBytesMax = 107;
const rootUid = 0;

export interface ListenUnixOptions {
  path: string;
  connectionsMax?: number;
  /** Who is at the other end of a descriptor; a test may lie. */
  peerUid?: (fd: number) => number | null;
  onConnection(transport: Transport): void;
}

/** @throws CtlError */
export async function listenUnix(options: ListenUnixOptions): Promise<Listener> {
  const { path } = options;
  const uid = process.getuid?.() ?? rootUid;
  try {
    refuseLongPath(path);
    claimDirectory(dirname(path), uid);
    const lock = acquire(path);
    try {
      return bind(options, uid, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw error instanceof CtlError ? error : listenError(`unix:${path}`, error);
  }
}

function refuseLongPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= pathBytesMax) return;
  throw refusal(path, `the path has ${length} bytes, a socket's may have ${pathBytesMax}`);
}

function claimDirectory(directory: string, uid: number): void {
  makePrivateDirectory(directory);
  const facts = inspectDirectory(directory);
  const distrust = facts ? distrustOf(facts, uid) : "has vanished";
  if (distrust === null) return;
  throw new CtlError("listen-failed", `Cannot listen in "${directory}": it ${distrust}`, {
    hint: "give a path in a directory that only you can write",
  });
}

function acquire(path: string): FileLock {
  const lock = FileLock.tryAcquire(`${path}.lock`);
  if (lock) return lock;
  throw new CtlError("listen-failed", `Cannot listen on unix:${path}: another daemon does`, {
    hint: "ctl daemon --status shows it, ctl daemon --stop ends it",
    errno: "EADDRINUSE",
  });
}

/** The lock is held, so whatever has the name is not in use any more. */
function bind(options: ListenUnixOptions, uid: number, lock: FileLock): Listener {
  const { path } = options;
  removeSocket(path);
  const listener = withOwnerOnlyMask(() =>
    Bun.listen<SocketTransport>({ unix: path, socket: socketHandler(accepting(options, uid)) }),
  );
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    listener.stop();
    removeSocket(path);
    lock.release();
  };
  return { address: `unix:${path}`, port: null, close };
}

function accepting(
  options: ListenUnixOptions,
  uid: number,
): (socket: Socket<SocketTransport>) => void {
  const limit = options.connectionsMax ?? connectionsMax;
  const askPeer = options.peerUid ?? peerUid;
  let open = 0;
  return (socket) => {
    const transport = new SocketTransport(socket, {
      peer: `unix ${options.path}`,
      kind: "unix",
      ended: () => (open -= 1),
    });
    socket.data = transport;
    open += 1;
    const from = askPeer("fd" in socket && typeof socket.fd === "number" ? socket.fd : -1);
    const isAllowed = from === uid || from === rootUid;
    if (!isAllowed || open > limit) return transport.destroy();
    options.onConnection(transport);
  };
}

/** The mask belongs to the whole process; nothing else runs in between. */
function withOwnerOnlyMask<Value>(make: () => Value): Value {
  const before = process.umask(0o177);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}

/** Nothing but a socket: a mistyped path must not cost anybody a file. */
function removeSocket(path: string): void {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return;
  if (!facts.isSocket()) throw refusal(path, "something that is not a socket has that name");
  unlinkSync(path);
}

function refusal(path: string, reason: string): CtlError {
  return new CtlError("listen-failed", `Cannot listen on unix:${path}: ${reason}`);
}
