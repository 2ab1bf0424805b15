// The one error of this program for what somebody can act on, with a closed list of codes.

/** Never renamed: scripts read them in JSON. */
export type ErrorCode =
  | "usage"
  | "bad-address"
  | "name-not-resolved"
  | "connect-refused"
  | "connect-timeout"
  | "connect-failed"
  | "connection-lost"
  | "listen-failed"
  | "not-ctl"
  | "version"
  | "refused"
  | "protocol-violated"
  | "io-failed"
  | "key-missing"
  /** It is no key, or a broken one. */
  | "key-unreadable"
  /** Others could have read or changed it. */
  | "key-unsafe"
  /** This runtime does not do what security rests on. */
  | "self-test-failed"
  | "interrupted";

export interface CtlErrorOptions {
  cause?: unknown;
  /** What to do about it: one sentence without a full stop. */
  hint?: string;
  /** "ECONNREFUSED" and the like, when the operating system said no. */
  errno?: string;
}

/** Caught once, at the boundary that can answer: a service, the session, or main. */
export class CtlError extends Error {
  override name = "CtlError";
  readonly code: ErrorCode;
  readonly hint: string | null;
  readonly errno: string | null;

  /** @param message sentence case, no full stop, what was attempted, values quoted */
  constructor(code: ErrorCode, message: string, options: CtlErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? null;
    this.errno = options.errno ?? null;
  }
}
