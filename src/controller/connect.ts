// From a transport to an open session, whatever it leads to: a daemon elsewhere, or one inside this very process.

import type { Clock } from "../base/clock.ts";
import { CtlError } from "../base/errors.ts";
import { type Message, messageCodec } from "../capability/messages.ts";
import type { Key } from "../keys/contract.ts";
import { helloOf } from "../session/hello.ts";
import { Session } from "../session/session.ts";
import type { Transport } from "../transport/transport.ts";
import { refusedAfterHandshake } from "./reach.ts";

export interface ConnectOptions {
  clock: Clock;
  software: string;
  host: string;
  /** The user typed that he wants to talk without authentication. */
  insecure: boolean;
  /** What we proved who we are with, if that was asked. */
  key: Key | null;
  /** For the connection and the greeting together. */
  timeoutMs: number;
}

/** Greets whoever is at the other end of a transport that may still be on its way. @throws CtlError that names what was attempted */
export async function openSession(
  way: Promise<Transport>,
  options: ConnectOptions,
): Promise<Session<Message>> {
  const beganNs = options.clock.monotonicNs();
  const transport = await way;
  const elapsedMs = Number((options.clock.monotonicNs() - beganNs) / 1_000_000n);
  return await greet(transport, options, Math.max(1, options.timeoutMs - elapsedMs));
}

function greet(
  transport: Transport,
  options: ConnectOptions,
  helloTimeoutMs: number,
): Promise<Session<Message>> {
  const opened = Promise.withResolvers<Session<Message>>();
  const { clock, software, host, insecure } = options;
  const session: Session<Message> = new Session<Message>({
    transport,
    clock,
    codec: messageCodec(),
    hello: helloOf({
      ownLimits: null,
      software,
      host,
      insecure,
      incarnation: new Uint8Array(),
      monotonicNs: clock.monotonicNs(),
      realtimeNs: clock.realtimeNs(),
    }),
    requestKinds: new Set(),
    // Nothing counts as a request, so this is never called.
    request: (operation) => operation.end(),
    opened: (peer) => {
      if (peer.incarnation.length > 0) return opened.resolve(session);
      opened.reject(noDaemon(transport.peer));
      session.goodbye("protocol-violated", "A controller talks to daemons only");
    },
    ended: (end, error) => {
      const failure = error ?? new CtlError("connection-lost", end.why);
      if (failure.code === "not-ctl" && transport.kind === "tcp" && options.insecure) {
        return opened.reject(mayWantKeys(failure));
      }
      const isTurnedAway = failure.code === "connection-lost" && transport.identity && options.key;
      opened.reject(
        isTurnedAway ? refusedAfterHandshake(transport, isTurnedAway, failure) : failure,
      );
    },
    helloTimeoutMs,
  });
  return opened.promise;
}

/** Whoever sends back what he hears greets as a controller does: by no incarnation. */
function noDaemon(peer: string): CtlError {
  return new CtlError("not-ctl", `${peer} answers, but is no daemon of ctl`, {
    hint: "check the port: something else listens there",
  });
}

/** What a daemon with keys says to somebody without sounds like nothing at all. */
function mayWantKeys(failure: CtlError): CtlError {
  return new CtlError("not-ctl", failure.message, {
    cause: failure,
    hint: "something else listens there, or a daemon with keys: then leave out --insecure-no-authentication",
  });
}
