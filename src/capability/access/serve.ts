// The daemon's answers about keys.

import type { CtlError } from "../../base/errors.ts";
import type { Operation } from "../../session/operation.ts";
import type { Message } from "../messages.ts";
import type { Revoke, Revoked } from "./contract.ts";

export interface AccessService {
  /** Remembers it for good and ends its sessions; or says why that cannot be. */
  revoke(fingerprint: string): Omit<Revoked, "kind"> | { failure: CtlError };
}

export function serveRevoke(
  operation: Operation<Message>,
  { fingerprint }: Revoke,
  service: AccessService,
): void {
  const outcome = service.revoke(fingerprint);
  if ("failure" in outcome) {
    operation.send({ kind: "refusal", code: "bad-request", text: outcome.failure.message });
  } else {
    operation.send({ kind: "revoked", ...outcome });
  }
  operation.end();
}
