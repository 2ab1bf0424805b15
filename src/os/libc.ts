// The one place that opens the C library: a typed table of the functions we call, loaded at first use. Knows the two
// common libraries of Linux and nothing of what the functions are for.

import { dlopen, FFIType, read } from "bun:ffi";

/** A system call that failed. Callers know the number; people are shown its name, see errno.ts. */
export class OsError extends Error {
  override name = "OsError";
  readonly call: string;
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call} failed with errno ${errno}`);
    this.call = call;
    this.errno = errno;
  }
}

export type Libc = ReturnType<typeof openLibc>;

/** Loaded once per process; loading takes about 0.3 ms, so nobody does it before there is a need. */
export const libc: () => Libc = once(openLibc);

/** The errno of the call that failed last; good only directly after it. */
export function lastErrno(): number {
  // oxlint-disable-next-line no-underscore-dangle -- the C library's own name
  const address = libc().__errno_location();
  return address === null ? 0 : read.i32(address, 0);
}

/** Passes the result of a call on. @throws OsError when it is below zero */
export function must(call: string, result: number | bigint): number {
  if (result < 0) throw new OsError(call, lastErrno());
  return Number(result);
}

/** The same for an error that the runtime itself threw; it has the number and the call. Anything else is thrown again. */
export function osErrorOf(error: unknown): OsError {
  if (error instanceof Error && "errno" in error && typeof error.errno === "number") {
    const call = "syscall" in error ? String(error.syscall) : "a system call";
    return new OsError(call, Math.abs(error.errno));
  }
  throw error;
}

export function closeFd(fd: number): void {
  libc().close(fd);
}

const declarations = {
  __errno_location: { args: [], returns: "ptr" },
  access: { args: ["cstring", "i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "buffer"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  connect: { args: ["i32", "buffer", "u32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  gethostname: { args: ["buffer", "usize"], returns: "i32" },
  getpwuid: { args: ["u32"], returns: "ptr" },
  getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
  inet_pton: { args: ["i32", "cstring", "buffer"], returns: "i32" },
  ioctl: { args: ["i32", "usize", "buffer"], returns: "i32" },
  memfd_create: { args: ["cstring", "u32"], returns: "i32" },
  open: { args: ["cstring", "i32", "u32"], returns: "i32" },
  pipe2: { args: ["buffer", "i32"], returns: "i32" },
  // Variadic: every argument is read as a whole register, so none may leave half of one undefined.
  prctl: { args: ["i64", "i64", "i64", "i64", "i64"], returns: "i32" },
  read: { args: ["i32", "buffer", "usize"], returns: FFIType.i64_fast },
  send: { args: ["i32", "buffer", "usize", "i32"], returns: FFIType.i64_fast },
  sendmsg: { args: ["i32", "buffer", "i32"], returns: FFIType.i64_fast },
  setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "buffer"], returns: "i32" },
  // For the few calls that older C libraries have no function for, all with arguments of these kinds.
  syscall: {
    args: ["i64", "i64", "buffer", "i64", "i64", "buffer"],
    returns: FFIType.i64_fast,
  },
  write: { args: ["i32", "buffer", "usize"], returns: FFIType.i64_fast },
} as const;

function openLibc() {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const names = ["libc.so.6", `libc.musl-${machine}.so.1`];
  for (const name of names.slice(0, -1)) {
    try {
      return dlopen(name, declarations).symbols;
    } catch {
      // The other library's name is tried next; the last one's failure is the one that is told.
    }
  }
  return dlopen(names[names.length - 1] ?? "", declarations).symbols;
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | null = null;
  return () => (made ??= { value: make() }).value;
}
