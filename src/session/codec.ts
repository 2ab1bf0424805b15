// Hello, goodbye, ping, pong and refusal: plain values to tables and back.

import type { BodyCodec } from "../wire/codec.ts";
import { Goodbye as GoodbyeTable } from "../wire/generated/goodbye.ts";
import { Hello as HelloTable } from "../wire/generated/hello.ts";
import { Limit as LimitTable } from "../wire/generated/limit.ts";
import { Ping as PingTable } from "../wire/generated/ping.ts";
import { Pong as PongTable } from "../wire/generated/pong.ts";
import { Refusal as RefusalTable } from "../wire/generated/refusal.ts";
import { codeBytesMax, incarnationBytes, listEntriesMax, textBytesMax } from "../wire/limits.ts";
import {
  asBytes,
  codes,
  entries,
  exactly,
  present,
  readText,
  uint16,
  uint64,
  violated,
  writeText,
} from "../wire/ranges.ts";
import type {
  Goodbye,
  GoodbyeCode,
  Hello,
  NamedLimit,
  Ping,
  Pong,
  Refusal,
  RefusalCode,
} from "./contract.ts";

const goodbyeCodes = codes<GoodbyeCode>("Goodbye.code", {
  done: true,
  stopping: true,
  "protocol-violated": true,
  version: true,
  "session-limit": true,
  dead: true,
  revoked: true,
});

const refusalCodes = codes<RefusalCode>("Refusal.code", {
  "not-allowed": true,
  "bad-request": true,
  "operation-limit": true,
  "process-limit": true,
  stopping: true,
  "other-incarnation": true,
  "unknown-process": true,
  replaced: true,
  "unknown-request": true,
});

export const helloCodec: BodyCodec<Hello, HelloTable> = {
  write(builder, hello) {
    const limits = hello.limits.slice(0, listEntriesMax).map(({ name, value }) => {
      const text = writeText(builder, name, codeBytesMax);
      return LimitTable.createLimit(builder, text, uint64(value, "Limit.value"));
    });
    return HelloTable.createHello(
      builder,
      uint16(hello.protocolMin, "Hello.protocol_min"),
      uint16(hello.protocolMax, "Hello.protocol_max"),
      writeText(builder, hello.software, textBytesMax),
      writeText(builder, hello.host, textBytesMax),
      builder.createByteVector(incarnation(hello.incarnation)),
      hello.insecure,
      uint64(hello.monotonicNs, "Hello.monotonic"),
      uint64(hello.realtimeNs, "Hello.realtime"),
      HelloTable.createLimitsVector(builder, limits),
    );
  },
  read(table) {
    const protocolMin = table.protocolMin();
    const protocolMax = table.protocolMax();
    if (protocolMin < 1 || protocolMin > protocolMax) {
      violated(`Hello offers the protocols ${protocolMin} to ${protocolMax}`);
    }
    return {
      kind: "hello",
      protocolMin,
      protocolMax,
      software: readText(table.software(asBytes), textBytesMax, "Hello.software"),
      host: readText(table.host(asBytes), textBytesMax, "Hello.host"),
      incarnation: incarnation(present(table.incarnationArray())),
      insecure: table.insecure(),
      monotonicNs: table.monotonic(),
      realtimeNs: table.realtime(),
      limits: limitsOf(table),
    };
  },
};

function limitsOf(table: HelloTable): NamedLimit[] {
  const length = entries(table.limitsLength(), listEntriesMax, "Hello.limits");
  return Array.from({ length }, (_, index) => {
    const limit = present(table.limits(index));
    const name = readText(limit.name(asBytes), codeBytesMax, "Limit.name");
    return { name, value: limit.value() };
  });
}

/** A controller has none. */
function incarnation(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? bytes : exactly(bytes, incarnationBytes, "Hello.incarnation");
}

export const goodbyeCodec: BodyCodec<Goodbye, GoodbyeTable> = {
  write(builder, { code, text }) {
    return GoodbyeTable.createGoodbye(
      builder,
      builder.createString(code),
      writeText(builder, text, textBytesMax),
    );
  },
  read(table) {
    return {
      kind: "goodbye",
      code: goodbyeCodes.codeOf(readText(table.code(asBytes), codeBytesMax, "Goodbye.code")),
      text: readText(table.text(asBytes), textBytesMax, "Goodbye.text"),
    };
  },
};

export const pingCodec: BodyCodec<Ping, PingTable> = {
  write: (builder, { token }) => PingTable.createPing(builder, uint64(token, "Ping.token")),
  read: (table) => ({ kind: "ping", token: table.token() }),
};

export const pongCodec: BodyCodec<Pong, PongTable> = {
  write: (builder, { token }) => PongTable.createPong(builder, uint64(token, "Pong.token")),
  read: (table) => ({ kind: "pong", token: table.token() }),
};

export const refusalCodec: BodyCodec<Refusal, RefusalTable> = {
  write(builder, { code, text }) {
    return RefusalTable.createRefusal(
      builder,
      builder.createString(code),
      writeText(builder, text, textBytesMax),
    );
  },
  read(table) {
    return {
      kind: "refusal",
      code: refusalCodes.codeOf(readText(table.code(asBytes), codeBytesMax, "Refusal.code")),
      text: readText(table.text(asBytes), textBytesMax, "Refusal.text"),
    };
  },
};
