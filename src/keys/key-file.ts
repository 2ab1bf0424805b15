// The text of a key: lines that say what it is, then PEM blocks under their names. Pure. The lines spare a controller from taking its
// own certificate apart at every start; nobody else believes them, see check-key.ts.

import { CtlError } from "../base/errors.ts";
import { clusterPattern, type Identity, type Key, namePattern, roles } from "./contract.ts";

const firstLine = "ctl key 1";

/** A longer file is none of ours. */
export const keyBytesMax = 64 * 1024;

export function printKey(key: Key): string {
  const { role, name, cluster, fingerprint } = key.identity;
  const lines = [
    firstLine,
    `role: ${role}`,
    `name: ${name}`,
    `cluster: ${cluster}`,
    `fingerprint: ${fingerprint}`,
  ];
  const blocks: [string, string][] = [
    ["certificate", key.certificate],
    ["private key", key.privateKey],
    ...key.authorities.map((pem): [string, string] => ["authority", pem]),
  ];
  if (key.authorityKey !== null) blocks.push(["authority key", key.authorityKey]);
  return `${lines.join("\n")}\n${blocks.map(([title, pem]) => `\n[${title}]\n${pem.trim()}\n`).join("")}`;
}

/** @param where for the message, such as a path @throws CtlError("key-unreadable") */
export function parseKey(text: string, where: string): Key {
  const refusal = (why: string): CtlError =>
    new CtlError("key-unreadable", `${where} is not a key of ctl: ${why}`);
  if (!text.startsWith(`${firstLine}\n`)) throw refusal(`its first line is not "${firstLine}"`);
  const [head = "", ...sections] = text.split("\n[");
  const blocks = new Map<string, string[]>();
  for (const section of sections) {
    const titleEnd = section.indexOf("]");
    const title = section.slice(0, Math.max(0, titleEnd));
    const pem = section.slice(titleEnd + 1).trim();
    if (!pemPattern.test(pem))
      throw refusal(`${titles.has(title) ? `[${title}]` : "a section"} holds no PEM block`);
    blocks.set(title, [...(blocks.get(title) ?? []), `${pem}\n`]);
  }
  const identity = identityIn(head);
  if (!identity) throw refusal("it does not say role, name, cluster and fingerprint");
  const one = (title: string): string => {
    const [pem, ...more] = blocks.get(title) ?? [];
    if (pem === undefined || more.length > 0) throw refusal(`[${title}] must be there once`);
    return pem;
  };
  const authorities = blocks.get("authority") ?? [];
  if (authorities.length === 0) throw refusal("[authority] is missing");
  return {
    identity,
    certificate: one("certificate"),
    privateKey: one("private key"),
    authorities,
    authorityKey: blocks.has("authority key") ? one("authority key") : null,
  };
}

/** Anything else in brackets may be a piece of the key itself, and is not repeated. */
const titles: ReadonlySet<string> = new Set([
  "certificate",
  "private key",
  "authority",
  "authority key",
]);

const pemPattern = /^-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+\n-----END [A-Z ]+-----$/;

// With loops and plain searches: this is on the way of every exec, and at their first use the methods of arrays that call back
// take longer than all the rest.
function identityIn(head: string): Identity | null {
  const fields = new Map<string, string>();
  for (const line of head.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const field = (name: string): string => fields.get(name) ?? "";
  const [name, cluster, fingerprint] = [field("name"), field("cluster"), field("fingerprint")];
  if (!namePattern.test(name) || !clusterPattern.test(cluster)) return null;
  if (!fingerprintPattern.test(fingerprint)) return null;
  for (const role of roles) {
    if (role === field("role")) return { role, name, cluster, fingerprint };
  }
  return null;
}

const fingerprintPattern = /^[0-9a-f]{64}$/;
