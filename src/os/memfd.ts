// Files without a name, in memory.

import { closeFd, lastErrno, libc, must, OsError } from "./libc.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_NOEXEC_SEAL = 8;
const MFD_EXEC = 16;
const F_ADD_SEALS = 1033;
const SEAL_EVERYTHING = 1 | 2 | 4 | 8;
const EINVAL = 22;
const ENOSPC = 28;

export interface MemfdOptions {
  /** Shown in /proc, for people. */
  name: string;
  /** Such a file is sealed: nobody can change what will be executed. */
  executable: boolean;
}

/** A file that holds exactly `bytes`. @throws OsError */
export function createMemfd(bytes: Uint8Array, options: MemfdOptions): number {
  const fd = openMemfd(options);
  try {
    // A memory file takes everything at once or has no room.
    if (must("write", libc().write(fd, bytes, bytes.length)) !== bytes.length) {
      throw new OsError("write", ENOSPC);
    }
    if (options.executable) must("fcntl", libc().fcntl(fd, F_ADD_SEALS, SEAL_EVERYTHING));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function openMemfd({ name, executable }: MemfdOptions): number {
  const common = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = libc().memfd_create(name, common | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
  if (fd >= 0) return fd;
  // Before Linux 6.3 there is no such distinction. Any other refusal counts: without the flag, a machine that forbids
  // executable ones would hand out one that cannot be executed.
  const errno = lastErrno();
  if (errno !== EINVAL) throw new OsError("memfd_create", errno);
  return must("memfd_create", libc().memfd_create(name, common));
}
