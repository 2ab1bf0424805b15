// What every connection says about itself, on operation 0, and how any operation is refused.

/** A number that both machines must know, by its name in docs/limits.md. */
export interface NamedLimit {
  name: string;
  value: bigint;
}

export interface Hello {
  kind: "hello";
  protocolMin: number;
  protocolMax: number;
  /** Version of the program, for people. */
  software: string;
  /** Host name of the sender, for people. */
  host: string;
  /** 24 bytes: boot id and 64 random bits of this daemon's life. Empty for a controller. */
  incarnation: Uint8Array;
  /** The sender takes part without any authentication. */
  insecure: boolean;
  monotonicNs: bigint;
  realtimeNs: bigint;
  limits: NamedLimit[];
}

/** Why a side leaves on purpose. Never renamed, never reused. */
export type GoodbyeCode =
  "done" | "stopping" | "protocol-violated" | "version" | "session-limit" | "dead" | "revoked";

export interface Goodbye {
  kind: "goodbye";
  code: GoodbyeCode;
  text: string;
}

export interface Ping {
  kind: "ping";
  token: bigint;
}

export interface Pong {
  kind: "pong";
  token: bigint;
}

/** Why an operation cannot be done. Never renamed, never reused. */
export type RefusalCode =
  | "not-allowed"
  | "bad-request"
  | "operation-limit"
  | "process-limit"
  | "stopping"
  | "other-incarnation"
  | "unknown-process"
  | "replaced"
  | "unknown-request";

/** Ends an operation that cannot be done. Nothing was started by it. */
export interface Refusal {
  kind: "refusal";
  code: RefusalCode;
  text: string;
}

export type SessionMessage = Hello | Goodbye | Ping | Pong | Refusal;
