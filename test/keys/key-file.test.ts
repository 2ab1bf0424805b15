import { expect, test } from "bun:test";

import type { Key } from "../../src/keys/contract.ts";
import { rekeyed } from "../../src/keys/issue.ts";
import { keyBytesMax, parseKey, printKey } from "../../src/keys/key-file.ts";
import { node, observer, operator, refusalOf } from "./cluster.ts";

const kinds: [string, Key][] = [
  ["an operator's", operator],
  ["a node's", node],
  ["an observer's", observer],
  ["one in the middle of re-keying", await rekeyed(operator)],
];

test.each(kinds)("%s key comes back from its text", (_, key) => {
  const text = printKey(key);
  expect(parseKey(text, "x")).toEqual(key);
  expect(printKey(parseKey(text, "x"))).toBe(text);
  expect(text.length).toBeLessThan(keyBytesMax / 8);
});

test("the text says first what it is, to people too", () => {
  const { fingerprint, cluster } = node.identity;
  expect(printKey(node).split("\n").slice(0, 7)).toEqual([
    "ctl key 1",
    "role: node",
    "name: n7",
    `cluster: ${cluster}`,
    `fingerprint: ${fingerprint}`,
    "",
    "[certificate]",
  ]);
});

test("only an operator's text has an authority's key", () => {
  expect(printKey(operator)).toContain("[authority key]");
  expect(printKey(node)).not.toContain("[authority key]");
  expect(printKey(observer)).not.toContain("[authority key]");
});

const text = printKey(node);
const section = (title: string): string =>
  new RegExp(`\\n\\[${title}\\]\\n[^[]*`).exec(text)?.[0] ?? "";

const harmless: [string, string][] = [
  ["without its last newline", text.trimEnd()],
  ["with empty lines at its end", `${text}\n\n`],
  [
    "with a line in its head that a later version may write",
    text.replace("role:", "made: x\nrole:"),
  ],
  ["with its head in another order", swapped(text, "role: node", "name: n7")],
  [
    "with its sections in another order",
    `${text.replace(section("certificate"), "")}${section("certificate")}`,
  ],
  [
    "with blanks behind a block",
    text.replace("-----END CERTIFICATE-----", "-----END CERTIFICATE-----  "),
  ],
];

test.each(harmless)("a text %s is the same key", (_, changed) => {
  expect(changed).not.toBe(text);
  expect(parseKey(changed, "x")).toEqual(node);
});

const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

const malformed: [string, string, string][] = [
  ["nothing", "", "first line"],
  ["another first line", text.replace("ctl key 1", "ctl key 2"), "first line"],
  ["a blank before it", ` ${text}`, "first line"],
  ["a longer first line", text.replace("ctl key 1", "ctl key 10"), "first line"],
  ["Windows' line ends", text.replaceAll("\n", "\r\n"), "first line"],
  ["a first line alone", "ctl key 1\n", "does not say"],
  ["no role", text.replace("role: node\n", ""), "does not say"],
  ["an unknown role", text.replace("role: node", "role: root"), "does not say"],
  ["no name", text.replace("name: n7\n", ""), "does not say"],
  ["an empty name", text.replace("name: n7", "name: "), "does not say"],
  ["a name with a blank", text.replace("name: n7", "name: n 7"), "does not say"],
  ["a name that steers a terminal", text.replace("name: n7", "name: \u001b[2J"), "does not say"],
  ["a name that is too long", text.replace("name: n7", `name: ${"n".repeat(65)}`), "does not say"],
  ["no cluster", text.replace(/cluster: .*\n/, ""), "does not say"],
  ["a cluster of another form", text.replace("cluster: c_", "cluster: d_"), "does not say"],
  ["no fingerprint", text.replace(/fingerprint: .*\n/, ""), "does not say"],
  ["a short fingerprint", text.replace(/(?<=fingerprint: )../, ""), "does not say"],
  [
    "a fingerprint in capitals",
    text.replace(/(?<=fingerprint: ).*/, "A".repeat(64)),
    "does not say",
  ],
  ["no certificate", text.replace(section("certificate"), ""), "[certificate] must be there once"],
  ["two certificates", `${text}${section("certificate")}`, "[certificate] must be there once"],
  ["no private key", text.replace(section("private key"), ""), "[private key] must be there once"],
  ["two private keys", `${text}${section("private key")}`, "[private key] must be there once"],
  ["no authority", text.replace(section("authority"), ""), "[authority] is missing"],
  [
    "two authority keys",
    `${text}\n[authority key]\n${pem}\n\n[authority key]\n${pem}\n`,
    "[authority key] must",
  ],
  [
    "an empty block",
    text.replace(section("certificate"), "\n[certificate]\n"),
    "[certificate] holds no PEM",
  ],
  [
    "text for a block",
    text.replace(section("certificate"), "\n[certificate]\nhello\n"),
    "holds no PEM",
  ],
  [
    "a block without its end",
    text.replaceAll("-----END PRIVATE KEY-----", ""),
    "[private key] holds no PEM",
  ],
  ["a block with an odd byte", text.replace("-----\nM", "-----\n!M"), "holds no PEM"],
  ["two blocks in one section", `${text}\n${pem}\n`, "holds no PEM"],
  [
    "a section without a title's end",
    text.replace("[certificate]", "[certificate"),
    "holds no PEM",
  ],
];

test.each(malformed)("%s is refused with the place and the reason", (_, changed, reason) => {
  expect(changed).not.toBe(text);
  const refusal = refusalOf(() => parseKey(changed, '"some/where"'));
  expect(refusal.code).toBe("key-unreadable");
  expect(refusal.message).toStartWith('"some/where" is not a key of ctl: ');
  expect(refusal.message).toContain(reason);
});

test("cut anywhere, a text is refused or still whole", () => {
  const whole = text.trimEnd();
  for (let length = 0; length < whole.length; length += 7) {
    expect(refusalOf(() => parseKey(whole.slice(0, length), "x")).code).toBe("key-unreadable");
  }
});

test("no refusal tells a byte of what was in the text", () => {
  const secret = node.privateKey.split("\n")[1] ?? "";
  expect(secret.length).toBeGreaterThan(40);
  for (const [, changed] of malformed) {
    expect(refusalOf(() => parseKey(changed, "x")).message).not.toContain(secret);
  }
});

function swapped(whole: string, one: string, other: string): string {
  return whole.replace(`${one}\n${other}`, `${other}\n${one}`);
}
