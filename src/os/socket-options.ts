// Options of a TCP socket that Bun has no word for.

import { libc } from "./libc.ts";

const IPPROTO_TCP = 6;
const TCP_USER_TIMEOUT = 18;

/**
 * Bytes that the peer has not acknowledged for so long, or has had no room for, end the connection with ETIMEDOUT.
 * Without it a cut cable is noticed by the kernel after a quarter of an hour. Returns whether the kernel took it.
 */
export function setTcpUserTimeout(fd: number, timeoutMs: number): boolean {
  const value = new Int32Array([timeoutMs]);
  const result = libc().setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, value, value.byteLength);
  return result === 0;
}
