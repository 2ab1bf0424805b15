// Events of a process: plain values to tables and back. What can happen is a union of its own; a fact that this version
// does not know never gets here, the whole message is skipped.

import type { Builder } from "flatbuffers";

import type { ResourceUse } from "../../launcher/contract.ts";
import type { BodyCodec } from "../../wire/codec.ts";
import { Event as EventTable } from "../../wire/generated/event.ts";
import { Exited as ExitedTable } from "../../wire/generated/exited.ts";
import { Fact as FactNumber } from "../../wire/generated/fact.ts";
import { Killing as KillingTable } from "../../wire/generated/killing.ts";
import { NotStarted as NotStartedTable } from "../../wire/generated/not-started.ts";
import { ResourceUse as ResourceUseTable } from "../../wire/generated/resource-use.ts";
import { Signaled as SignaledTable } from "../../wire/generated/signaled.ts";
import { Started as StartedTable } from "../../wire/generated/started.ts";
import { Stopping as StoppingTable } from "../../wire/generated/stopping.ts";
import { StreamEnded as StreamEndedTable } from "../../wire/generated/stream-ended.ts";
import { Stuck as StuckTable } from "../../wire/generated/stuck.ts";
import { Survivor as SurvivorTable } from "../../wire/generated/survivor.ts";
import { TreeEmpty as TreeEmptyTable } from "../../wire/generated/tree-empty.ts";
import { Unknown as UnknownTable } from "../../wire/generated/unknown.ts";
import { listEntriesMax, pathBytesMax, textBytesMax } from "../../wire/limits.ts";
import {
  asBytes,
  atMost,
  entries,
  present,
  readCount,
  readText,
  uint32,
  uint64,
  writeCount,
  writeText,
} from "../../wire/ranges.ts";
import { member, Union } from "../../wire/union.ts";
import type { Fact, ProcessEvent, Survivor } from "./contract.ts";
import { causes, phases, processId, signalNumber, streams } from "./words.ts";

type FactOf<Kind extends Fact["kind"]> = Extract<Fact, { kind: Kind }>;

const startedCodec: BodyCodec<FactOf<"started">, StartedTable> = {
  write: (builder, { pid }) => StartedTable.createStarted(builder, uint32(pid, "Started.pid")),
  read: (table) => ({ kind: "started", pid: table.pid() }),
};

const notStartedCodec: BodyCodec<FactOf<"not-started">, NotStartedTable> = {
  write(builder, { phase, errno, path, interpreter }) {
    return NotStartedTable.createNotStarted(
      builder,
      phases.numberOf(phase),
      uint32(errno, "NotStarted.error_number"),
      builder.createByteVector(path.subarray(0, pathBytesMax)),
      interpreter,
    );
  },
  read(table) {
    return {
      kind: "not-started",
      phase: phases.wordOf(table.phase()),
      errno: table.errorNumber(),
      path: atMost(present(table.pathArray()), pathBytesMax, "NotStarted.path"),
      interpreter: table.interpreter(),
    };
  },
};

const exitedCodec: BodyCodec<FactOf<"exited">, ExitedTable> = {
  write(builder, exited) {
    const survivors = exited.survivors
      .slice(0, listEntriesMax)
      .map((survivor) => writeSurvivor(builder, survivor));
    const list = ExitedTable.createSurvivorsVector(builder, survivors);
    const usage = writeUsage(builder, exited.usage);
    ExitedTable.startExited(builder);
    ExitedTable.addStatus(builder, uint32(exited.status, "Exited.status"));
    ExitedTable.addCause(builder, causes.numberOf(exited.cause));
    ExitedTable.addUsage(builder, usage);
    ExitedTable.addStdoutLength(builder, writeCount(exited.stdoutLength, "Exited.stdout_length"));
    ExitedTable.addStderrLength(builder, writeCount(exited.stderrLength, "Exited.stderr_length"));
    ExitedTable.addTreeLeft(builder, exited.treeLeft);
    ExitedTable.addSurvivors(builder, list);
    return ExitedTable.endExited(builder);
  },
  read(table) {
    return {
      kind: "exited",
      status: table.status(),
      cause: causes.wordOf(table.cause()),
      usage: readUsage(present(table.usage())),
      stdoutLength: readCount(table.stdoutLength(), "Exited.stdout_length"),
      stderrLength: readCount(table.stderrLength(), "Exited.stderr_length"),
      treeLeft: table.treeLeft(),
      survivors: readSurvivors(table),
    };
  },
};

function writeUsage(builder: Builder, usage: ResourceUse): number {
  return ResourceUseTable.createResourceUse(
    builder,
    writeCount(usage.userUs, "ResourceUse.user_us"),
    writeCount(usage.systemUs, "ResourceUse.system_us"),
    writeCount(usage.maxRssKib, "ResourceUse.max_rss_kib"),
    writeCount(usage.minorFaults, "ResourceUse.minor_faults"),
    writeCount(usage.majorFaults, "ResourceUse.major_faults"),
    writeCount(usage.voluntarySwitches, "ResourceUse.voluntary_switches"),
    writeCount(usage.involuntarySwitches, "ResourceUse.involuntary_switches"),
  );
}

function readUsage(table: ResourceUseTable): ResourceUse {
  return {
    userUs: readCount(table.userUs(), "ResourceUse.user_us"),
    systemUs: readCount(table.systemUs(), "ResourceUse.system_us"),
    maxRssKib: readCount(table.maxRssKib(), "ResourceUse.max_rss_kib"),
    minorFaults: readCount(table.minorFaults(), "ResourceUse.minor_faults"),
    majorFaults: readCount(table.majorFaults(), "ResourceUse.major_faults"),
    voluntarySwitches: readCount(table.voluntarySwitches(), "ResourceUse.voluntary_switches"),
    involuntarySwitches: readCount(table.involuntarySwitches(), "ResourceUse.involuntary_switches"),
  };
}

function writeSurvivor(builder: Builder, { pid, command }: Survivor): number {
  const bytes = builder.createByteVector(command.subarray(0, pathBytesMax));
  return SurvivorTable.createSurvivor(builder, uint32(pid, "Survivor.pid"), bytes);
}

function readSurvivors(table: ExitedTable): Survivor[] {
  const length = entries(table.survivorsLength(), listEntriesMax, "Exited.survivors");
  return Array.from({ length }, (_, index) => {
    const survivor = present(table.survivors(index));
    const command = atMost(present(survivor.commandArray()), pathBytesMax, "Survivor.command");
    return { pid: survivor.pid(), command };
  });
}

const streamEndedCodec: BodyCodec<FactOf<"stream-ended">, StreamEndedTable> = {
  write(builder, { stream, length }) {
    const count = writeCount(length, "StreamEnded.length");
    return StreamEndedTable.createStreamEnded(builder, streams.numberOf(stream), count);
  },
  read(table) {
    return {
      kind: "stream-ended",
      stream: streams.wordOf(table.stream()),
      length: readCount(table.length(), "StreamEnded.length"),
    };
  },
};

const treeEmptyCodec: BodyCodec<FactOf<"tree-empty">, TreeEmptyTable> = {
  write: (builder) => TreeEmptyTable.createTreeEmpty(builder),
  read: () => ({ kind: "tree-empty" }),
};

const stoppingCodec: BodyCodec<FactOf<"stopping">, StoppingTable> = {
  write(builder, { cause, graceMs }) {
    const grace = uint32(graceMs, "Stopping.grace_ms");
    return StoppingTable.createStopping(builder, causes.numberOf(cause), grace);
  },
  read(table) {
    return { kind: "stopping", cause: causes.wordOf(table.cause()), graceMs: table.graceMs() };
  },
};

const killingCodec: BodyCodec<FactOf<"killing">, KillingTable> = {
  write: (builder) => KillingTable.createKilling(builder),
  read: () => ({ kind: "killing" }),
};

const stuckCodec: BodyCodec<FactOf<"stuck">, StuckTable> = {
  write(builder, { left, pid }) {
    return StuckTable.createStuck(builder, uint32(left, "Stuck.left"), uint32(pid, "Stuck.pid"));
  },
  read: (table) => ({ kind: "stuck", left: table.left(), pid: table.pid() }),
};

const signaledCodec: BodyCodec<FactOf<"signaled">, SignaledTable> = {
  write(builder, { serial, signal, hits, errno }) {
    return SignaledTable.createSignaled(
      builder,
      uint32(serial, "Signaled.serial"),
      signalNumber(signal, "Signaled.signal"),
      uint32(hits, "Signaled.hits"),
      uint32(errno, "Signaled.error_number"),
    );
  },
  read(table) {
    return {
      kind: "signaled",
      serial: table.serial(),
      signal: signalNumber(table.signal(), "Signaled.signal"),
      hits: table.hits(),
      errno: table.errorNumber(),
    };
  },
};

const unknownCodec: BodyCodec<FactOf<"unknown">, UnknownTable> = {
  write(builder, { why, fromNs, toNs }) {
    return UnknownTable.createUnknown(
      builder,
      writeText(builder, why, textBytesMax),
      uint64(fromNs, "Unknown.from"),
      uint64(toNs, "Unknown.to"),
    );
  },
  read(table) {
    return {
      kind: "unknown",
      why: readText(table.why(asBytes), textBytesMax, "Unknown.why"),
      fromNs: table.from(),
      toNs: table.to(),
    };
  },
};

/** Every fact there is. */
const facts = new Union<Fact, FactNumber>({
  started: member(FactNumber.Started, StartedTable, startedCodec),
  "not-started": member(FactNumber.NotStarted, NotStartedTable, notStartedCodec),
  exited: member(FactNumber.Exited, ExitedTable, exitedCodec),
  "stream-ended": member(FactNumber.StreamEnded, StreamEndedTable, streamEndedCodec),
  "tree-empty": member(FactNumber.TreeEmpty, TreeEmptyTable, treeEmptyCodec),
  stopping: member(FactNumber.Stopping, StoppingTable, stoppingCodec),
  killing: member(FactNumber.Killing, KillingTable, killingCodec),
  stuck: member(FactNumber.Stuck, StuckTable, stuckCodec),
  signaled: member(FactNumber.Signaled, SignaledTable, signaledCodec),
  unknown: member(FactNumber.Unknown, UnknownTable, unknownCodec),
});

export const eventCodec: BodyCodec<ProcessEvent, EventTable> = {
  write(builder, event) {
    return EventTable.createEvent(
      builder,
      uint64(event.sequence, "Event.sequence"),
      uint64(event.monotonicNs, "Event.monotonic"),
      uint64(event.realtimeNs, "Event.realtime"),
      processId.write(builder, event.process),
      facts.typeOf(event.fact),
      facts.write(builder, event.fact),
    );
  },
  read(table) {
    return {
      kind: "event",
      sequence: table.sequence(),
      monotonicNs: table.monotonic(),
      realtimeNs: table.realtime(),
      process: processId.read(table.process(asBytes)),
      fact: facts.read(table.factType(), (empty) => table.fact(empty)),
    };
  },
};
