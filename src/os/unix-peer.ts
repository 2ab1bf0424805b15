// Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made.

import { libc } from "./libc.ts";

// The same numbers on x86-64 and arm64.
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const credentialsBytes = 12;

/** The user id of the peer's process, or null when the kernel does not say. */
export function peerUid(fd: number): number | null {
  // struct ucred: pid, uid, gid.
  const credentials = new Uint32Array(credentialsBytes / 4);
  const length = new Uint32Array([credentialsBytes]);
  const result = libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length);
  return result === 0 && length[0] === credentialsBytes ? (credentials[1] ?? null) : null;
}
