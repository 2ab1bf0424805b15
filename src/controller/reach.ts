// The way to a node: an open transport, with nobody talking over it yet. Little to load, so that a connection can be on its way
// while the rest of a command is not even there.

import { CtlError } from "../base/errors.ts";
import { connectTcp, connectUnix } from "../transport/tcp.ts";
import type { Transport } from "../transport/transport.ts";
import type { NodeAddress } from "./address.ts";

export type RemoteAddress = Exclude<NodeAddress, { kind: "local" }>;

/** @throws CtlError that names what was attempted */
export function reach(address: RemoteAddress, timeoutMs: number): Promise<Transport> {
  if (address.kind === "unix") return connectUnix({ path: address.path, timeoutMs });
  return connectTcp({ host: address.host, port: address.port, timeoutMs });
}

/** @param insecure the user typed that he wants to talk without authentication */
export function refuseWithoutKey(address: NodeAddress, insecure: boolean): CtlError | null {
  if (address.kind !== "tcp" || insecure) return null;
  return new CtlError("key-missing", `There is no key to talk to "${address.name}" with`, {
    hint: "type --insecure-no-authentication on both sides if the network is closed",
  });
}
