// Certificates that nobody of ours would issue, signed by whoever has an authority's key: what the checks are there for.

import type { Extension, JsonGeneralName } from "@peculiar/x509";

import type { Key } from "../../src/keys/contract.ts";

// What the library is built on looks for this one in the global object.
await import("reflect-metadata");
const x509 = await import("@peculiar/x509");

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface Forgery {
  /** Subject alternative names, in order; none at all when empty. */
  names?: JsonGeneralName[];
  /** Extended key usages. */
  purposes?: string[];
  isAuthority?: boolean;
  notBefore?: Date;
  notAfter?: Date;
  /** Signs itself, as anybody can. */
  isSelfSigned?: boolean;
}

export const purposes = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
  email: x509.ExtendedKeyUsage.emailProtection,
};

export const uri = (value: string): JsonGeneralName => ({ type: "url", value });
export const dns = (value: string): JsonGeneralName => ({ type: "dns", value });

/** @param issuer an operator's key, which has the authority's */
export async function forge(
  issuer: Key,
  forgery: Forgery,
): Promise<{ certificate: string; privateKey: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const extensions: Extension[] = [
    new x509.BasicConstraintsExtension(forgery.isAuthority ?? false, undefined, true),
  ];
  const { names = [], purposes: usages = [] } = forgery;
  if (usages.length > 0) extensions.push(new x509.ExtendedKeyUsageExtension(usages));
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names));
  const facts = {
    notBefore: forgery.notBefore ?? new Date("1970-01-01T00:00:00Z"),
    notAfter: forgery.notAfter ?? new Date("9999-12-31T23:59:59Z"),
    signingAlgorithm: algorithm,
    extensions,
  };
  const [authorityPem = ""] = issuer.authorities;
  const authority = new x509.X509Certificate(authorityPem);
  const certificate = forgery.isSelfSigned
    ? await x509.X509CertificateGenerator.createSelfSigned({
        ...facts,
        name: authority.subject,
        keys,
      })
    : await x509.X509CertificateGenerator.create({
        ...facts,
        subject: "CN=forged",
        issuer: authority.subjectName,
        publicKey: keys.publicKey,
        signingKey: await authorityKeyOf(issuer),
      });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: certificate.toString("pem"),
    privateKey: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"),
  };
}

async function authorityKeyOf({ authorityKey }: Key): Promise<CryptoKey> {
  const [bytes = new ArrayBuffer()] = x509.PemConverter.decode(authorityKey ?? "");
  return await crypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
}
