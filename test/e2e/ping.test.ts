// `ctl ping`: who answers, how fast, with which version, how far its clock is off, and the exit code for all together.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { version } from "../../package.json";
import { printKey } from "../../src/keys/key-file.ts";
import { expectFailure } from "./support/failure-line.ts";
import {
  type Daemon,
  insecure,
  keysOfTests,
  openSandbox,
  type Sandbox,
} from "./support/sandbox.ts";

const nobody = "127.0.0.1:1";
const line =
  /^(?<node>\S+) +(?<rtt>\d+\.\d{3}) ms {2}ctl (?<version>\S+) {2}clock (?<offset>[+-]\d+\.\d{3}) ms ± (?<error>\d+\.\d{3}) ms/;

let box: Sandbox;
let daemon: Daemon;
/** Whoever reaches it may command it. */
let open: Daemon;

beforeAll(async () => {
  box = await openSandbox();
  daemon = await box.startDaemon();
  open = await box.startDaemon({ isOpen: true });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

test.each([
  ["", []],
  [", and that nobody is asked for a key", [insecure]],
])("shows round trip, version, clock offset and its error bound%s", async (_name, consent) => {
  const { address } = consent.length === 0 ? daemon : open;
  const { text, stderr, code } = await box.ctl(["ping", ...consent, address]);
  expect({ stderr, code, lines: text.trim().split("\n").length }).toEqual({
    stderr: "",
    code: 0,
    lines: 1,
  });
  const shown = line.exec(text)?.groups ?? {};
  expect(shown).toMatchObject({ node: address, version });
  const rest = text.slice(line.exec(text)?.[0].length);
  expect(rest).toBe(consent.length === 0 ? "\n" : "  NO AUTHENTICATION\n");
  // The same clock at both ends, so the truth is known: an offset of nothing.
  expect(Math.abs(Number(shown["offset"]))).toBeLessThanOrEqual(Number(shown["error"]) + 0.001);
  expect(Number(shown["error"])).toBeLessThanOrEqual(Number(shown["rtt"]));
});

test("reaches this machine itself and a daemon's socket without the words about keys", async () => {
  for (const node of ["local", `unix:${daemon.socket}`]) {
    const ended = await box.ctl(["ping", node]);
    expect(ended).toMatchObject({ stderr: "", code: 0 });
    expect(ended.text).toStartWith(node);
    expect(ended.text).not.toContain("AUTHENTICATION");
  }
});

test("shows limits, addresses and the daemon's life with -v", async () => {
  const { text, code } = await box.ctl(["ping", "-v", daemon.address]);
  expect(code).toBe(0);
  for (const part of [
    `pid ${daemon.pid}`,
    `listening on ${daemon.address}, unix:${daemon.socket}`,
    "protocol 1 to 1",
    "open files of a command: ",
    "window-bytes 262144",
    "sessions 256",
    "processes 4096",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).toMatch(/incarnation [0-9a-f]{48}\n/);
});

test("shows with -v which key the daemon has, and where none was asked for", async () => {
  const { name, cluster, fingerprint } = (await keysOfTests()).node.identity;
  const keyed = await box.ctl(["ping", "-v", daemon.address]);
  expect(keyed.text).toContain(`\n  key "${name}" of ${cluster}, fingerprint ${fingerprint}\n`);
  for (const words of [[`unix:${daemon.socket}`], [insecure, open.address]]) {
    const { text } = await box.ctl(["ping", "-v", ...words]);
    expect(text).toContain("\n  no key was asked for\n");
    expect(text).not.toContain("fingerprint");
  }
});

test("an observer's key is enough, and none is needed for a socket of this machine", async () => {
  const { observer } = await keysOfTests();
  const key = join(box.directory, "looks.key");
  writeFileSync(key, printKey(observer), { mode: 0o600 });
  const env = box.keyless;
  const ended = await box.ctl(["ping", "--key", key, daemon.address], { env });
  expect(ended).toMatchObject({ stderr: "", code: 0 });
  expect((await box.ctl(["ping", `unix:${daemon.socket}`], { env })).code).toBe(0);
});

test("is one object per node with --json, in whole nanoseconds", async () => {
  const ended = await box.ctl(["ping", "--json", `${daemon.address},${nobody}`]);
  expect(ended).toMatchObject({ stderr: "", code: 1 });
  const [first, second, ...more] = ended.text
    .trim()
    .split("\n")
    .map((each) => JSON.parse(each));
  expect(more).toEqual([]);
  expect(first).toMatchObject({
    ev: "node.answered",
    node: daemon.address,
    version,
    pid: daemon.pid,
    insecure: false,
    addresses: [daemon.address, `unix:${daemon.socket}`],
  });
  const { name, role, fingerprint } = (await keysOfTests()).node.identity;
  expect(first.key).toEqual({ name, role, fingerprint });
  for (const key of ["rtt", "offset", "err"]) expect(Number.isInteger(first[key])).toBe(true);
  expect(first.rtt).toBeGreaterThan(0);
  expect(second).toMatchObject({ ev: "error", node: nobody, code: "connect-refused" });
  expect(second).toMatchObject({
    errname: "ECONNREFUSED",
    hint: expect.stringContaining("ctl daemon"),
  });
});

test("says with --json that nobody is asked for a key", async () => {
  const { text } = await box.ctl(["ping", "--json", insecure, open.address]);
  expect(JSON.parse(text)).toMatchObject({ insecure: true, key: null });
});

test("asks as often as it is told to", async () => {
  const once = await box.ctl(["ping", "--count", "1", daemon.address]);
  expect(once.code).toBe(0);
  const often = await box.ctl(["ping", "--count", "200", daemon.address]);
  expect(line.test(often.text)).toBe(true);
});

test("takes NODES as an operand or as -w, and not both", async () => {
  expect((await box.ctl(["ping", "-w", daemon.address])).text).toMatch(line);
  const both = await box.ctl(["ping", "-w", daemon.address, "local"]);
  expect(both.code).toBe(2);
});

test("with several nodes keeps their order and lines them up; some missing is 1", async () => {
  const nodes = [`unix:${daemon.socket}`, nobody, "local"];
  const ended = await box.ctl(["ping", nodes.join(",")]);
  expectFailure(ended, 1, [`${nobody}: session: ECONNREFUSED`, "ctl daemon"]);
  const lines = ended.text.trimEnd().split("\n");
  expect(lines.map((each) => each.split(" ", 1)[0])).toEqual([nodes[0], nodes[2]]);
  expect(new Set(lines.map((each) => each.search(/ \d+\.\d{3} ms/))).size).toBeLessThanOrEqual(2);
});

test("gives 0 when all answer, and 255 when none does, with a line for each", async () => {
  expect((await box.ctl(["ping", `local,${daemon.address}`])).code).toBe(0);
  const ended = await box.ctl(["ping", `${nobody},no-such-node.invalid`]);
  expect({ code: ended.code, text: ended.text }).toEqual({ code: 255, text: "" });
  const lines = ended.stderr.trim().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toStartWith(`ctl: ${nobody}: session: ECONNREFUSED: `);
  expect(lines[1]).toStartWith("ctl: no-such-node.invalid: session: ENOTFOUND: ");
});

test("says nothing over the network without a key unless that was typed", async () => {
  const env = box.keyless;
  const ended = await box.ctl(["ping", open.address], { env });
  expectFailure(ended, 255, [
    `${open.address}: session: `,
    "no key that may look: ",
    `"${env["HOME"]}/.config/ctl"`,
    "ctl init",
    "--key",
  ]);
  expect((await box.ctl(["ping", insecure, open.address], { env })).code).toBe(0);
});
