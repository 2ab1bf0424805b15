// The controller's orders about keys.

import { CtlError } from "../../base/errors.ts";
import type { Session } from "../../session/session.ts";
import type { Message } from "../messages.ts";
import type { Revoked } from "./contract.ts";

/** @throws CtlError("connection-lost" | "refused") */
export function revoke(session: Session<Message>, fingerprint: string): Promise<Revoked> {
  const reply = Promise.withResolvers<Revoked>();
  const operation = session.open();
  operation.handle({
    message: (message) => {
      if (message.kind === "revoked") reply.resolve(message);
      if (message.kind === "refusal") reply.reject(new CtlError("refused", message.text));
      operation.end();
    },
    sessionEnded: (end) => reply.reject(new CtlError("connection-lost", end.why)),
  });
  operation.send({ kind: "revoke", fingerprint });
  return reply.promise;
}
