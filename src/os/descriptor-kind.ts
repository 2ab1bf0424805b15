// What an inherited descriptor leads to, and a way to it that never blocks. The flags of an inherited descriptor are
// shared with whoever gave it to us (the user's shell, a neighbour in a pipeline) and are never changed.

import { closeFd, libc } from "./libc.ts";

/** `file` stands for all that answers at once: regular files, /dev/null, /dev/full and their like. */
export type DescriptorKind = "file" | "pipe" | "terminal" | "socket";

const TCGETS = 0x5401;
const TIOCGPTN = 0x80045430;
const F_GETFL = 3;
const F_GETPIPE_SZ = 1032;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const termiosBytesMax = 64;

/** Asks for what only one kind can answer; all that is left answers at once. */
export function kindOfDescriptor(fd: number): DescriptorKind {
  if (libc().fcntl(fd, F_GETPIPE_SZ, 0) >= 0) return "pipe";
  if (isTerminal(fd)) return "terminal";
  return isSocket(fd) ? "socket" : "file";
}

function isSocket(fd: number): boolean {
  const length = new Uint8Array(new Uint32Array([4]).buffer);
  return libc().getsockopt(fd, SOL_SOCKET, SO_TYPE, new Uint8Array(4), length) === 0;
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
  // The master of a terminal: opening it again makes a new terminal instead of leading to the same one.
  if (libc().ioctl(fd, TIOCGPTN, new Uint8Array(4)) === 0) return null;
  const flags = (access === "read" ? O_RDONLY : O_WRONLY) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  const ours = libc().open(`/proc/self/fd/${fd}`, flags, 0);
  return ours < 0 ? null : ours;
}

/** For what `reopenNonBlocking` returned. */
export function closeReopened(fd: number): void {
  closeFd(fd);
}

export function isTerminal(fd: number): boolean {
  return libc().ioctl(fd, TCGETS, new Uint8Array(termiosBytesMax)) === 0;
}
