import { afterAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";

import { checkKey } from "../../src/keys/check-key.ts";
import { clusterPattern, type Key, type Role, roles } from "../../src/keys/contract.ts";
import { createCluster, issueKey, rekeyed, rekeyFinished } from "../../src/keys/issue.ts";
import { failureOf } from "../support/failure.ts";
import { node, observer, openFolder, operator, stranger } from "./cluster.ts";

const folder = openFolder();
afterAll(() => folder[Symbol.dispose]());

const certificateOf = (key: Key): X509Certificate => new X509Certificate(key.certificate);
const authorityOf = (key: Key, index = 0): X509Certificate =>
  new X509Certificate(key.authorities[index] ?? "");

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

const purposes: Record<Role, string> = {
  node: "1.3.6.1.5.5.7.3.1",
  observer: "1.3.6.1.5.5.7.3.2",
  operator: "1.3.6.1.5.5.7.3.2",
};

const issued: [Role, Key][] = [
  ["operator", operator],
  ["node", node],
  ["observer", observer],
  ["operator", await issueKey(operator, { role: "operator", name: "second" })],
];

test.each(issued)("the certificate of a key (%s) says who, for what, by whom", (role, key) => {
  const certificate = certificateOf(key);
  const { cluster, name, fingerprint } = key.identity;
  expect(key.identity.role).toBe(role);
  expect(isIssuedBy(certificate, authorityOf(operator))).toBe(true);
  expect(isIssuedBy(certificate, authorityOf(stranger))).toBe(false);
  expect(certificate.ca).toBe(false);
  expect(certificate.keyUsage).toEqual([purposes[role]]);
  const uri = `URI:ctl://${cluster}/role/${role}/${name}`;
  expect(certificate.subjectAltName).toBe(role === "node" ? `${uri}, DNS:ctl-node` : uri);
  expect(certificate.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(fingerprint);
  expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
});

test.each(issued)("no certificate ever ends (%s)", (_, key) => {
  for (const certificate of [certificateOf(key), authorityOf(key)]) {
    expect(new Date(certificate.validFrom).toISOString()).toBe("1970-01-01T00:00:00.000Z");
    expect(new Date(certificate.validTo).toISOString()).toBe("9999-12-31T23:59:59.000Z");
  }
});

test.each(issued)("serial numbers are 16 random bytes, and positive (%s)", (_, key) => {
  const serials = [certificateOf(key), authorityOf(key)].map((one) => one.serialNumber);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  expect(new Set(serials).size).toBe(2);
});

test("only operators' keys can issue, and each can", async () => {
  expect(issued.map(([role, key]) => `${role} ${key.authorityKey !== null}`)).toEqual([
    "operator true",
    "node false",
    "observer false",
    "operator true",
  ]);
  const second = issued[3]?.[1] ?? operator;
  const third = await issueKey(second, { role: "node", name: "third" });
  expect(isIssuedBy(certificateOf(third), authorityOf(operator))).toBe(true);
  for (const key of [node, observer]) {
    const failure = await failureOf(issueKey(key, { role: "node", name: "x" }));
    expect(failure).toMatchObject({ code: "key-missing" });
    expect(failure.message).toContain("cannot issue keys");
  }
});

test("every key of a cluster is in it and sound, and two clusters share nothing", () => {
  for (const [, key] of issued) {
    expect(key.identity.cluster).toMatch(clusterPattern);
    expect(key.identity.cluster).toBe(operator.identity.cluster);
    expect(key.authorities).toEqual(operator.authorities);
    checkKey(key, "k");
  }
  expect(stranger.identity.cluster).not.toBe(operator.identity.cluster);
  expect(stranger.authorities).not.toEqual(operator.authorities);
  expect(new Set(issued.map(([, key]) => key.privateKey)).size).toBe(issued.length);
});

test("cluster ids are spread over all letters and digits", async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, () => createCluster()));
  const letters = ids.map((key) => key.identity.cluster.slice(2)).join("");
  expect(new Set(ids.map((key) => key.identity.cluster)).size).toBe(30);
  expect(new Set(letters).size).toBeGreaterThan(30);
});

test("an authority may certify, and only what can certify no further", () => {
  const text = opensslText(operator.authorities[0] ?? "");
  if (text === null) return expect(authorityOf(operator).ca).toBe(true);
  expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
  expect(text).toMatch(/Key Usage: critical\s+Certificate Sign\n/);
  expect(text).toContain("Subject Key Identifier");
  expect(text).toContain("Authority Key Identifier");
  const leaf = opensslText(node.certificate) ?? "";
  expect(leaf).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
  expect(leaf).toMatch(/Key Usage: critical\s+Digital Signature\n/);
  expect(leaf).toContain("Authority Key Identifier");
  expect(leaf).toContain("Subject Key Identifier");
});

const purposeWords: Record<Role, string> = {
  node: "sslserver",
  observer: "sslclient",
  operator: "sslclient",
};

test.each(issued)("openssl accepts it, strictly, and for its purpose only (%s)", (role, key) => {
  if (!Bun.which("openssl")) return expect(key.identity.role).toBe(role);
  const verdicts = ["sslserver", "sslclient"].map((purpose) => isAccepted(key, operator, purpose));
  expect(verdicts).toEqual(["sslserver", "sslclient"].map((word) => word === purposeWords[role]));
  expect(isAccepted(key, stranger, purposeWords[role])).toBe(false);
});

test("while a cluster is re-keyed its operator is trusted by old nodes and accepts old and new ones", async () => {
  const between = await rekeyed(operator);
  checkKey(between, "k");
  expect(between).toMatchObject({
    identity: operator.identity,
    certificate: operator.certificate,
    privateKey: operator.privateKey,
  });
  expect(between.authorities).toHaveLength(2);
  expect(between.authorities[1]).toBe(operator.authorities[0] ?? "");
  expect(between.authorityKey).not.toBe(operator.authorityKey);
  for (const role of roles) {
    const fresh = await issueKey(between, { role, name: "fresh" });
    checkKey(fresh, "k");
    expect(isIssuedBy(certificateOf(fresh), authorityOf(between, 0))).toBe(true);
    expect(isIssuedBy(certificateOf(fresh), authorityOf(between, 1))).toBe(false);
    expect(fresh.authorities).toEqual(between.authorities);
    expect(fresh.identity.cluster).toBe(operator.identity.cluster);
  }
});

test("afterwards the new authority is alone, and so is what it has certified", async () => {
  const between = await rekeyed(operator);
  const after = await rekeyFinished(between);
  checkKey(after, "k");
  expect(after.authorities).toEqual([between.authorities[0] ?? ""]);
  expect(after.authorityKey).toBe(between.authorityKey);
  const { fingerprint: _, ...who } = operator.identity;
  expect(after.identity).toMatchObject(who);
  expect(after.identity.fingerprint).not.toBe(operator.identity.fingerprint);
  expect(after.privateKey).not.toBe(operator.privateKey);
  expect(isIssuedBy(certificateOf(after), authorityOf(operator))).toBe(false);
  // A node that got its key in between accepts the operator before and after.
  const fresh = await issueKey(between, { role: "node", name: "fresh" });
  for (const key of [between, after]) {
    const isTrusted = [0, 1].some((index) =>
      isIssuedBy(certificateOf(key), authorityOf(fresh, index)),
    );
    expect(isTrusted).toBe(true);
  }
  checkKey(await rekeyFinished(await rekeyed(after)), "k");
});

test("the steps of re-keying have one order, and need a key that issues", async () => {
  const between = await rekeyed(operator);
  const twice = await failureOf(rekeyed(between));
  expect(twice).toMatchObject({ code: "io-failed" });
  expect(twice.hint).toContain("ctl rekey --finish");
  const early = await failureOf(rekeyFinished(operator));
  expect(early).toMatchObject({ code: "io-failed" });
  expect(early.hint).toContain("ctl rekey");
  for (const key of [node, observer]) {
    expect((await failureOf(rekeyed(key))).code).toBe("key-missing");
    expect((await failureOf(rekeyFinished(key))).code).toBe("key-missing");
  }
});

function isAccepted(key: Key, by: Key, purpose: string): boolean {
  writeFileSync(folder.at("ca.pem"), by.authorities[0] ?? "");
  writeFileSync(folder.at("leaf.pem"), key.certificate);
  const words = ["-x509_strict", "-purpose", purpose, "-CAfile", folder.at("ca.pem")];
  return Bun.spawnSync(["openssl", "verify", ...words, folder.at("leaf.pem")]).exitCode === 0;
}

/** Null where there is no openssl. */
function opensslText(pem: string): string | null {
  if (!Bun.which("openssl")) return null;
  writeFileSync(folder.at("one.pem"), pem);
  const words = ["openssl", "x509", "-noout", "-text", "-in", folder.at("one.pem")];
  return Bun.spawnSync(words).stdout.toString();
}
