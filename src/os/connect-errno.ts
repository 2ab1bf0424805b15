// Why a TCP connection cannot be made, in the kernel's own words. The runtime says "ECONNREFUSED" for a host or a network
// that cannot be reached as well, so after that answer the question is put again.

import { errnoName } from "./errno.ts";
import { closeFd, lastErrno, libc } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const EISCONN = 106;
const EALREADY = 114;
const EINPROGRESS = 115;

const lookAgainMsMax = 50;

/** Resolves with the errno name; with null when the connection succeeds, or nothing is known after `timeoutMs`. */
export async function connectErrno(
  address: string,
  port: number,
  timeoutMs: number,
): Promise<string | null> {
  const target = socketAddress(address, port);
  if (!target) return null;
  const family = target.length === 16 ? AF_INET : AF_INET6;
  const fd = libc().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return null;
  const deadline = performance.now() + timeoutMs;
  try {
    // Asked again while it is under way, the kernel answers with how it ended.
    for (
      let waitMs = 1;
      performance.now() < deadline;
      waitMs = Math.min(waitMs * 2, lookAgainMsMax)
    ) {
      const errno = libc().connect(fd, target, target.length) === 0 ? 0 : lastErrno();
      if (errno === 0 || errno === EISCONN) return null;
      if (errno !== EINPROGRESS && errno !== EALREADY) return errnoName(errno);
      await Bun.sleep(waitMs);
    }
    return null;
  } finally {
    closeFd(fd);
  }
}

/** struct sockaddr_in or sockaddr_in6; null for an address with a zone, which means nothing outside this machine. */
function socketAddress(address: string, port: number): Uint8Array | null {
  const isIpv6 = address.includes(":");
  const bytes = new Uint8Array(isIpv6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIpv6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  const host = bytes.subarray(isIpv6 ? 8 : 4);
  const isValid = libc().inet_pton(isIpv6 ? AF_INET6 : AF_INET, address, host) === 1;
  return isValid ? bytes : null;
}
