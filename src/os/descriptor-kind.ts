// What an inherited descriptor leads to, and a way to it that never blocks. The flags of an inherited descriptor are
// shared with whoever gave it to us (the user's shell, a neighbour in a pipeline) and are never changed.

import { nodeFs } from "./builtin.ts";
import { libc } from "./libc.ts";

/** `file` stands for all that answers at once: regular files, /dev/null, /dev/full and their like. */
export type DescriptorKind = "file" | "pipe" | "terminal" | "socket";

const TCGETS = 0x5401;
const F_GETFL = 3;
const O_NONBLOCK = 0o4000;
const termiosBytesMax = 64;
/** /dev/ptmx: opening it again makes a new terminal instead of leading to the same one. */
const ptmxDevice = 0x502;

export function kindOfDescriptor(fd: number): DescriptorKind {
  const facts = nodeFs().fstatSync(fd);
  if (facts.isFIFO()) return "pipe";
  if (facts.isSocket()) return "socket";
  return facts.isCharacterDevice() && isTerminal(fd) ? "terminal" : "file";
}

/** Somebody else made it so, and we may rely on it. */
export function isNonBlocking(fd: number): boolean {
  const flags = libc().fcntl(fd, F_GETFL, 0);
  return flags >= 0 && (flags & O_NONBLOCK) !== 0;
}

/**
 * A second, non-blocking way to the same pipe or terminal, with flags of its own; null when there is none, such as to
 * a socket, to another user's terminal, or into a pipe without a reader.
 */
export function reopenNonBlocking(fd: number, access: "read" | "write"): number | null {
  if (nodeFs().fstatSync(fd).rdev === ptmxDevice) return null;
  const { O_RDONLY, O_WRONLY, O_NOCTTY } = nodeFs().constants;
  const flags = (access === "read" ? O_RDONLY : O_WRONLY) | O_NOCTTY | O_NONBLOCK;
  try {
    return nodeFs().openSync(`/proc/self/fd/${fd}`, flags);
  } catch {
    return null;
  }
}

/** For what `reopenNonBlocking` returned; a failure means that it is closed already. */
export function closeReopened(fd: number): void {
  try {
    nodeFs().closeSync(fd);
  } catch {
    // Nothing is lost by it.
  }
}

export function isTerminal(fd: number): boolean {
  return libc().ioctl(fd, TCGETS, new Uint8Array(termiosBytesMax)) === 0;
}
