// Files on disk that never have a name, so that nothing can be left behind.

import { closeFd, libc, must } from "./libc.ts";
import { O_CLOEXEC } from "./pipe.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
const O_TMPFILE = 0o20000000 | O_DIRECTORY;
const X_OK = 1;

/**
 * A file in `directory` that holds `bytes` and can be executed through the returned read-only descriptor.
 * @throws OsError when the file system has no such files, is full, or forbids execution
 */
export function createExecutable(bytes: Uint8Array, directory: string): number {
  const writable = must("open", libc().open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0o700));
  let readable = -1;
  try {
    let written = 0;
    while (written < bytes.length) {
      const rest = bytes.subarray(written);
      written += must("write", libc().write(writable, rest, rest.length));
    }
    const path = `/proc/self/fd/${writable}`;
    readable = must("open", libc().open(path, O_RDONLY | O_CLOEXEC, 0));
    must("access", libc().access(path, X_OK));
    return readable;
  } catch (error) {
    if (readable >= 0) closeFd(readable);
    throw error;
  } finally {
    // Nobody can execute a file that is open for writing.
    closeFd(writable);
  }
}
