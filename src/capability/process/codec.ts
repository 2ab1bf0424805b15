// Messages about processes, events apart: plain values to tables and back.

import type { Builder } from "flatbuffers";

import { CtlError, type ErrorCode } from "../../base/errors.ts";
import type { BodyCodec } from "../../wire/codec.ts";
import { Accepted as AcceptedTable } from "../../wire/generated/accepted.ts";
import { Attach as AttachTable } from "../../wire/generated/attach.ts";
import { Bytes as BytesTable } from "../../wire/generated/bytes.ts";
import { CloseStream as CloseStreamTable } from "../../wire/generated/close-stream.ts";
import { Credit as CreditTable } from "../../wire/generated/credit.ts";
import { Input as InputTable } from "../../wire/generated/input.ts";
import { OutputGap as OutputGapTable } from "../../wire/generated/output-gap.ts";
import { Output as OutputTable } from "../../wire/generated/output.ts";
import { Release as ReleaseTable } from "../../wire/generated/release.ts";
import { Signal as SignalTable } from "../../wire/generated/signal.ts";
import { StartProcess as StartTable } from "../../wire/generated/start-process.ts";
import { Stop as StopTable } from "../../wire/generated/stop.ts";
import {
  argvEnvBytesMax,
  incarnationBytes,
  keyBytes,
  outputChunkBytesMax,
} from "../../wire/limits.ts";
import {
  asBytes,
  atMost,
  exactly,
  present,
  readCount,
  readSpan,
  uint32,
  uint64,
  writeCount,
} from "../../wire/ranges.ts";
import type {
  Accepted,
  Attach,
  CloseStream,
  Credit,
  Input,
  Output,
  OutputGap,
  Release,
  Signal,
  Start,
  Stop,
} from "./contract.ts";
import { stringBytes } from "./start-size.ts";
import { disconnects, processId, scopes, signalNumber, streams, trees } from "./words.ts";

export const startCodec: BodyCodec<Start, StartTable> = {
  write(builder, start) {
    checkStrings(start, "usage");
    return StartTable.createStartProcess(
      builder,
      builder.createByteVector(exactly(start.key, keyBytes, "StartProcess.key")),
      builder.createByteVector(
        exactly(start.incarnation, incarnationBytes, "StartProcess.incarnation"),
      ),
      StartTable.createArgvVector(builder, writeStrings(builder, start.argv)),
      StartTable.createEnvVector(builder, writeStrings(builder, start.env)),
      builder.createByteVector(start.directory),
      start.stdin,
      writeCount(start.timeoutMs, "StartProcess.timeout_ms"),
      uint32(start.graceMs, "StartProcess.grace_ms"),
      disconnects.numberOf(start.onDisconnect),
      uint32(start.leaseMs, "StartProcess.lease_ms"),
      trees.numberOf(start.tree),
    );
  },
  read(table) {
    const start: Start = {
      kind: "start",
      key: exactly(present(table.keyArray()), keyBytes, "StartProcess.key"),
      incarnation: exactly(
        present(table.incarnationArray()),
        incarnationBytes,
        "StartProcess.incarnation",
      ),
      argv: readStrings(table.argvLength(), (index, entry) => table.argv(index, entry)),
      env: readStrings(table.envLength(), (index, entry) => table.env(index, entry)),
      directory: present(table.directoryArray()),
      stdin: table.stdin(),
      timeoutMs: readCount(table.timeoutMs(), "StartProcess.timeout_ms"),
      graceMs: table.graceMs(),
      onDisconnect: disconnects.wordOf(table.onDisconnect()),
      leaseMs: table.leaseMs(),
      tree: trees.wordOf(table.tree()),
    };
    checkStrings(start, "protocol-violated");
    return start;
  },
};

/** @param code "usage" on the side where a user typed them, "protocol-violated" on the other */
function checkStrings(start: Start, code: ErrorCode): void {
  const { argv, env, directory } = start;
  if (argv.length === 0) throw new CtlError(code, "A command needs at least one word");
  // Counted before anything is searched: a hostile list can name one large entry tens of thousands of times.
  const bytes = stringBytes(start);
  if (bytes > argvEnvBytesMax) {
    const text = `Argument list too long: ${bytes} bytes with the environment, of ${argvEnvBytesMax}`;
    throw new CtlError(code, text);
  }
  if ([argv, env, [directory]].some((list) => list.some((entry) => entry.includes(0)))) {
    throw new CtlError(code, "NUL inside an argument, a variable or the working directory");
  }
}

function writeStrings(builder: Builder, list: readonly Uint8Array[]): number[] {
  return list.map((entry) => BytesTable.createBytes(builder, builder.createByteVector(entry)));
}

function readStrings(
  length: number,
  at: (index: number, reused: BytesTable) => BytesTable | null,
): Uint8Array[] {
  const reused = new BytesTable();
  return Array.from({ length }, (_, index) => present(present(at(index, reused)).valueArray()));
}

export const attachCodec: BodyCodec<Attach, AttachTable> = {
  write(builder, attach) {
    return AttachTable.createAttach(
      builder,
      builder.createByteVector(exactly(attach.key, keyBytes, "Attach.key")),
      writeCount(attach.stdoutOffset, "Attach.stdout_offset"),
      writeCount(attach.stderrOffset, "Attach.stderr_offset"),
      uint64(attach.eventsSeen, "Attach.events_seen"),
    );
  },
  read(table) {
    return {
      kind: "attach",
      key: exactly(present(table.keyArray()), keyBytes, "Attach.key"),
      stdoutOffset: readCount(table.stdoutOffset(), "Attach.stdout_offset"),
      stderrOffset: readCount(table.stderrOffset(), "Attach.stderr_offset"),
      eventsSeen: table.eventsSeen(),
    };
  },
};

export const acceptedCodec: BodyCodec<Accepted, AcceptedTable> = {
  write(builder, accepted) {
    return AcceptedTable.createAccepted(
      builder,
      processId.write(builder, accepted.process),
      writeCount(accepted.stdinOffset, "Accepted.stdin_offset"),
    );
  },
  read(table) {
    return {
      kind: "accepted",
      process: processId.read(table.process(asBytes)),
      stdinOffset: readCount(table.stdinOffset(), "Accepted.stdin_offset"),
    };
  },
};

export const outputCodec: BodyCodec<Output, OutputTable> = {
  write(builder, { stream, offset, bytes }) {
    return OutputTable.createOutput(
      builder,
      streams.numberOf(stream),
      writeCount(offset, "Output.offset"),
      builder.createByteVector(atMost(bytes, outputChunkBytesMax, "Output.bytes")),
    );
  },
  read(table) {
    const bytes = atMost(present(table.bytesArray()), outputChunkBytesMax, "Output.bytes");
    return {
      kind: "output",
      stream: streams.wordOf(table.stream()),
      offset: readSpan(table.offset(), bytes.length, "Output.offset"),
      bytes,
    };
  },
};

export const outputGapCodec: BodyCodec<OutputGap, OutputGapTable> = {
  write(builder, { stream, offset, length }) {
    return OutputGapTable.createOutputGap(
      builder,
      streams.numberOf(stream),
      writeCount(offset, "OutputGap.offset"),
      writeCount(length, "OutputGap.length"),
    );
  },
  read(table) {
    const length = readCount(table.length(), "OutputGap.length");
    return {
      kind: "output-gap",
      stream: streams.wordOf(table.stream()),
      offset: readSpan(table.offset(), length, "OutputGap.offset"),
      length,
    };
  },
};

export const inputCodec: BodyCodec<Input, InputTable> = {
  write(builder, { offset, bytes, end }) {
    return InputTable.createInput(
      builder,
      writeCount(offset, "Input.offset"),
      builder.createByteVector(atMost(bytes, outputChunkBytesMax, "Input.bytes")),
      end,
    );
  },
  read(table) {
    const bytes = atMost(present(table.bytesArray()), outputChunkBytesMax, "Input.bytes");
    const offset = readSpan(table.offset(), bytes.length, "Input.offset");
    return { kind: "input", offset, bytes, end: table.end() };
  },
};

export const creditCodec: BodyCodec<Credit, CreditTable> = {
  write(builder, { stream, offset }) {
    const wireOffset = writeCount(offset, "Credit.offset");
    return CreditTable.createCredit(builder, streams.numberOf(stream), wireOffset);
  },
  read(table) {
    return {
      kind: "credit",
      stream: streams.wordOf(table.stream()),
      offset: readCount(table.offset(), "Credit.offset"),
    };
  },
};

export const closeStreamCodec: BodyCodec<CloseStream, CloseStreamTable> = {
  write: (builder, { stream }) =>
    CloseStreamTable.createCloseStream(builder, streams.numberOf(stream)),
  read: (table) => ({ kind: "close-stream", stream: streams.wordOf(table.stream()) }),
};

export const signalCodec: BodyCodec<Signal, SignalTable> = {
  write(builder, { serial, signal, scope }) {
    return SignalTable.createSignal(
      builder,
      uint32(serial, "Signal.serial"),
      signalNumber(signal, "Signal.signal"),
      scopes.numberOf(scope),
    );
  },
  read(table) {
    return {
      kind: "signal",
      serial: table.serial(),
      signal: signalNumber(table.signal(), "Signal.signal"),
      scope: scopes.wordOf(table.scope()),
    };
  },
};

export const stopCodec: BodyCodec<Stop, StopTable> = {
  write: (builder, { graceMs }) => StopTable.createStop(builder, uint32(graceMs, "Stop.grace_ms")),
  read: (table) => ({ kind: "stop", graceMs: table.graceMs() }),
};

export const releaseCodec: BodyCodec<Release, ReleaseTable> = {
  write: (builder) => ReleaseTable.createRelease(builder),
  read: () => ({ kind: "release" }),
};
