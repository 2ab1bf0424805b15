// The right to a Unix socket's path: a directory that only we can write, and a lock that the kernel takes back when its holder
// ends. Who has the claim may replace what a dead daemon left behind, without a race against a living one.

import { CtlError } from "../base/errors.ts";
import { nodeFs, nodePath } from "../os/builtin.ts";
import { FileLock } from "../os/file-lock.ts";
import { distrustOf, inspectDirectory, makePrivateDirectory } from "../os/private-directory.ts";

/** sun_path has 108 bytes, one of them for the NUL. */
const pathBytesMax = 107;

export class SocketClaim {
  readonly #path: string;
  readonly #lock: FileLock;

  private constructor(path: string, lock: FileLock) {
    this.#path = path;
    this.#lock = lock;
  }

  /** Nothing has the name afterwards. @throws CtlError, or the system's error */
  static on(path: string, uid: number): SocketClaim {
    refuseLongPath(path);
    claimDirectory(nodePath().dirname(path), uid);
    const lock = acquire(path);
    try {
      removeSocket(path);
      return new SocketClaim(path, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The socket goes first, while it cannot be anybody else's. Harmless when repeated. */
  release(): void {
    if (!this.#lock.isHeld) return;
    removeSocket(this.#path);
    this.#lock.release();
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

/** Nothing but a socket: a mistyped path must not cost anybody a file. */
function removeSocket(path: string): void {
  const facts = nodeFs().lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return;
  if (!facts.isSocket()) throw refusal(path, "something that is not a socket has that name");
  nodeFs().unlinkSync(path);
}

function refusal(path: string, reason: string): CtlError {
  return new CtlError("listen-failed", `Cannot listen on unix:${path}: ${reason}`);
}
