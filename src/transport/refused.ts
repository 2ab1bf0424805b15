// Why somebody was not let in, for whoever writes it down.

import type { PeerFault } from "../keys/check-peer.ts";

export interface Refused {
  /** "tcp 10.0.0.7:4711". */
  peer: string;
  fault: PeerFault | "handshake" | "timeout" | "address" | "connections" | "crowd";
  text: string;
  /** Of the certificate that he showed, if any. */
  fingerprint: string | null;
}
