// Makes clusters and issues keys: the only file that knows the library for certificates, which is loaded by those who issue. No
// certificate ever expires, because the clocks of nodes are what experiments play with; what ends them is a new authority.

import { CtlError } from "../base/errors.ts";
import { randomBytes } from "../os/machine.ts";
import { type Identity, identityUri, type Key, nodeServerName, type Role } from "./contract.ts";

type Library = typeof import("@peculiar/x509");

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const serialBytes = 16;
const clusterLetters = 10;

/** RFC 5280's way to say that there is no end. */
const validity = {
  notBefore: new Date("1970-01-01T00:00:00Z"),
  notAfter: new Date("9999-12-31T23:59:59Z"),
};

/** A certificate authority that can issue. */
interface Authority {
  certificate: string;
  privateKey: string;
}

/** Who a key is issued to. */
export type Holder = Pick<Identity, "role" | "name">;

/** The operator's key of a new cluster. */
export async function createCluster(): Promise<Key> {
  const cluster = newClusterId();
  const authority = await createAuthority(cluster);
  const key = await issueLeaf(authority, { cluster, role: "operator", name: "operator" });
  return { ...key, authorities: [authority.certificate], authorityKey: authority.privateKey };
}

/** Operators' keys can issue further ones; others cannot. @throws CtlError("key-missing") when `issuer` cannot */
export async function issueKey(issuer: Key, { role, name }: Holder): Promise<Key> {
  const authority = authorityOf(issuer);
  const leaf = await issueLeaf(authority, { cluster: issuer.identity.cluster, role, name });
  return {
    ...leaf,
    authorities: issuer.authorities,
    authorityKey: role === "operator" ? authority.privateKey : null,
  };
}

/**
 * The first step of re-keying: a new authority issues from now on, and both are accepted. The certificate stays the old one's,
 * because the daemons that run trust no other yet.
 * @throws CtlError("key-missing") when `old` cannot issue, CtlError("io-failed") when it is in that step already
 */
export async function rekeyed(old: Key): Promise<Key> {
  authorityOf(old);
  if (old.authorities.length > 1) {
    throw new CtlError("io-failed", "This cluster is being re-keyed already", {
      hint: "end that first, with: ctl rekey --finish",
    });
  }
  const authority = await createAuthority(old.identity.cluster);
  return {
    ...old,
    authorities: [authority.certificate, ...old.authorities],
    authorityKey: authority.privateKey,
  };
}

/** The second step: the new authority certifies its holder, and the old one is forgotten. @throws CtlError as `rekeyed` */
export async function rekeyFinished(key: Key): Promise<Key> {
  const authority = authorityOf(key);
  if (key.authorities.length < 2) {
    throw new CtlError(
      "io-failed",
      "This cluster is not being re-keyed, so there is nothing to end",
      {
        hint: "begin with: ctl rekey",
      },
    );
  }
  const leaf = await issueLeaf(authority, key.identity);
  return { ...leaf, authorities: [authority.certificate], authorityKey: authority.privateKey };
}

function authorityOf({ identity, authorities, authorityKey }: Key): Authority {
  const [certificate] = authorities;
  if (certificate !== undefined && authorityKey !== null) {
    return { certificate, privateKey: authorityKey };
  }
  throw new CtlError(
    "key-missing",
    `The key of ${identity.role} "${identity.name}" cannot issue keys: it lacks the authority's`,
  );
}

async function createAuthority(cluster: string): Promise<Authority> {
  const x509 = await loadLibrary();
  const keys = await newKeys();
  const generation = Buffer.from(randomBytes(4)).toString("hex");
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: newSerial(),
    name: [{ O: [cluster] }, { CN: [`authority ${generation}`] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemLine(certificate.toString("pem")), privateKey: await pemOf(keys) };
}

type Leaf = Pick<Key, "identity" | "certificate" | "privateKey">;

async function issueLeaf(
  authority: Authority,
  holder: Omit<Identity, "fingerprint">,
): Promise<Leaf> {
  const x509 = await loadLibrary();
  const { cluster, role, name } = holder;
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity,
    serialNumber: newSerial(),
    subject: [{ O: [cluster] }, { OU: [role] }, { CN: [name] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await signingKeyOf(x509, authority),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([purposeOf(x509, role)]),
      new x509.SubjectAlternativeNameExtension([
        { type: "url", value: identityUri(holder) },
        ...(role === "node" ? [{ type: "dns" as const, value: nodeServerName }] : []),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  });
  const hash = await crypto.subtle.digest("SHA-256", certificate.rawData);
  const fingerprint = Buffer.from(hash).toString("hex");
  return {
    identity: { role, name, cluster, fingerprint },
    certificate: pemLine(certificate.toString("pem")),
    privateKey: await pemOf(keys),
  };
}

/** Accepting connections and making them are two purposes, so that a node's key can command nobody. */
const purposeOf = (x509: Library, role: Role): string =>
  role === "node" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;

async function loadLibrary(): Promise<Library> {
  // What the library is built on looks for this one in the global object.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

async function newKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function signingKeyOf(x509: Library, authority: Authority): Promise<CryptoKey> {
  const [bytes = new ArrayBuffer()] = x509.PemConverter.decode(authority.privateKey);
  return await crypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
}

async function pemOf({ privateKey }: CryptoKeyPair): Promise<string> {
  const x509 = await loadLibrary();
  const bytes = await crypto.subtle.exportKey("pkcs8", privateKey);
  return pemLine(x509.PemConverter.encode(bytes, "PRIVATE KEY"));
}

const pemLine = (pem: string): string => `${pem.trim()}\n`;

/** Hexadecimal, positive, and of the same length always. */
function newSerial(): string {
  const bytes = randomBytes(serialBytes);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function newClusterId(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  let letters = "";
  while (letters.length < clusterLetters) {
    for (const byte of randomBytes(clusterLetters)) {
      // Each letter as likely as the next: the last few values of a byte would favour the first letters.
      if (byte < alphabet.length * 7) letters += alphabet[byte % alphabet.length];
    }
  }
  return `c_${letters.slice(0, clusterLetters)}`;
}
