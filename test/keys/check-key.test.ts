import { expect, test } from "bun:test";

import { checkKey, fingerprintOfPem } from "../../src/keys/check-key.ts";
import type { Identity, Key } from "../../src/keys/contract.ts";
import { issueKey, rekeyed, rekeyFinished } from "../../src/keys/issue.ts";
import { node, observer, operator, refusalOf, stranger } from "./cluster.ts";

const between = await rekeyed(operator);
const otherNode = await issueKey(operator, { role: "node", name: "n8" });
const strangersNode = await issueKey(stranger, { role: "node", name: "n7" });

const sound: [string, Key][] = [
  ["an operator's", operator],
  ["a node's", node],
  ["an observer's", observer],
  ["one in the middle of re-keying", between],
  ["one after it", await rekeyFinished(between)],
  ["one issued in the middle", await issueKey(between, { role: "node", name: "n9" })],
  ["an operator's that lost its authority key", { ...operator, authorityKey: null }],
];

test.each(sound)("%s key is sound", (_, key) => {
  expect(() => checkKey(key, "k")).not.toThrow();
});

const who = (change: Partial<Identity>, key = node): Key => ({
  ...key,
  identity: { ...key.identity, ...change },
});

const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const wrong: [string, Key, string][] = [
  ["no certificate", { ...node, certificate: pem }, "certificate cannot be read"],
  ["an empty certificate", { ...node, certificate: "" }, "certificate cannot be read"],
  [
    "an authority that is no certificate",
    { ...node, authorities: [pem] },
    "authority cannot be read",
  ],
  ["another fingerprint", who({ fingerprint: "0".repeat(64) }), "fingerprint is another"],
  [
    "another's certificate",
    { ...node, certificate: otherNode.certificate },
    "fingerprint is another",
  ],
  ["another name", who({ name: "n8" }), "names somebody else"],
  ["another role", who({ role: "operator" }), "names somebody else"],
  ["another cluster", who({ cluster: "c_0123456789" }), "names somebody else"],
  ["a node's that says observer", who({ role: "node" }, observer), "names somebody else"],
  [
    "an authority's certificate for its own",
    asOwn(operator.authorities[0] ?? ""),
    "names somebody else",
  ],
  [
    "a stranger's authority",
    { ...node, authorities: stranger.authorities },
    "none of its authorities",
  ],
  [
    "the certificate of another cluster",
    { ...strangersNode, authorities: node.authorities },
    "none of its authorities",
  ],
  ["no authority", { ...node, authorities: [] }, "none of its authorities"],
  [
    "a leaf for an authority",
    { ...node, authorities: [...node.authorities, observer.certificate] },
    "one of its authorities is none",
  ],
  [
    "another's private key",
    { ...node, privateKey: otherNode.privateKey },
    "private key belongs to another",
  ],
  ["a private key that is none", { ...node, privateKey: pem }, "private key belongs to another"],
  [
    "an authority's key in a node's hands",
    { ...node, authorityKey: operator.authorityKey },
    "for operators only",
  ],
  [
    "an authority's key in an observer's hands",
    { ...observer, authorityKey: operator.authorityKey },
    "for operators only",
  ],
  [
    "another authority's key",
    { ...operator, authorityKey: stranger.authorityKey },
    "first of its authorities",
  ],
  [
    "its own key for the authority's",
    { ...operator, authorityKey: operator.privateKey },
    "first of its authorities",
  ],
  [
    "the authorities in the wrong order",
    { ...between, authorities: between.authorities.toReversed() },
    "first of its authorities",
  ],
];

test.each(wrong)("a key with %s is refused, and the reason is named", (_, key, reason) => {
  const refusal = refusalOf(() => checkKey(key, '"some/where"'));
  expect(refusal.code).toBe("key-unreadable");
  expect(refusal.message).toStartWith('The key "some/where" is not sound: ');
  expect(refusal.message).toContain(reason);
  expect(refusal.message).not.toContain("-----");
});

test("a fingerprint can be had of any certificate, and of nothing else", () => {
  expect(fingerprintOfPem(node.certificate)).toBe(node.identity.fingerprint);
  expect(fingerprintOfPem(operator.authorities[0] ?? "")).toMatch(/^[0-9a-f]{64}$/);
  expect(fingerprintOfPem(pem)).toBeNull();
  expect(fingerprintOfPem(node.privateKey)).toBeNull();
  expect(fingerprintOfPem("")).toBeNull();
});

/** The authority poses as a node. */
function asOwn(certificate: string): Key {
  return { ...who({ fingerprint: fingerprintOfPem(certificate) ?? "" }), certificate };
}
