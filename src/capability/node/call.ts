// The controller's questions about a node: clocks by four-timestamp exchange, status, end.

import type { Clock } from "../../base/clock.ts";
import { CtlError } from "../../base/errors.ts";
import type { Session } from "../../session/session.ts";
import type { Message } from "../messages.ts";
import type { StatusReply } from "./contract.ts";

/** One exchange. Times in nanoseconds. */
export interface ProbeSample {
  /** Round trip without the time that the node needed to answer. */
  roundTripNs: bigint;
  /** Node's CLOCK_REALTIME minus ours. */
  offsetNs: bigint;
  /** The true offset lies within offset ± error: half the round trip. */
  errorNs: bigint;
}

/** `count` exchanges one after the other. @throws CtlError("connection-lost") */
export async function probe(
  session: Session<Message>,
  clock: Clock,
  count: number,
): Promise<ProbeSample[]> {
  const samples: ProbeSample[] = [];
  const done = Promise.withResolvers<void>();
  const operation = session.open();
  let sentMonotonicNs = 0n;
  let sentRealtimeNs = 0n;
  const ask = (): void => {
    sentRealtimeNs = clock.realtimeNs();
    sentMonotonicNs = clock.monotonicNs();
    operation.send({ kind: "probe", token: BigInt(samples.length) });
  };
  operation.handle({
    message: (message) => {
      if (message.kind !== "probe-reply") return;
      const elapsedNs = clock.monotonicNs() - sentMonotonicNs;
      const busyNs = message.sentMonotonicNs - message.receivedMonotonicNs;
      const roundTripNs = elapsedNs - busyNs;
      // Our own realtime at the answer is derived: a step of our clock in between must not count twice.
      const answeredRealtimeNs = sentRealtimeNs + elapsedNs;
      const there = message.receivedRealtimeNs - sentRealtimeNs;
      const back = message.sentRealtimeNs - answeredRealtimeNs;
      samples.push({
        roundTripNs,
        offsetNs: (there + back) / 2n,
        errorNs: roundTripNs / 2n + 1n,
      });
      if (samples.length < count) return ask();
      operation.send({ kind: "release" });
      operation.end();
      done.resolve();
    },
    sessionEnded: (end) => done.reject(new CtlError("connection-lost", end.why)),
  });
  ask();
  await done.promise;
  return samples;
}

/** The sample to believe: that of the smallest round trip. */
export function bestSample(samples: readonly ProbeSample[]): ProbeSample | null {
  let best: ProbeSample | null = null;
  for (const sample of samples) {
    if (!best || sample.roundTripNs < best.roundTripNs) best = sample;
  }
  return best;
}

/** @throws CtlError("connection-lost" | "refused") */
export function status(session: Session<Message>): Promise<StatusReply> {
  const reply = Promise.withResolvers<StatusReply>();
  const operation = session.open();
  operation.handle({
    message: (message) => {
      if (message.kind === "status-reply") reply.resolve(message);
      if (message.kind === "refusal") reply.reject(new CtlError("refused", message.text));
      operation.end();
    },
    sessionEnded: (end) => reply.reject(new CtlError("connection-lost", end.why)),
  });
  operation.send({ kind: "status" });
  return reply.promise;
}

/** Asks the daemon to end; resolves when it has said goodbye. @throws CtlError("connection-lost" | "refused") */
export function shutdown(session: Session<Message>): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const operation = session.open();
  operation.handle({
    message: (message) => {
      if (message.kind !== "refusal") return;
      operation.end();
      gone.reject(new CtlError("refused", message.text));
    },
    sessionEnded: (end) => {
      if (end.goodbye) gone.resolve();
      else gone.reject(new CtlError("connection-lost", end.why));
    },
  });
  operation.send({ kind: "shutdown" });
  return gone.promise;
}
