// From an address to an open session, whatever lies between: a socket, or a daemon inside this very process.

import type { Clock } from "../base/clock.ts";
import { CtlError } from "../base/errors.ts";
import { type Message, messageCodec } from "../capability/messages.ts";
import { helloOf } from "../session/hello.ts";
import { Session } from "../session/session.ts";
import { connectTcp, connectUnix } from "../transport/tcp.ts";
import type { Transport } from "../transport/transport.ts";
import type { NodeAddress } from "./address.ts";

export interface ConnectOptions {
  clock: Clock;
  software: string;
  host: string;
  /** The user typed that he wants to talk without authentication. */
  insecure: boolean;
  /** For the connection and the greeting together. */
  timeoutMs: number;
  /** The daemon inside this process, for "local". */
  embedded(): Promise<Transport>;
}

/** Opens a session. @throws CtlError that names what was attempted */
export async function openSession(
  address: NodeAddress,
  options: ConnectOptions,
): Promise<Session<Message>> {
  if (address.kind === "tcp" && !options.insecure) {
    throw new CtlError("key-missing", `There is no key to talk to "${address.name}" with`, {
      hint: "type --insecure-no-authentication on both sides if the network is closed",
    });
  }
  const beganNs = options.clock.monotonicNs();
  const transport = await openTransport(address, options);
  const elapsedMs = Number((options.clock.monotonicNs() - beganNs) / 1_000_000n);
  return greet(transport, options, Math.max(1, options.timeoutMs - elapsedMs));
}

function openTransport(address: NodeAddress, options: ConnectOptions): Promise<Transport> {
  const { timeoutMs } = options;
  switch (address.kind) {
    case "local":
      return options.embedded();
    case "unix":
      return connectUnix({ path: address.path, timeoutMs });
    case "tcp":
      return connectTcp({ host: address.host, port: address.port, timeoutMs });
    default:
      return address satisfies never;
  }
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
    ended: (end, error) => opened.reject(error ?? new CtlError("connection-lost", end.why)),
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
