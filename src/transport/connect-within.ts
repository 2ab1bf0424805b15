// A time limit for an attempt to connect.

import { CtlError } from "../base/errors.ts";
import type { Transport } from "./transport.ts";

const silenceHint = "check the address, the machine and the firewalls in between";

export interface WaitOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/** The runtime cannot take a connection attempt back; one that comes too late is ended as soon as it is there. */
export function connectWithin(
  options: WaitOptions,
  where: string,
  connect: () => Promise<Transport>,
): Promise<Transport> {
  const { signal, timeoutMs } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const result = Promise.withResolvers<Transport>();
  const giveUp = new AbortController();
  const timer = setTimeout(() => {
    const text = `No answer from ${where} within ${timeoutMs / 1000}s`;
    result.reject(new CtlError("connect-timeout", text, { errno: "ETIMEDOUT", hint: silenceHint }));
    giveUp.abort();
  }, timeoutMs);
  const onAbort = (): void => {
    result.reject(signal?.reason);
    giveUp.abort();
  };
  signal?.addEventListener("abort", onAbort, { once: true, signal: giveUp.signal });
  void connect()
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
