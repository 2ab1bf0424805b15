// Why a TCP connection was not made, as truthfully as this machine can tell.

import type { CtlError } from "../base/errors.ts";
import { connectErrno } from "../os/connect-errno.ts";
import { connectError, errnoOf, isResolverErrno, nameNotResolved } from "./socket-errors.ts";

/** Addresses of one name that are asked why they did not answer. */
const addressesMax = 4;

export interface FailedConnection {
  host: string;
  port: number;
  /** For asking again. */
  timeoutMs: number;
  /** For the message. */
  where: string;
  /** What the runtime said. */
  error: unknown;
}

/** "Refused" is the runtime's word for an unreachable host or network too; the difference is a machine that is off. */
export async function connectFailure(failed: FailedConnection): Promise<CtlError> {
  const { host, port, timeoutMs, where, error } = failed;
  const errno = errnoOf(error);
  if (isResolverErrno(errno)) return nameNotResolved(host, error);
  if (errno !== "ECONNREFUSED") return connectError(where, error);
  const addresses = await addressesOf(host);
  const asked = addresses.map((address) => connectErrno(address, port, timeoutMs));
  const answers = (await Promise.all(asked)).filter((answer) => answer !== null);
  const isRefused = answers.length === 0 || answers.includes("ECONNREFUSED");
  const code = isRefused ? "ECONNREFUSED" : answers[0];
  return connectError(where, Object.assign(new Error("connect"), { code, cause: error }));
}

/** Those that the runtime tries at the same time. */
async function addressesOf(host: string): Promise<string[]> {
  if (host.includes(":") || /^[0-9.]+$/.test(host)) return [host];
  const found = await Bun.dns.lookup(host).catch(() => []);
  return found.slice(0, addressesMax).map(({ address }) => address);
}
