// Proves at every start that this runtime's TLS refuses strangers: mutual TLS of runtimes has been broken before without anybody
// noticing. Knocks at a private port, as a stranger with a key of his own and as one with none, and sends requests at once.

import type { Clock } from "../base/clock.ts";
import { CtlError } from "../base/errors.ts";
import type { Key } from "../keys/contract.ts";
import { nodeServerName } from "../keys/contract.ts";
import { rogue } from "./rogue.ts";
import { listenTls, type ListenTlsOptions } from "./tls-listen.ts";
import type { Listener } from "./transport.ts";

const host = "127.0.0.1";
const selfTestMs = 5_000;

type Listen = (options: ListenTlsOptions) => Promise<Listener>;

/** @param listen what is under test @throws CtlError("self-test-failed") */
export async function proveStrangersAreRefused(
  key: Key,
  clock: Clock,
  listen: Listen = listenTls,
): Promise<void> {
  let admitted = 0;
  let refused = 0;
  const listener = await listen({
    host,
    port: 0,
    key,
    clock,
    isRevoked: () => false,
    allows: () => true,
    onConnection: () => (admitted += 1),
    refused: () => (refused += 1),
  });
  try {
    const port = listener.port ?? 0;
    const heard = await Promise.all([knock(port, rogue, clock), knock(port, null, clock)]);
    // Somebody else of this machine may have found the port: he was refused, too.
    if (admitted > 0 || refused < heard.length || heard.some((bytes) => bytes > 0)) {
      const text = `TLS of this runtime does not refuse strangers: ${admitted} of ${heard.length} were let in`;
      throw new CtlError("self-test-failed", text, {
        hint: "this daemon would be open to everybody, so it does not start; use a release of ctl as it was built",
      });
    }
  } finally {
    listener.close();
  }
}

/** Resolves with the number of bytes that the other side said before it closed. */
async function knock(
  port: number,
  as: { certificate: string; privateKey: string } | null,
  clock: Clock,
): Promise<number> {
  const over = Promise.withResolvers<number>();
  let heard = 0;
  const cancel = clock.after(selfTestMs, () => {
    const text = "TLS of this runtime leaves strangers waiting instead of refusing them";
    over.reject(new CtlError("self-test-failed", text));
  });
  const shown = as ? { cert: as.certificate, key: as.privateKey } : {};
  try {
    const socket = await Bun.connect({
      hostname: host,
      port,
      // A stranger does not care whom he talks to.
      tls: { ...shown, serverName: nodeServerName, rejectUnauthorized: false },
      socket: {
        handshake: (shaken) => void shaken.write("anything at all"),
        data: (_socket, bytes) => void (heard += bytes.length),
        close: () => over.resolve(heard),
        // The refusal itself.
        error: () => {},
      },
    }).catch(unreachable);
    return await over.promise.finally(() => socket.terminate());
  } finally {
    cancel();
  }
}

/** A network namespace is born without a loopback that is up. */
function unreachable(cause: unknown): never {
  const text = `TLS of this runtime cannot be tested: nothing answers on ${host}`;
  throw new CtlError("self-test-failed", text, {
    cause,
    hint: "bring up the loopback interface: ip link set lo up",
  });
}
