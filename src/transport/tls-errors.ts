// What went wrong between two keys, told with both fingerprints and with what to do about it.

import { CtlError } from "../base/errors.ts";
import type { PeerVerdict } from "../keys/check-peer.ts";
import type { Key } from "../keys/contract.ts";

/**
 * What the runtime says when the first bytes are no answer of a TLS server: no record, one without sense, or what we said sent back. A
 * daemon without keys says the length of its hello, which may look like anything.
 */
const notTls: ReadonlySet<string> = new Set([
  "WRONG_VERSION_NUMBER",
  "WRONG_SSL_VERSION",
  "HTTP_REQUEST",
  "UNEXPECTED_RECORD",
  "UNEXPECTED_MESSAGE",
  "DATA_LENGTH_TOO_LONG",
  "ENCRYPTED_LENGTH_TOO_LONG",
  "EXCESSIVE_MESSAGE_SIZE",
  "DECODE_ERROR",
  "BAD_ALERT",
]);

/** @param reason the runtime's word for it */
export function handshakeFailure(where: string, reason: string, key: Key): CtlError {
  if (notTls.has(reason)) {
    return new CtlError("not-ctl", `${where} does not speak TLS`, {
      hint: "something else listens there, or a daemon without keys, which wants --insecure-no-authentication",
    });
  }
  // The runtime's word for an orderly end, too.
  if (reason === "ECONNRESET") {
    return new CtlError(
      "connection-lost",
      `${where} closed the connection before the TLS handshake was over`,
      {
        hint: "check the port: something else may listen there, or a daemon that does not --allow this address",
      },
    );
  }
  if (/^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_SIGNATURE)/.test(reason)) {
    return new CtlError("refused", `${where} has a key of another cluster; ours is ${ours(key)}`, {
      hint: "copy the node's part of this cluster there, or use the other cluster's key; see ctl key show",
    });
  }
  if (reason === "INVALID_PURPOSE" || reason === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new CtlError(
      "refused",
      `${where} does not answer with a node's key; ours is ${ours(key)}`,
      {
        hint: "start its daemon with a key made by: ctl key node",
      },
    );
  }
  return new CtlError("refused", `The TLS handshake with ${where} failed: ${reason}`, {
    hint: "ctl key show tells which key is used here",
  });
}

/** The certificate is genuine and still not what we want to talk to. */
export function peerRefused(
  where: string,
  verdict: PeerVerdict & { identity: null },
  key: Key,
): CtlError {
  const theirs = verdict.fingerprint === null ? "" : ` (fingerprint ${verdict.fingerprint})`;
  return new CtlError(
    "refused",
    `${where} is refused: ${verdict.text}${theirs}; ours is ${ours(key)}`,
  );
}

export function ours({ identity }: Key): string {
  const { role, name, cluster, fingerprint } = identity;
  return `${role} "${name}" of ${cluster} (fingerprint ${fingerprint})`;
}
