// Whether a key is what its first lines say: only they are read when it is used, so whoever issues, packs or shows it looks at
// the certificate itself. Never on the path of an exec.

import { CtlError } from "../base/errors.ts";
import { fingerprintOf } from "./check-peer.ts";
import { identityUri, type Key, nodeServerName } from "./contract.ts";

type X509 = import("node:crypto").X509Certificate;

const nodeCrypto = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");

const serverPurpose = "1.3.6.1.5.5.7.3.1";
const clientPurpose = "1.3.6.1.5.5.7.3.2";

/** @param where for the message, such as a quoted path @throws CtlError("key-unreadable") that names what is wrong */
export function checkKey(key: Key, where: string): void {
  const wrong = problemOf(key);
  if (wrong === null) return;
  throw new CtlError("key-unreadable", `The key ${where} is not sound: ${wrong}`, {
    hint: "have it issued anew, with: ctl key",
  });
}

/** Of a certificate in PEM; null when it is none. */
export function fingerprintOfPem(pem: string): string | null {
  const certificate = certificateIn(pem);
  return certificate && fingerprintOf(certificate);
}

/** The first thing that is wrong, as a sentence without its beginning capital; null when nothing is. */
function problemOf(key: Key): string | null {
  const certificate = certificateIn(key.certificate);
  if (!certificate) return "its certificate cannot be read";
  const authorities = key.authorities.map(certificateIn);
  const known = authorities.filter((authority) => authority !== null);
  if (known.length < authorities.length) return "the certificate of an authority cannot be read";
  return (
    problemOfHead(key, certificate) ??
    problemOfAuthorities(known, certificate) ??
    problemOfPrivateKeys(key, certificate, known[0])
  );
}

function problemOfHead({ identity }: Key, certificate: X509): string | null {
  if (fingerprintOf(certificate) !== identity.fingerprint)
    return "its fingerprint is another certificate's";
  const isNode = identity.role === "node";
  const names = [`URI:${identityUri(identity)}`, ...(isNode ? [`DNS:${nodeServerName}`] : [])];
  if (certificate.subjectAltName !== names.join(", ")) return "its certificate names somebody else";
  const purposes = certificate.keyUsage ?? [];
  const purpose = isNode ? serverPurpose : clientPurpose;
  if (purposes.length !== 1 || purposes[0] !== purpose || certificate.ca) {
    return "its certificate is for another purpose";
  }
  return null;
}

function problemOfAuthorities(authorities: readonly X509[], certificate: X509): string | null {
  const isAuthority = (one: X509): boolean => one.ca && isIssuedBy(one, one);
  if (!authorities.every(isAuthority)) return "one of its authorities is none";
  if (!authorities.some((authority) => isIssuedBy(certificate, authority))) {
    return "none of its authorities has issued its certificate";
  }
  return null;
}

function problemOfPrivateKeys(
  key: Key,
  certificate: X509,
  newest: X509 | undefined,
): string | null {
  if (!belongs(key.privateKey, certificate))
    return "its private key belongs to another certificate";
  if (key.authorityKey === null) return null;
  if (key.identity.role !== "operator")
    return "it has an authority's key, which is for operators only";
  if (!newest || !belongs(key.authorityKey, newest)) {
    return "its authority key does not belong to the first of its authorities";
  }
  return null;
}

const isIssuedBy = (certificate: X509, authority: X509): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

function certificateIn(pem: string): X509 | null {
  try {
    return new (nodeCrypto().X509Certificate)(pem);
  } catch {
    return null;
  }
}

function belongs(privateKey: string, certificate: X509): boolean {
  try {
    return certificate.checkPrivateKey(nodeCrypto().createPrivateKey(privateKey));
  } catch {
    return false;
  }
}
