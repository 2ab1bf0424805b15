// Every message there is: its kind, its number on the wire, its codec. And what makes frames of them: each is one
// FlatBuffer behind its length, and nothing of a received one is read before the verifier accepted it.

import { Builder, ByteBuffer } from "flatbuffers";

import { assert } from "../base/assert.ts";
import { CtlError } from "../base/errors.ts";
import { goodbyeCodec, helloCodec, pingCodec, pongCodec, refusalCodec } from "../session/codec.ts";
import type { SessionMessage } from "../session/contract.ts";
import type { Envelope, MessageCodec } from "../wire/codec.ts";
import { Accepted } from "../wire/generated/accepted.ts";
import { Attach } from "../wire/generated/attach.ts";
import { Body } from "../wire/generated/body.ts";
import { CloseStream } from "../wire/generated/close-stream.ts";
import { Credit } from "../wire/generated/credit.ts";
import { Event } from "../wire/generated/event.ts";
import { Goodbye } from "../wire/generated/goodbye.ts";
import { Hello } from "../wire/generated/hello.ts";
import { Input } from "../wire/generated/input.ts";
import { Message as Root } from "../wire/generated/message.ts";
import { OutputGap } from "../wire/generated/output-gap.ts";
import { Output } from "../wire/generated/output.ts";
import { Ping } from "../wire/generated/ping.ts";
import { Pong } from "../wire/generated/pong.ts";
import { ProbeReply } from "../wire/generated/probe-reply.ts";
import { Probe } from "../wire/generated/probe.ts";
import { Refusal } from "../wire/generated/refusal.ts";
import { Release } from "../wire/generated/release.ts";
import { Revoke } from "../wire/generated/revoke.ts";
import { Revoked } from "../wire/generated/revoked.ts";
import { Shutdown } from "../wire/generated/shutdown.ts";
import { Signal } from "../wire/generated/signal.ts";
import { StartProcess } from "../wire/generated/start-process.ts";
import { StatusReply } from "../wire/generated/status-reply.ts";
import { Status } from "../wire/generated/status.ts";
import { Stop } from "../wire/generated/stop.ts";
import { schema } from "../wire/generated/tables.ts";
import { frameBytesMax } from "../wire/limits.ts";
import { linkedRoot } from "../wire/linked-schema.ts";
import { uint32 } from "../wire/ranges.ts";
import { member, Union } from "../wire/union.ts";
import { Verifier } from "../wire/verifier.ts";
import { revokeCodec, revokedCodec } from "./access/codec.ts";
import type { AccessMessage } from "./access/contract.ts";
import {
  probeCodec,
  probeReplyCodec,
  shutdownCodec,
  statusCodec,
  statusReplyCodec,
} from "./node/codec.ts";
import type { NodeMessage } from "./node/contract.ts";
import {
  acceptedCodec,
  attachCodec,
  closeStreamCodec,
  creditCodec,
  inputCodec,
  outputCodec,
  outputGapCodec,
  releaseCodec,
  signalCodec,
  startCodec,
  stopCodec,
} from "./process/codec.ts";
import type { ProcessMessage } from "./process/contract.ts";
import { eventCodec } from "./process/event-codec.ts";

export type Message = SessionMessage | NodeMessage | ProcessMessage | AccessMessage;

const messages = new Union<Message, Body>({
  hello: member(Body.Hello, Hello, helloCodec),
  goodbye: member(Body.Goodbye, Goodbye, goodbyeCodec),
  ping: member(Body.Ping, Ping, pingCodec),
  pong: member(Body.Pong, Pong, pongCodec),
  refusal: member(Body.Refusal, Refusal, refusalCodec),
  probe: member(Body.Probe, Probe, probeCodec),
  "probe-reply": member(Body.ProbeReply, ProbeReply, probeReplyCodec),
  status: member(Body.Status, Status, statusCodec),
  "status-reply": member(Body.StatusReply, StatusReply, statusReplyCodec),
  shutdown: member(Body.Shutdown, Shutdown, shutdownCodec),
  start: member(Body.StartProcess, StartProcess, startCodec),
  attach: member(Body.Attach, Attach, attachCodec),
  accepted: member(Body.Accepted, Accepted, acceptedCodec),
  output: member(Body.Output, Output, outputCodec),
  "output-gap": member(Body.OutputGap, OutputGap, outputGapCodec),
  input: member(Body.Input, Input, inputCodec),
  credit: member(Body.Credit, Credit, creditCodec),
  "close-stream": member(Body.CloseStream, CloseStream, closeStreamCodec),
  signal: member(Body.Signal, Signal, signalCodec),
  stop: member(Body.Stop, Stop, stopCodec),
  release: member(Body.Release, Release, releaseCodec),
  event: member(Body.Event, Event, eventCodec),
  revoke: member(Body.Revoke, Revoke, revokeCodec),
  revoked: member(Body.Revoked, Revoked, revokedCodec),
});

/** The kinds that open an operation; everything else is said within one. */
export const requestKinds: ReadonlySet<Message["kind"]> = new Set([
  "probe",
  "status",
  "shutdown",
  "start",
  "attach",
  "revoke",
]);

/** One per session: both directions reuse what they can. */
export function messageCodec(): MessageCodec<Message> {
  return new FrameCodec();
}

const kib = 1024;
/** From here on a message gets a buffer of its own, which becomes the frame: one copy of the bytes instead of two. */
const bulkBytesMin = 4 * kib;
/** What surrounds the bytes of a bulk message. */
const bulkOverheadBytes = 128;
/** A buffer that grew beyond this for one large message is not kept for the small ones. */
const keptBytesMax = 64 * kib;
const lengthBytes = 4;

/** Linked once for all sessions. */
const tables = linkedRoot(schema);

class FrameCodec implements MessageCodec<Message> {
  readonly #verifier = new Verifier(schema, tables);
  readonly #root = new Root();
  #builder = new Builder(kib);

  encode(operation: number, message: Message): Uint8Array<ArrayBuffer> {
    if ((message.kind === "output" || message.kind === "input") && isBulk(message.bytes)) {
      const builder = new Builder(message.bytes.length + bulkOverheadBytes);
      const { buffer, byteOffset, byteLength } = written(builder, operation, message);
      assert(buffer instanceof ArrayBuffer, "A builder allocates nothing but plain buffers");
      return new Uint8Array(buffer, byteOffset, byteLength);
    }
    this.#builder.clear();
    const frame = written(this.#builder, operation, message).slice();
    if (this.#builder.dataBuffer().capacity() > keptBytesMax) this.#builder = new Builder(kib);
    return frame;
  }

  decode(frame: Uint8Array): Envelope<Message> | null {
    const verdict = this.#verifier.verify(frame);
    if (verdict === "unknown") return null;
    if (verdict === "refused") {
      throw new CtlError("protocol-violated", `Malformed message, ${this.#verifier.fault}`);
    }
    const root = Root.getRootAsMessage(new ByteBuffer(frame), this.#root);
    const message = messages.read(root.bodyType(), (table) => root.body(table));
    return { operation: root.operation(), message };
  }
}

const isBulk = (bytes: Uint8Array): boolean => bytes.length >= bulkBytesMin;

function written(builder: Builder, operation: number, message: Message): Uint8Array {
  const body = messages.write(builder, message);
  const root = Root.createMessage(
    builder,
    uint32(operation, "Message.operation"),
    messages.typeOf(message),
    body,
  );
  Root.finishSizePrefixedMessageBuffer(builder, root);
  const frame = builder.asUint8Array();
  if (frame.length - lengthBytes > frameBytesMax) {
    const text = `A message of ${frame.length} bytes, at most ${frameBytesMax} are possible`;
    throw new CtlError("usage", text);
  }
  return frame;
}
