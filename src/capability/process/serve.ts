// The daemon's answers about processes: checks whether a request may be granted, then ties its operation to a record.

import type { RefusalCode } from "../../session/contract.ts";
import type { Operation } from "../../session/operation.ts";
import type { Message } from "../messages.ts";
import type { Attach, ProcessMessage, Signal, Start, Stop } from "./contract.ts";
import type { ProcessFollower, ProcessRecord } from "./record.ts";
import type { ProcessTable } from "./table.ts";

export interface ProcessService {
  table: ProcessTable;
  /** This daemon's life. */
  incarnation: Uint8Array;
  /** A request has become a process, or has found the one that it had started. */
  accepted(operation: number, process: string): void;
  /** Whoever follows a process wants something done to it; told before it is done. */
  ordered(operation: number, order: Signal | Stop, process: string): void;
  /** No new processes: the daemon is about to end. */
  isStopping(): boolean;
}

/** Starts the process, or follows it again when the key is known. */
export function serveStart(
  operation: Operation<Message>,
  request: Start,
  service: ProcessService,
): void {
  const known = service.table.find(request.key);
  if (known) return follow(operation, service, { record: known, from: fromTheBeginning });
  if (!Buffer.from(request.incarnation).equals(service.incarnation)) {
    const text = "This daemon was started after the command was first sent, and does not know it";
    return refuse(operation, "other-incarnation", text);
  }
  if (service.isStopping()) return refuse(operation, "stopping", "The daemon is about to end");
  if (service.table.isFull) {
    const text =
      `The node is full: its limit of processes, ${service.table.size}, is reached; wait until one has ended, ` +
      "or start its daemon with a larger --max-processes";
    return refuse(operation, "process-limit", text);
  }
  follow(operation, service, (follower) => service.table.start(request, follower));
}

/** Follows a process that the sender started, and never starts one. */
export function serveAttach(
  operation: Operation<Message>,
  request: Attach,
  service: ProcessService,
): void {
  const record = service.table.find(request.key);
  if (!record) {
    const text =
      "This daemon does not know the command: it was restarted, or nobody came back in time";
    return refuse(operation, "unknown-process", text);
  }
  const { stdoutOffset: stdout, stderrOffset: stderr, eventsSeen } = request;
  follow(operation, service, { record, from: { stdout, stderr, eventsSeen } });
}

const fromTheBeginning = { stdout: 0, stderr: 0, eventsSeen: 0n };

interface Known {
  record: ProcessRecord;
  from: { stdout: number; stderr: number; eventsSeen: bigint };
}

function follow(
  operation: Operation<Message>,
  service: ProcessService,
  what: Known | ((follower: ProcessFollower) => ProcessRecord),
): void {
  const follower: ProcessFollower = {
    send: (message) => operation.send(message),
    replaced: () => refuse(operation, "replaced", "Another connection follows this process now"),
  };
  const record = typeof what === "function" ? what(follower) : what.record;
  service.accepted(operation.id, record.id);
  // Before the resume: an impossible offset ends the session, and the record must hear of that.
  operation.handle({
    message: (message) => {
      if (message.kind === "signal" || message.kind === "stop") {
        service.ordered(operation.id, message, record.id);
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the record refuses what is none
      record.take(message as ProcessMessage);
      if (message.kind === "release") operation.end();
    },
    sessionEnded: (end) => {
      // Somebody who took leave wants no more; somebody who vanished may come back.
      if (end.goodbye?.code === "done") record.leave(follower);
      else record.lost(follower);
    },
  });
  if (typeof what !== "function") record.resume(follower, what.from);
}

function refuse(operation: Operation<Message>, code: RefusalCode, text: string): void {
  operation.send({ kind: "refusal", code, text });
  operation.end();
}
