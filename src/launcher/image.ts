// The launcher's executable as something that can be started: a sealed memory file, or, where the machine forbids to
// execute those, a file on disk that has no name.

import { closeFd, libc, must, OsError } from "../os/libc.ts";
import { createMemfd } from "../os/memfd.ts";
import { createExecutable } from "../os/unnamed-file.ts";
import { image as arm64 } from "./image/arm64.ts";
import { image as x64 } from "./image/x64.ts";

export interface ImageOptions {
  /** The executable's bytes; those of this CPU unless given. */
  bytes?: Uint8Array;
  /** Does not try a memory file. */
  onDisk?: boolean;
}

export interface LauncherImage {
  /** What to execute; good in this process only. */
  readonly command: string;
  close(): void;
}

const F_DUPFD_CLOEXEC = 1030;
const lowestFd = 64;
const directories = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/** The committed executable for the CPU that we run on. */
export function committedImage(): Uint8Array {
  return Uint8Array.fromBase64((process.arch === "arm64" ? arm64 : x64).base64);
}

/** @throws OsError */
export function openImage(options: ImageOptions = {}): LauncherImage {
  const bytes = options.bytes ?? committedImage();
  const low = options.onDisk === true ? createOnDisk(bytes) : createAnywhere(bytes);
  try {
    // Before it executes /proc/self/fd/N, the runtime moves the child's descriptors to 0, 1, 2, …: N must lie above them.
    const fd = must("fcntl", libc().fcntl(low, F_DUPFD_CLOEXEC, lowestFd));
    return { command: `/proc/self/fd/${fd}`, close: () => closeFd(fd) };
  } finally {
    closeFd(low);
  }
}

function createAnywhere(bytes: Uint8Array): number {
  try {
    return createMemfd(bytes, { name: "ctl-launcher", executable: true });
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    return createOnDisk(bytes);
  }
}

/** In the first directory that lets us; the last one's refusal is the one that is told. */
function createOnDisk(bytes: Uint8Array): number {
  let refusal: unknown = null;
  for (const directory of directories) {
    try {
      return createExecutable(bytes, directory);
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}
