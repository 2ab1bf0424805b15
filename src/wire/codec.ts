// How one member of the union becomes a plain value and back. Codecs are hand-written and dull, two functions each.
// A `read` sees only tables that the verifier accepted; what the schema cannot say (lengths, ranges) it checks itself.

import type { Builder } from "flatbuffers";

/** A message with the operation that it belongs to; operation 0 is the session itself. */
export interface Envelope<Message> {
  operation: number;
  message: Message;
}

/** What a session needs to know of its messages: bytes of whole frames, and back. */
export interface MessageCodec<Message> {
  /** The whole frame: length prefix, buffer, identifier. The bytes belong to the caller. */
  encode(operation: number, message: Message): Uint8Array<ArrayBuffer>;
  /**
   * `frame` is one buffer without its length prefix. Byte vectors in the result are views into `frame`.
   * @throws CtlError("protocol-violated") when the verifier or a range check refuses it
   * @returns null when it is well formed but of a kind that this version does not know: it is skipped
   */
  decode(frame: Uint8Array): Envelope<Message> | null;
}

/** Two functions per message kind; `Table` is its generated class, which never travels further than this. */
export interface BodyCodec<Message, Table> {
  write(builder: Builder, message: Message): number;
  read(table: Table): Message;
}
