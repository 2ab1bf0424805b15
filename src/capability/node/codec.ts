// Messages about the node itself: plain values to tables and back.

import type { BodyCodec } from "../../wire/codec.ts";
import { ProbeReply as ProbeReplyTable } from "../../wire/generated/probe-reply.ts";
import { Probe as ProbeTable } from "../../wire/generated/probe.ts";
import { Shutdown as ShutdownTable } from "../../wire/generated/shutdown.ts";
import { StatusReply as StatusReplyTable } from "../../wire/generated/status-reply.ts";
import { Status as StatusTable } from "../../wire/generated/status.ts";
import { listEntriesMax, textBytesMax } from "../../wire/limits.ts";
import { asBytes, entries, readText, uint32, uint64, writeText } from "../../wire/ranges.ts";
import type { Probe, ProbeReply, Shutdown, Status, StatusReply } from "./contract.ts";

export const probeCodec: BodyCodec<Probe, ProbeTable> = {
  write: (builder, { token }) => ProbeTable.createProbe(builder, uint64(token, "Probe.token")),
  read: (table) => ({ kind: "probe", token: table.token() }),
};

export const probeReplyCodec: BodyCodec<ProbeReply, ProbeReplyTable> = {
  write(builder, reply) {
    return ProbeReplyTable.createProbeReply(
      builder,
      uint64(reply.token, "ProbeReply.token"),
      uint64(reply.receivedMonotonicNs, "ProbeReply.received_monotonic"),
      uint64(reply.receivedRealtimeNs, "ProbeReply.received_realtime"),
      uint64(reply.sentMonotonicNs, "ProbeReply.sent_monotonic"),
      uint64(reply.sentRealtimeNs, "ProbeReply.sent_realtime"),
    );
  },
  read(table) {
    return {
      kind: "probe-reply",
      token: table.token(),
      receivedMonotonicNs: table.receivedMonotonic(),
      receivedRealtimeNs: table.receivedRealtime(),
      sentMonotonicNs: table.sentMonotonic(),
      sentRealtimeNs: table.sentRealtime(),
    };
  },
};

export const statusCodec: BodyCodec<Status, StatusTable> = {
  write: (builder) => StatusTable.createStatus(builder),
  read: () => ({ kind: "status" }),
};

export const statusReplyCodec: BodyCodec<StatusReply, StatusReplyTable> = {
  write(builder, reply) {
    const addresses = reply.addresses
      .slice(0, listEntriesMax)
      .map((address) => writeText(builder, address, textBytesMax));
    return StatusReplyTable.createStatusReply(
      builder,
      uint32(reply.pid, "StatusReply.pid"),
      StatusReplyTable.createAddressesVector(builder, addresses),
      uint64(reply.startedMonotonicNs, "StatusReply.started_monotonic"),
      uint32(reply.sessions, "StatusReply.sessions"),
      uint32(reply.processes, "StatusReply.processes"),
      uint64(reply.childNofile, "StatusReply.child_nofile"),
    );
  },
  read(table) {
    const length = entries(table.addressesLength(), listEntriesMax, "StatusReply.addresses");
    return {
      kind: "status-reply",
      pid: table.pid(),
      addresses: Array.from({ length }, (_, index) =>
        readText(table.addresses(index, asBytes), textBytesMax, "StatusReply.addresses"),
      ),
      startedMonotonicNs: table.startedMonotonic(),
      sessions: table.sessions(),
      processes: table.processes(),
      childNofile: table.childNofile(),
    };
  },
};

export const shutdownCodec: BodyCodec<Shutdown, ShutdownTable> = {
  write: (builder) => ShutdownTable.createShutdown(builder),
  read: () => ({ kind: "shutdown" }),
};
