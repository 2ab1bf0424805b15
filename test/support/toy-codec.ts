// Messages for session tests that know nothing of processes: JSON in a frame. A session must not care.

import { CtlError } from "../../src/base/errors.ts";
import type { SessionMessage } from "../../src/session/contract.ts";
import type { MessageCodec } from "../../src/wire/codec.ts";

export type ToyMessage =
  | SessionMessage
  | { kind: "ask"; text: string }
  | { kind: "answer"; text: string }
  | { kind: "explode" };

export class ToyCodec implements MessageCodec<ToyMessage> {
  encode(operation: number, message: ToyMessage): Uint8Array<ArrayBuffer> {
    const text = JSON.stringify({ operation, message }, (_key, value: unknown) => {
      if (typeof value === "bigint") return { bigint: value.toString() };
      return value instanceof Uint8Array ? { bytes: [...value] } : value;
    });
    const body = Buffer.from(text);
    const frame = new Uint8Array(4 + body.length);
    new DataView(frame.buffer).setUint32(0, body.length, true);
    frame.set(body, 4);
    return frame;
  }

  decode(frame: Uint8Array): { operation: number; message: ToyMessage } | null {
    try {
      return JSON.parse(Buffer.from(frame).toString(), (_key, value: unknown) => revive(value));
    } catch (error) {
      throw new CtlError("protocol-violated", "Not a toy", { cause: error });
    }
  }
}

function revive(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("bigint" in value) return BigInt(String(value.bigint));
  if ("bytes" in value) return Uint8Array.from(Array.from(value.bytes as Iterable<number>));
  return value;
}
