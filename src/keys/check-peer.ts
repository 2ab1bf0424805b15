// Our own look at the certificate of whoever is at the other end of a TLS connection, beside the runtime's: chain, purpose, cluster,
// role, revocation. One check is not enough for what guards a machine. Loads nothing: the runtime hands us the certificate.

import type { X509Certificate } from "node:crypto";

import { type Identity, nodeServerName, parseIdentityUri, type Role } from "./contract.ts";

export interface PeerExpectation {
  /** PEM; any of them may have issued the certificate. */
  authorities: readonly string[];
  cluster: string;
  accepts: readonly Role[];
  isRevoked(fingerprint: string): boolean;
}

/** Never renamed: the audit log has them. */
export type PeerFault =
  | "no-certificate"
  | "other-authority"
  | "malformed"
  | "other-purpose"
  | "other-cluster"
  | "other-role"
  | "revoked";

export type PeerVerdict =
  | { identity: Identity; fault: null }
  | { identity: null; fault: PeerFault; fingerprint: string | null; text: string };

const purposes = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" };

export class PeerCheck {
  readonly #expected: PeerExpectation;
  #authorities: X509Certificate[] | null = null;

  constructor(expected: PeerExpectation) {
    this.#expected = expected;
  }

  /** @param certificate as the socket gives it; undefined when there is none */
  check(certificate: X509Certificate | undefined): PeerVerdict {
    if (!certificate) return refusal("no-certificate", null, "it shows no certificate");
    const fingerprint = fingerprintOf(certificate);
    if (!this.#isIssued(certificate)) {
      return refusal("other-authority", fingerprint, "its key is not of this cluster");
    }
    const names = certificate.subjectAltName?.split(", ") ?? [];
    const [uri, ...moreUris] = names.filter((name) => name.startsWith("URI:"));
    const claimed =
      uri && moreUris.length === 0 ? parseIdentityUri(uri.slice("URI:".length)) : null;
    if (!claimed || certificate.ca) {
      return refusal("malformed", fingerprint, "its certificate does not say who it is");
    }
    if (!isForItsRole(claimed.role, certificate, names)) {
      return refusal("other-purpose", fingerprint, "its certificate is for something else");
    }
    const { cluster, accepts } = this.#expected;
    if (claimed.cluster !== cluster) {
      return refusal("other-cluster", fingerprint, `its key is of cluster ${claimed.cluster}`);
    }
    if (!accepts.includes(claimed.role)) {
      const text = `its key is a key of role "${claimed.role}" ("${claimed.name}")`;
      return refusal("other-role", fingerprint, text);
    }
    if (this.#expected.isRevoked(fingerprint)) {
      return refusal("revoked", fingerprint, `its key "${claimed.name}" was revoked`);
    }
    return { identity: { ...claimed, fingerprint }, fault: null };
  }

  #isIssued(certificate: X509Certificate): boolean {
    this.#authorities ??= this.#expected.authorities.map((pem) =>
      certificateLike(certificate, pem),
    );
    return this.#authorities.some(
      (authority) =>
        authority.ca &&
        certificate.checkIssued(authority) &&
        certificate.verify(authority.publicKey),
    );
  }
}

/** 64 hexadecimal digits. */
export function fingerprintOf(certificate: Pick<X509Certificate, "fingerprint256">): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

/** The runtime's module for certificates costs more to load than a whole connection; its class is at hand already. */
function certificateLike(certificate: X509Certificate, pem: string): X509Certificate {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what constructed a certificate constructs another
  const Certificate = certificate.constructor as new (pem: string) => X509Certificate;
  return new Certificate(pem);
}

/** A node serves under the name of all nodes; the others are clients, and nothing but that. */
function isForItsRole(role: Role, certificate: X509Certificate, names: readonly string[]): boolean {
  const [purpose, ...more] = certificate.keyUsage ?? [];
  const isNode = role === "node";
  const isNamed = names.includes(`DNS:${nodeServerName}`);
  return (
    more.length === 0 &&
    purpose === (isNode ? purposes.server : purposes.client) &&
    isNamed === isNode
  );
}

function refusal(fault: PeerFault, fingerprint: string | null, text: string): PeerVerdict {
  return { identity: null, fault, fingerprint, text };
}
