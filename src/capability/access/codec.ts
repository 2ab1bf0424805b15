// Messages about keys: plain values to tables and back.

import type { BodyCodec } from "../../wire/codec.ts";
import { Revoke as RevokeTable } from "../../wire/generated/revoke.ts";
import { Revoked as RevokedTable } from "../../wire/generated/revoked.ts";
import { codeBytesMax } from "../../wire/limits.ts";
import { asBytes, readText, uint32, violated } from "../../wire/ranges.ts";
import type { Revoke, Revoked } from "./contract.ts";

export const revokeCodec: BodyCodec<Revoke, RevokeTable> = {
  write: (builder, { fingerprint }) =>
    RevokeTable.createRevoke(builder, builder.createString(fingerprint)),
  read(table) {
    const fingerprint = readText(table.fingerprint(asBytes), codeBytesMax, "Revoke.fingerprint");
    if (!/^[0-9a-f]{64}$/.test(fingerprint)) violated("Revoke.fingerprint is not one");
    return { kind: "revoke", fingerprint };
  },
};

export const revokedCodec: BodyCodec<Revoked, RevokedTable> = {
  write: (builder, { known, sessions }) =>
    RevokedTable.createRevoked(builder, known, uint32(sessions, "Revoked.sessions")),
  read: (table) => ({ kind: "revoked", known: table.known(), sessions: table.sessions() }),
};
