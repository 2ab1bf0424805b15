// Every request there is, and who answers it. A request kind without a service does not compile.

import type { Operation } from "../session/operation.ts";
import type { Message } from "./messages.ts";
import { type NodeService, serveProbe, serveShutdown, serveStatus } from "./node/serve.ts";
import { type ProcessService, serveAttach, serveStart } from "./process/serve.ts";

type RequestKind = "probe" | "status" | "shutdown" | "start" | "attach";

/** What one connection's requests are answered with. */
export interface Services {
  node: NodeService;
  process: ProcessService;
}

type Serve<Kind extends RequestKind> = (
  operation: Operation<Message>,
  request: Extract<Message, { kind: Kind }>,
  services: Services,
) => void;

const table: { [Kind in RequestKind]: Serve<Kind> } = {
  probe: (operation, request, { node }) => serveProbe(operation, request, node),
  status: (operation, _request, { node }) => serveStatus(operation, node),
  shutdown: (operation, _request, { node }) => serveShutdown(operation, node),
  start: (operation, request, { process }) => serveStart(operation, request, process),
  attach: (operation, request, { process }) => serveAttach(operation, request, process),
};

/** For the test that holds this table against the list of requests. */
export const servedKinds: readonly string[] = Object.keys(table);

/** Answers one request. The session hands over only what the table of requests names. */
export function serve(operation: Operation<Message>, request: Message, services: Services): void {
  const answer = table[request.kind as RequestKind] as Serve<RequestKind> | undefined;
  if (answer) return answer(operation, request as never, services);
  const text = `This daemon knows no request "${request.kind}"`;
  operation.send({ kind: "refusal", code: "unknown-request", text });
  operation.end();
}
