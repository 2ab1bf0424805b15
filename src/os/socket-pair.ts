// A pair of connected sockets that keep messages whole (SOCK_SEQPACKET), and messages that carry descriptors.

import { ptr } from "bun:ffi";

import { lastErrno, libc, must } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** @throws OsError */
export function openSocketPair(): { ours: number; theirs: number } {
  const ends = new Int32Array(2);
  must("socketpair", libc().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  return { ours: ends[0] ?? -1, theirs: ends[1] ?? -1 };
}

/**
 * Sends one whole message, with copies of `fds` if there are any. Never blocks.
 * @returns 0, or the errno: EPIPE when the other end is closed, EAGAIN when it does not read
 */
export function sendMessage(fd: number, bytes: Uint8Array, fds: readonly number[] = []): number {
  // struct msghdr, struct iovec, struct cmsghdr with its descriptors, and the bytes, one behind the other.
  const vectorAt = 56;
  const controlAt = 72;
  const controlBytes = fds.length === 0 ? 0 : 16 + fds.length * 4;
  const bytesAt = controlAt + Math.ceil(controlBytes / 8) * 8;
  const message = new Uint8Array(bytesAt + bytes.length);
  const view = new DataView(message.buffer);
  const address = BigInt(ptr(message));
  const setSize = (at: number, size: number): void => view.setBigUint64(at, BigInt(size), true);
  view.setBigUint64(16, address + BigInt(vectorAt), true);
  setSize(24, 1);
  view.setBigUint64(vectorAt, address + BigInt(bytesAt), true);
  setSize(vectorAt + 8, bytes.length);
  if (fds.length > 0) {
    view.setBigUint64(32, address + BigInt(controlAt), true);
    setSize(40, controlBytes);
    setSize(controlAt, controlBytes);
    view.setInt32(controlAt + 8, SOL_SOCKET, true);
    view.setInt32(controlAt + 12, SCM_RIGHTS, true);
    fds.forEach((sent, index) => view.setInt32(controlAt + 16 + index * 4, sent, true));
  }
  message.set(bytes, bytesAt);
  return libc().sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? lastErrno() : 0;
}
