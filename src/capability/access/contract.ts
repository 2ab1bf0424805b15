// Who may do what on a node: keys that are no longer accepted.

/** From now on the key is refused, and its sessions are ended. */
export interface Revoke {
  kind: "revoke";
  /** 64 lower-case hexadecimal digits. */
  fingerprint: string;
}

export interface Revoked {
  kind: "revoked";
  /** It was on the list before. */
  known: boolean;
  /** Sessions that were ended. */
  sessions: number;
}

export type AccessMessage = Revoke | Revoked;
