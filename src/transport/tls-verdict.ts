// What a finished handshake is worth: the runtime's verdict first, then ours.

import type { Socket } from "bun";

import type { PeerCheck, PeerVerdict } from "../keys/check-peer.ts";
import { errnoOf } from "./socket-errors.ts";
import type { SocketTransport } from "./socket-transport.ts";

export interface Handshake {
  isDone: boolean;
  error: Error | null;
}

/** A handshake that is done need not be one that was authorized. */
export function verdictOn(
  socket: Socket<SocketTransport>,
  check: PeerCheck,
  { isDone, error }: Handshake,
): PeerVerdict | { failure: string } {
  if (error)
    return {
      failure: errnoOf(error) === "EPROTO" ? reasonOf(error) : (errnoOf(error) ?? error.message),
    };
  if (!isDone || !socket.authorized) return { failure: "not authorized" };
  return check.check(socket.getPeerX509Certificate());
}

/** "error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA" ends in what matters. */
function reasonOf(error: Error): string {
  return error.message.slice(error.message.lastIndexOf(":") + 1);
}
