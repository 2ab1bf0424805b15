// A time limit for an attempt to connect.

import { CtlError } from "../base/errors.ts";
import type { Transport } from "./transport.ts";

const silenceHint = "check the address, the machine and the firewalls in between";
const stillHint = "check that a daemon of ctl listens there and is not stopped";

export interface WaitOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * The runtime cannot take a connection attempt back; one that comes too late is ended as soon as it is there.
 * @param connect says with `reached` that somebody is there, where a handshake has to follow
 */
export function connectWithin(
  options: WaitOptions,
  where: string,
  connect: (reached: (transport: Transport) => void) => Promise<Transport>,
): Promise<Transport> {
  const { signal, timeoutMs } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const result = Promise.withResolvers<Transport>();
  const giveUp = new AbortController();
  let reached: Transport | null = null;
  const stop = (why: unknown): void => {
    result.reject(why);
    giveUp.abort();
    reached?.destroy();
  };
  const timer = setTimeout(() => stop(late(where, timeoutMs, reached !== null)), timeoutMs);
  const onAbort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true, signal: giveUp.signal });
  void connect((transport) => void (reached = transport))
    .then((transport) => {
      if (giveUp.signal.aborted) return transport.destroy();
      return result.resolve(transport);
    }, result.reject)
    .finally(() => {
      clearTimeout(timer);
      giveUp.abort();
    });
  return result.promise;
}

function late(where: string, timeoutMs: number, isReached: boolean): CtlError {
  const text = isReached
    ? `Connected to ${where}, but no TLS handshake came in time`
    : `No answer from ${where} within ${timeoutMs / 1000}s`;
  const hint = isReached ? stillHint : silenceHint;
  return new CtlError("connect-timeout", text, { errno: "ETIMEDOUT", hint });
}
