// The node itself: its clocks, its state, its end.

export interface Probe {
  kind: "probe";
  token: bigint;
}

/** Both clocks when the probe was heard and when this left. */
export interface ProbeReply {
  kind: "probe-reply";
  token: bigint;
  receivedMonotonicNs: bigint;
  receivedRealtimeNs: bigint;
  sentMonotonicNs: bigint;
  sentRealtimeNs: bigint;
}

export interface Status {
  kind: "status";
}

export interface StatusReply {
  kind: "status-reply";
  pid: number;
  /** "host:port", "unix:/path". */
  addresses: string[];
  startedMonotonicNs: bigint;
  sessions: number;
  processes: number;
  /** Soft limit of open files that processes get unless told otherwise. */
  childNofile: bigint;
}

/** Ends the daemon as SIGTERM does; only over its Unix socket. */
export interface Shutdown {
  kind: "shutdown";
}

export type NodeMessage = Probe | ProbeReply | Status | StatusReply | Shutdown;
