// The text of a key: lines that say what it is, then PEM blocks under their names. Pure. The lines spare a controller from taking its
// own certificate apart at every start; nobody else believes them, see check-key.ts.

import { CtlError } from "../base/errors.ts";
import { type Identity, identityUri, type Key, parseIdentityUri } from "./contract.ts";

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
  return `${lines.join("\n")}\n${blocks.map(([name, pem]) => `\n[${name}]\n${pem.trim()}\n`).join("")}`;
}

/** @param where for the message, such as a path @throws CtlError("key-unreadable") */
export function parseKey(text: string, where: string): Key {
  const refusal = (why: string): CtlError =>
    new CtlError("key-unreadable", `${where} is not a key of ctl: ${why}`);
  if (!text.startsWith(`${firstLine}\n`)) throw refusal(`its first line is not "${firstLine}"`);
  const [head = "", ...sections] = text.split(/^\[(?=[a-z ]+\]$)/m);
  const blocks = new Map<string, string[]>();
  for (const section of sections) {
    const [name = "", pem = ""] = section.split("]\n", 2);
    if (!pemPattern.test(pem.trim())) throw refusal(`[${name}] holds no PEM block`);
    blocks.set(name, [...(blocks.get(name) ?? []), `${pem.trim()}\n`]);
  }
  const identity = identityIn(head);
  if (!identity) throw refusal("it does not say role, name, cluster and fingerprint");
  const one = (name: string): string => {
    const [pem, ...more] = blocks.get(name) ?? [];
    if (pem === undefined || more.length > 0) throw refusal(`[${name}] must be there once`);
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

const pemPattern = /^-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+\n-----END [A-Z ]+-----$/;

function identityIn(head: string): Identity | null {
  const field = (name: string): string =>
    new RegExp(`^${name}: (.*)$`, "m").exec(head)?.[1]?.trim() ?? "";
  const fingerprint = field("fingerprint");
  const uri = `ctl://${field("cluster")}/role/${field("role")}/${field("name")}`;
  const parsed = parseIdentityUri(uri);
  if (!parsed || identityUri(parsed) !== uri || !/^[0-9a-f]{64}$/.test(fingerprint)) return null;
  return { ...parsed, fingerprint };
}
