// Options that several commands have.

import { duration, flag, named, path } from "../options.ts";

export const insecureVariable = "CTL_INSECURE_NO_AUTHENTICATION";

/** Typed by whoever talks to a daemon; the daemon itself takes it from the command line only. */
export const insecure = flag(
  named("insecure-no-authentication", null, "Talk without keys; the daemon must allow it"),
  insecureVariable,
);

export const keyFile = path(named("key", null, "Key file, instead of the usual places"), "FILE");

export const connectTimeout = duration(
  named("connect-timeout", null, "How long a node may take to answer"),
  { initialMs: 5_000, minMs: 1 },
);
