// The daemon's answers about its node.

import type { Clock } from "../../base/clock.ts";
import type { Operation } from "../../session/operation.ts";
import type { Message } from "../messages.ts";
import type { Probe, StatusReply } from "./contract.ts";

export interface NodeService {
  clock: Clock;
  status(): Omit<StatusReply, "kind">;
  /** Null when this connection may not end the daemon. */
  shutdown: (() => void) | null;
}

/** Answers this probe and every further one on the same operation. */
export function serveProbe(
  operation: Operation<Message>,
  request: Probe,
  { clock }: NodeService,
): void {
  const answer = (token: bigint): void => {
    const receivedMonotonicNs = clock.monotonicNs();
    const receivedRealtimeNs = clock.realtimeNs();
    operation.send({
      kind: "probe-reply",
      token,
      receivedMonotonicNs,
      receivedRealtimeNs,
      sentMonotonicNs: clock.monotonicNs(),
      sentRealtimeNs: clock.realtimeNs(),
    });
  };
  operation.handle({
    message: (message) => {
      if (message.kind === "probe") answer(message.token);
      if (message.kind === "release") operation.end();
    },
    // Nothing is kept for a prober.
    sessionEnded: () => {},
  });
  answer(request.token);
}

export function serveStatus(operation: Operation<Message>, service: NodeService): void {
  operation.send({ kind: "status-reply", ...service.status() });
  operation.end();
}

export function serveShutdown(operation: Operation<Message>, { shutdown }: NodeService): void {
  if (shutdown) return shutdown();
  const text = "Only the daemon's owner may end it, through its Unix socket on the node";
  operation.send({ kind: "refusal", code: "not-allowed", text });
  operation.end();
}
