// The way to a node: an open transport, with nobody talking over it yet. Little to load, so that a connection can be on its way
// while the rest of a command is not even there.

import { CtlError } from "../base/errors.ts";
import type { Key } from "../keys/contract.ts";
import { connectTcp, connectUnix } from "../transport/tcp.ts";
import { connectTls } from "../transport/tls.ts";
import type { Transport } from "../transport/transport.ts";
import type { NodeAddress } from "./address.ts";

export type RemoteAddress = Exclude<NodeAddress, { kind: "local" }>;

/** How to talk over a network: with a key, or without one because the user typed that he wants it so. */
export type Credentials =
  { key: Key; isRevoked(fingerprint: string): boolean } | "insecure-no-authentication";

/**
 * @param credentials asked for when a network is to be crossed; throws CtlError when there are none
 * @throws CtlError that names what was attempted
 */
export async function reach(
  address: RemoteAddress,
  credentials: () => Credentials,
  timeoutMs: number,
): Promise<Transport> {
  if (address.kind === "unix") return await connectUnix({ path: address.path, timeoutMs });
  const { host, port } = address;
  const how = credentials();
  if (how === "insecure-no-authentication") return await connectTcp({ host, port, timeoutMs });
  return await connectTls({ host, port, timeoutMs, ...how });
}

/** What a closed connection meant: a side that proved who it is learns only from the end of it that the other refused. */
export function refusedAfterHandshake(transport: Transport, key: Key, cause: CtlError): CtlError {
  const { identity, peer } = transport;
  const { role, name, cluster, fingerprint } = key.identity;
  const theirs = identity
    ? `its key is "${identity.name}" (fingerprint ${identity.fingerprint})`
    : "";
  return new CtlError(
    "refused",
    `${peer} closed the connection as soon as it saw our key: ${theirs}; ours is ${role} "${name}" of ${cluster} ` +
      `(fingerprint ${fingerprint})`,
    {
      cause,
      hint: "our key is of another cluster there, was revoked, or its limit of connections is reached; its log says which",
    },
  );
}
