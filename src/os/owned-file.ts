// A file that is judged before it is read: whose it is and who else could read it, asked of the descriptor, so that nobody can
// exchange the file in between. Without the runtime's file system module, which costs a cold start several milliseconds.

import { closeFd, libc, must } from "./libc.ts";

export interface FileFacts {
  isRegular: boolean;
  /** The permission bits alone. */
  mode: number;
  uid: number;
  bytes: number;
}

export interface OwnedFile {
  facts: FileFacts;
  /** Fewer bytes only where the file ends. @throws OsError */
  readAt(offset: number, length: number): Uint8Array;
}

const O_RDONLY = 0;
/** Opening a pipe that nobody writes to must not wait. */
const O_NONBLOCK = 0o4000;
const O_NOCTTY = 0o400;
const O_CLOEXEC = 0o2000000;

// statx looks the same on every machine, unlike struct stat, and is called by number because it came to C libraries late.
const callNumbers =
  process.arch === "arm64" ? { statx: 291, pread64: 67 } : { statx: 332, pread64: 17 };
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const statxBytes = 256;
const statxOffsets = { uid: 20, mode: 28, size: 40 };
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

const nothing = Buffer.alloc(1);

/** Opens `path`, gives it to `use` and closes it. @throws OsError */
export function withOwnedFile<Value>(path: string, use: (file: OwnedFile) => Value): Value {
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const fd = must("open", libc().open(path, flags, 0));
  try {
    return use({ facts: factsOf(fd), readAt: (offset, length) => readAt(fd, offset, length) });
  } finally {
    closeFd(fd);
  }
}

function factsOf(fd: number): FileFacts {
  const facts = Buffer.alloc(statxBytes);
  const { statx } = callNumbers;
  must("statx", libc().syscall(statx, fd, nothing, AT_EMPTY_PATH, STATX_BASIC_STATS, facts));
  const mode = facts.readUInt16LE(statxOffsets.mode);
  return {
    isRegular: (mode & S_IFMT) === S_IFREG,
    mode: mode & 0o7777,
    uid: facts.readUInt32LE(statxOffsets.uid),
    bytes: Number(facts.readBigUInt64LE(statxOffsets.size)),
  };
}

function readAt(fd: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const rest = bytes.subarray(filled);
    const call = libc().syscall(
      callNumbers.pread64,
      fd,
      rest,
      rest.length,
      offset + filled,
      nothing,
    );
    const count = must("pread64", call);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
