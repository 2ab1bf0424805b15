// Our own look at a certificate: every way to be refused, and the few to be accepted. What the runtime would refuse before is asked too:
// this check must hold alone.

import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";

import { PeerCheck, type PeerExpectation, type PeerVerdict } from "../../src/keys/check-peer.ts";
import type { Key } from "../../src/keys/contract.ts";
import { issueKey, rekeyed, rekeyFinished } from "../../src/keys/issue.ts";
import { node, observer, operator, stranger } from "./cluster.ts";
import { dns, forge, type Forgery, purposes, uri } from "./forge.ts";

const { cluster } = operator.identity;
const operatorUri = `ctl://${cluster}/role/operator/eve`;
const nodeUri = `ctl://${cluster}/role/node/n7`;
const client = [purposes.client];

function checkOf(expected: Partial<PeerExpectation> = {}): PeerCheck {
  return new PeerCheck({
    authorities: operator.authorities,
    cluster,
    accepts: ["operator", "observer"],
    isRevoked: () => false,
    ...expected,
  });
}

const verdictOn = (pem: string, expected: Partial<PeerExpectation> = {}): PeerVerdict =>
  checkOf(expected).check(new X509Certificate(pem));

async function verdictOnForged(
  forgery: Forgery,
  expected: Partial<PeerExpectation> = {},
): Promise<PeerVerdict> {
  return verdictOn((await forge(operator, forgery)).certificate, expected);
}

describe("a peer is accepted", () => {
  test("as operator, observer and node, with the identity of its key", () => {
    const nodes = { accepts: ["node"] } as const;
    for (const [key, expected] of [
      [operator, {}],
      [observer, {}],
      [node, nodes],
    ] as [Key, Partial<PeerExpectation>][]) {
      expect(verdictOn(key.certificate, expected)).toEqual({ identity: key.identity, fault: null });
    }
  });

  test("again and again by one check, which keeps the authorities", () => {
    const check = checkOf();
    const certificate = new X509Certificate(observer.certificate);
    for (let time = 0; time < 3; time += 1) {
      expect(check.check(certificate).identity).toEqual(observer.identity);
    }
    expect(check.check(new X509Certificate(stranger.certificate)).fault).toBe("other-authority");
  });

  test("whatever the dates of its certificate say: clocks are what experiments play with", async () => {
    const names = [uri(operatorUri)];
    const past = { notBefore: new Date("2001-01-01"), notAfter: new Date("2002-01-01") };
    const future = { notBefore: new Date("2901-01-01"), notAfter: new Date("2902-01-01") };
    for (const dates of [past, future]) {
      const verdict = await verdictOnForged({ names, purposes: client, ...dates });
      expect(verdict.identity?.name).toBe("eve");
    }
  });

  test("with either authority's key while the cluster is re-keyed, and with the old one's no longer", async () => {
    const between = await rekeyed(operator);
    const after = await rekeyFinished(between);
    const { authorities } = between;
    expect(verdictOn(operator.certificate, { authorities }).fault).toBeNull();
    expect(verdictOn(after.certificate, { authorities }).fault).toBeNull();
    const issued = await issueKey(between, { role: "observer", name: "new" });
    expect(verdictOn(issued.certificate, { authorities }).identity?.name).toBe("new");
    expect(verdictOn(operator.certificate, { authorities: after.authorities }).fault).toBe(
      "other-authority",
    );
    expect(verdictOn(after.certificate).fault).toBe("other-authority");
  });
});

describe("a peer is refused", () => {
  test("without a certificate", () => {
    expect(checkOf().check(undefined)).toEqual({
      identity: null,
      fault: "no-certificate",
      fingerprint: null,
      text: "it shows no certificate",
    });
  });

  test("with a key of another cluster's authority", () => {
    expect(verdictOn(stranger.certificate)).toMatchObject({
      fault: "other-authority",
      fingerprint: stranger.identity.fingerprint,
    });
  });

  test("when it signed itself, though it gives our authority's name as its issuer", async () => {
    const forgery = { names: [uri(operatorUri)], purposes: client, isSelfSigned: true };
    expect((await verdictOnForged(forgery)).fault).toBe("other-authority");
    expect((await verdictOnForged({ ...forgery, isAuthority: true })).fault).toBe(
      "other-authority",
    );
  });

  test("when nobody is an authority, or the authority is none", async () => {
    expect(verdictOn(operator.certificate, { authorities: [] }).fault).toBe("other-authority");
    // It belongs to the very key that signed, but it may not sign.
    const { certificate } = await forge(operator, { names: [uri(operatorUri)], purposes: client });
    expect(verdictOn(certificate, { authorities: [certificate] }).fault).toBe("other-authority");
  });

  test("by the authority's own certificate", () => {
    const [authority = ""] = operator.authorities;
    expect(verdictOn(authority).fault).toBe("malformed");
  });

  test("when its certificate could issue others", async () => {
    const forgery = { names: [uri(operatorUri)], purposes: client, isAuthority: true };
    expect((await verdictOnForged(forgery)).fault).toBe("malformed");
  });

  const unclear: Record<string, Forgery["names"]> = {
    "no names": [],
    "two identities": [uri(operatorUri), uri(`ctl://${cluster}/role/observer/tv`)],
    "the same identity twice": [uri(operatorUri), uri(operatorUri)],
    "an identity and another address": [uri(operatorUri), uri("https://example.org/")],
    "an address that is no identity": [uri("https://example.org/")],
    "a role that there is not": [uri(`ctl://${cluster}/role/root/eve`)],
    "a name that is none": [uri(`ctl://${cluster}/role/operator/a/b`)],
    "something behind the identity": [uri(`${operatorUri}?x`)],
    "a line behind the identity": [uri(`${operatorUri}\n`)],
    "an identity in capital letters": [uri(operatorUri.toUpperCase())],
    "an identity as a host's name": [dns(operatorUri)],
    "an identity inside a host's name": [dns(`a, URI:${operatorUri}`)],
    "an identity inside a quoted host's name": [dns(`a", URI:${operatorUri}, DNS:"b`)],
    "an identity inside an address": [uri(`https://example.org/, URI:${operatorUri}`)],
    "a second identity inside an address": [uri(`${operatorUri}, URI:${operatorUri}`)],
    "an identity inside a mail address": [{ type: "email", value: `a, URI:${operatorUri}` }],
  };
  for (const [what, names] of Object.entries(unclear)) {
    test(`when its certificate has ${what}`, async () => {
      const verdict = await verdictOnForged({ ...(names && { names }), purposes: client });
      expect(verdict).toMatchObject({ identity: null, fault: "malformed" });
      expect(verdict.fault !== null && verdict.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    });
  }

  test("when a host's name tries to pass for a second part of a sound list", async () => {
    const names = [uri(operatorUri), dns(`a, URI:ctl://${cluster}/role/operator/other`)];
    const verdict = await verdictOnForged({ names, purposes: client });
    expect(verdict.identity?.name ?? "eve").toBe("eve");
  });

  const purposeless: Record<string, Forgery> = {
    "an operator's without a purpose": { names: [uri(operatorUri)] },
    "an operator's for serving": { names: [uri(operatorUri)], purposes: [purposes.server] },
    "an operator's for mail": { names: [uri(operatorUri)], purposes: [purposes.email] },
    "an operator's for both": {
      names: [uri(operatorUri)],
      purposes: [purposes.client, purposes.server],
    },
    "an operator's with the nodes' name": {
      names: [uri(operatorUri), dns("ctl-node")],
      purposes: client,
    },
    "a node's for commanding": { names: [uri(nodeUri), dns("ctl-node")], purposes: client },
    "a node's for both": {
      names: [uri(nodeUri), dns("ctl-node")],
      purposes: [purposes.server, purposes.client],
    },
    "a node's without the nodes' name": { names: [uri(nodeUri)], purposes: [purposes.server] },
    "a node's with another name": {
      names: [uri(nodeUri), dns("ctl-node.example.org")],
      purposes: [purposes.server],
    },
    "a node's with a name for all": {
      names: [uri(nodeUri), dns("*")],
      purposes: [purposes.server],
    },
  };
  for (const [what, forgery] of Object.entries(purposeless)) {
    test(`when its certificate is ${what}`, async () => {
      const expected = { accepts: ["node", "operator"] } as const;
      expect((await verdictOnForged(forgery, expected)).fault).toBe("other-purpose");
    });
  }

  test("when our own authority says that it is of another cluster", async () => {
    const names = [uri("ctl://c_abcdefghij/role/operator/eve")];
    const verdict = await verdictOnForged({ names, purposes: client });
    expect(verdict).toMatchObject({
      fault: "other-cluster",
      text: "its key is of cluster c_abcdefghij",
    });
  });

  test("when its role is not one of those who talk here", () => {
    expect(verdictOn(node.certificate)).toMatchObject({
      fault: "other-role",
      text: 'its key is a key of role "node" ("n7")',
    });
    expect(verdictOn(operator.certificate, { accepts: ["node"] }).fault).toBe("other-role");
    expect(verdictOn(observer.certificate, { accepts: ["operator"] }).fault).toBe("other-role");
  });

  test("when its key was revoked, and only then", () => {
    const asked: string[] = [];
    const isRevoked = (fingerprint: string): boolean => {
      asked.push(fingerprint);
      return fingerprint === observer.identity.fingerprint;
    };
    expect(verdictOn(observer.certificate, { isRevoked })).toMatchObject({
      fault: "revoked",
      fingerprint: observer.identity.fingerprint,
      text: 'its key "tv" was revoked',
    });
    expect(verdictOn(operator.certificate, { isRevoked }).fault).toBeNull();
    expect(asked).toEqual([observer.identity.fingerprint, operator.identity.fingerprint]);
  });
});
