// Facts about this machine and this user that a daemon tells or passes on. Read once, where they are needed.

import { CString, read } from "bun:ffi";

import { libc, must } from "./libc.ts";
import { readSmallFile } from "./small-file.ts";

/** Linux allows 64 bytes and a NUL. */
const hostNameBytesMax = 65;

export function hostName(): string {
  const name = Buffer.alloc(hostNameBytesMax);
  must("gethostname", libc().gethostname(name, name.length));
  const end = name.indexOf(0);
  return name.toString("utf8", 0, end < 0 ? name.length : end);
}

/**
 * Of whoever runs this process, from the user database as the C library sees it. (The runtime's userInfo takes the name from
 * the environment.)
 */
export function account(): { user: string; home: string; shell: string } {
  const uid = process.geteuid?.() ?? 0;
  const entry = libc().getpwuid(uid);
  // A uid without an entry in the user database, as in some containers.
  if (entry === null) return { user: `${uid}`, home: "/", shell: "/bin/sh" };
  // A CString is an object, and even an empty one is true.
  // oxlint-disable-next-line typescript/no-unnecessary-type-conversion -- its type claims to be a plain string
  const text = (offset: number): string => String(new CString(read.ptr(entry, offset)));
  return {
    user: text(passwdOffsets.name),
    home: text(passwdOffsets.home) || "/",
    shell: text(passwdOffsets.shell) || "/bin/sh",
  };
}

/** struct passwd of the C library on 64-bit Linux. */
const passwdOffsets = { name: 0, home: 32, shell: 40 };

/** 24 bytes that tell one life of a daemon from every other: the boot's id and 64 random bits. */
export function incarnation(): Uint8Array {
  return Buffer.concat([bootId(), randomBytes(8)]);
}

function bootId(): Uint8Array {
  const text = readSmallFile("/proc/sys/kernel/random/boot_id");
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
  const limits = readSmallFile("/proc/self/limits");
  const hard = /^Max open files\s+\S+\s+(?<hard>\S+)/m.exec(limits)?.groups?.["hard"] ?? "1024";
  return hard === "unlimited" ? (1n << 64n) - 1n : BigInt(hard);
}

/** For incarnations, ids and keys. */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** In [0, 1). */
export function randomFraction(): number {
  return Math.random();
}
