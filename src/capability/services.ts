// Every request there is, and who answers it.

import type { Operation } from "../session/operation.ts";
import { type AccessService, serveRevoke } from "./access/serve.ts";
import type { Message } from "./messages.ts";
import { type NodeService, serveProbe, serveShutdown, serveStatus } from "./node/serve.ts";
import { type ProcessService, serveAttach, serveStart } from "./process/serve.ts";

/** What one connection's requests are answered with. */
export interface Services {
  node: NodeService;
  process: ProcessService;
  access: AccessService;
}

/** Answers one request. The session hands over only what `requestKinds` names. */
export function serve(operation: Operation<Message>, request: Message, services: Services): void {
  const { kind } = request;
  if (kind === "probe") return serveProbe(operation, request, services.node);
  if (kind === "status") return serveStatus(operation, services.node);
  if (kind === "shutdown") return serveShutdown(operation, services.node);
  if (kind === "start") return serveStart(operation, request, services.process);
  if (kind === "attach") return serveAttach(operation, request, services.process);
  if (kind === "revoke") return serveRevoke(operation, request, services.access);
  const text = `This daemon does not serve "${kind}"`;
  operation.send({ kind: "refusal", code: "unknown-request", text });
  operation.end();
}
