// Facts about this machine and this user that a daemon tells or passes on. Read once, where they are needed.

import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";

export function hostName(): string {
  return hostname();
}

/** Of whoever runs this process, from the user database; falls back to what every system has. */
export function account(): { user: string; home: string; shell: string } {
  try {
    const { username, homedir, shell } = userInfo();
    return { user: username, home: homedir || "/", shell: shell ?? "/bin/sh" };
  } catch {
    // A uid without an entry in the user database, as in some containers.
    return { user: `${process.getuid?.() ?? 0}`, home: "/", shell: "/bin/sh" };
  }
}

/** 24 bytes that tell one life of a daemon from every other: the boot's id and 64 random bits. */
export function incarnation(): Uint8Array {
  return Buffer.concat([bootId(), randomBytes(8)]);
}

function bootId(): Uint8Array {
  const text = readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
  return Buffer.from(text.replace(/[^0-9a-f]/g, ""), "hex");
}

/**
 * The limit of open files for children: the hard limit as it is, and a soft one of at most 1024, because this runtime raises
 * its own soft limit before our code runs and what it was before cannot be known.
 */
export function childNofile(wantedSoft: bigint | null): { soft: bigint; hard: bigint } {
  const hard = ownHardNofile();
  const soft = wantedSoft ?? 1024n;
  return { soft: soft < hard ? soft : hard, hard };
}

function ownHardNofile(): bigint {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const hard = /^Max open files\s+\S+\s+(?<hard>\S+)/m.exec(limits)?.groups?.["hard"] ?? "1024";
  return hard === "unlimited" ? (1n << 64n) - 1n : BigInt(hard);
}

/** For incarnations, ids and keys. */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
