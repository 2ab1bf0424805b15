// What the system says about a socket, told as what was attempted, what happened and what to do about it.

import { CtlError, type ErrorCode } from "../base/errors.ts";

/** "EPIPE" and the like, or null when the thrown value carries none. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error && "code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

const connectReasons: Record<string, { text: string; hint?: string }> = {
  EHOSTUNREACH: { text: "no route to the host", hint: "the machine may be off; check the address" },
  ENETUNREACH: { text: "the network is unreachable", hint: "check the network of this machine" },
  ENOENT: { text: "there is no such socket", hint: "start a daemon there: ctl daemon" },
  EACCES: { text: "permission denied", hint: "a daemon's socket answers only its owner and root" },
  EINVAL: { text: "the address is not valid", hint: "a socket's path has at most 107 bytes" },
  ENOTSOCK: { text: "that is not a socket" },
  EMFILE: { text: "too many open files in this process" },
  ENFILE: { text: "too many open files on this machine" },
  EADDRNOTAVAIL: { text: "no local port is free, or the address cannot be reached from here" },
};

/** @param where "127.0.0.1:9000" or "unix:/path" */
export function connectError(where: string, error: unknown): CtlError {
  const errno = errnoOf(error);
  const make = (code: ErrorCode, message: string, hint?: string): CtlError =>
    new CtlError(code, message, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
      ...(errno === null ? {} : { errno }),
    });
  if (errno === "ECONNREFUSED") {
    return make("connect-refused", `Connection refused by ${where}`, refusedHint(where));
  }
  if (errno === "ETIMEDOUT") return make("connect-timeout", `No answer from ${where}`);
  const reason = connectReasons[errno ?? ""];
  const text = reason?.text ?? errno ?? String(error);
  return make("connect-failed", `Cannot connect to ${where}: ${text}`, reason?.hint);
}

function refusedHint(where: string): string {
  return where.startsWith("unix:")
    ? "the daemon that made this socket has ended; start one: ctl daemon"
    : "no daemon listens there; start one: ctl daemon";
}

/** Answers of getaddrinfo, the machine's resolver. */
export function isResolverErrno(errno: string | null): boolean {
  return errno !== null && (errno === "ENOTFOUND" || /^(EAI_|DNS_|ENODATA|ESERVFAIL)/.test(errno));
}

export function nameNotResolved(host: string, error: unknown): CtlError {
  return new CtlError("name-not-resolved", `Host name "${host}" does not resolve`, {
    cause: error,
    errno: errnoOf(error) ?? "ENOTFOUND",
    hint: "check the spelling, /etc/hosts and the name server",
  });
}

const lostReasons: Record<string, string> = {
  ECONNRESET: "was reset",
  EPIPE: "was reset",
  ETIMEDOUT: "timed out: the peer acknowledges nothing",
  EHOSTUNREACH: "broke: no route to the host",
  ENETUNREACH: "broke: the network is unreachable",
};

/** @param peer "tcp 127.0.0.1:9000" */
export function lostError(peer: string, errno: string, cause?: unknown): CtlError {
  const reason = lostReasons[errno] ?? `broke: ${errno}`;
  return new CtlError("connection-lost", `The connection to ${peer} ${reason}`, { errno, cause });
}

const listenReasons: Record<string, { text: string; hint?: string }> = {
  EADDRINUSE: {
    text: "the port is taken",
    hint: "another daemon may run there (ctl daemon --status); or choose another --port",
  },
  EADDRNOTAVAIL: {
    text: "this machine has no such address",
    hint: "give --listen an address of this machine",
  },
  EACCES: { text: "permission denied", hint: "ports below 1024 need root; choose another --port" },
  EMFILE: { text: "too many open files in this process" },
};

/** @param where "127.0.0.1:9000" or "unix:/path" */
export function listenError(where: string, error: unknown): CtlError {
  const errno = errnoOf(error);
  const reason = listenReasons[errno ?? ""];
  const text = reason?.text ?? errno ?? (error instanceof Error ? error.message : String(error));
  return new CtlError("listen-failed", `Cannot listen on ${where}: ${text}`, {
    cause: error,
    ...(reason?.hint === undefined ? {} : { hint: reason.hint }),
    ...(errno === null ? {} : { errno }),
  });
}
