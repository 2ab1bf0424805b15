// Clocks of nodes are what experiments play with: a node whose wall clock is ten years off answers as any other, because no key of ours
// ever expires. The same the other way round: a controller whose clock is wrong.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";

import { pathOf } from "../../scripts/system-packages.ts";
import { start } from "./support/running.ts";
import { openSandbox, type Sandbox } from "./support/sandbox.ts";

const tenYears = 10 * 365 * 24 * 60 * 60;
/** The two ends of an exchange, and the machine meanwhile. */
const slackSeconds = 60;

const dayMs = 24 * 60 * 60 * 1_000;

let box: Sandbox;
let library: string;

beforeAll(async () => {
  box = await openSandbox();
  library = join(box.directory, "shifted-clock.so");
  const compiler = pathOf("gcc");
  if (compiler === null)
    throw new Error("This test needs a compiler: apt-get install gcc libc6-dev");
  const source = join(import.meta.dir, "support", "shifted-clock.c");
  const command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"];
  const { code, stderr } = await start(command, { env: { PATH: process.env["PATH"] } }).ended;
  if (code !== 0) throw new Error(stderr);
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});

const shifted = (seconds: number): Record<string, string> => ({
  LD_PRELOAD: library,
  SHIFT_SECONDS: `${seconds}`,
});

/** Good for localhost, from yesterday until tomorrow. */
async function ordinaryCertificate(): Promise<{ certificate: string; privateKey: string }> {
  await import("reflect-metadata");
  const { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } =
    await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: certificate.toString("pem"),
    privateKey: PemConverter.encode(pkcs8, "PRIVATE KEY"),
  };
}

/** What the runtime's TLS says of that certificate. */
const handshakeProgram = `
const { certificate: cert, privateKey: key } = await new Response(Bun.stdin.stream()).json();
const hostname = "127.0.0.1";
const { port } = Bun.listen({ hostname, port: 0, tls: { cert, key }, socket: { data() {} } });
const said = (socket, isDone, error) => {
  console.log(error ? error.code : "good");
  process.exit();
};
const tls = { ca: cert, serverName: "localhost", rejectUnauthorized: true };
await Bun.connect({ hostname, port, tls, socket: { data() {}, error() {}, handshake: said } });
`;

const offsetSeconds = (json: string): number =>
  (JSON.parse(json) as { offset: number }).offset / 1e9;

test.each([
  ["good", 0],
  ["CERT_HAS_EXPIRED", tenYears],
  ["CERT_NOT_YET_VALID", -tenYears],
])(
  "the wrong clock is one that TLS goes by: an ordinary certificate is %s",
  async (word, seconds) => {
    const env = { PATH: process.env["PATH"], ...shifted(seconds) };
    const stdin = JSON.stringify(await ordinaryCertificate());
    const { text, stderr } = await start([process.execPath, "-e", handshakeProgram], { env, stdin })
      .ended;
    expect({ text, stderr }).toEqual({ text: `${word}\n`, stderr: "" });
  },
);

test.each([
  ["ahead", tenYears],
  ["behind", -tenYears],
])("a node whose clock is ten years %s answers, says so, and runs commands", async (_, seconds) => {
  await using daemon = await box.startDaemon({ env: shifted(seconds) });
  const ping = await box.ctl(["ping", "--json", daemon.address]);
  expect(ping.code).toBe(0);
  expect(Math.abs(offsetSeconds(ping.text) - seconds)).toBeLessThan(slackSeconds);
  const { code, text, stderr } = await box.ctl(["exec", daemon.address, "echo", "here"]);
  expect({ code, text, stderr }).toEqual({ code: 0, text: "here\n", stderr: "" });
});

test.each([
  ["ahead", tenYears],
  ["behind", -tenYears],
])("a controller whose clock is ten years %s commands all the same", async (_, seconds) => {
  await using daemon = await box.startDaemon();
  const env = shifted(seconds);
  const ping = await box.ctl(["ping", "--json", daemon.address], { env });
  expect(ping.code).toBe(0);
  expect(Math.abs(offsetSeconds(ping.text) + seconds)).toBeLessThan(slackSeconds);
  const { code, text, stderr } = await box.ctl(["exec", daemon.address, "echo", "here"], { env });
  expect({ code, text, stderr }).toEqual({ code: 0, text: "here\n", stderr: "" });
});

test.each([
  ["ahead", tenYears],
  ["behind", -tenYears],
])("a cluster that was made while the clock was ten years %s is good now", async (_, seconds) => {
  const directory = join(box.directory, `made-${seconds}`);
  const env = { ...shifted(seconds), HOME: directory };
  const made = await box.ctl(["init", "-o", join(box.directory, `node-${seconds}`)], { env });
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const home = { HOME: directory };
  const node = join(directory, "node.key");
  expect(await box.ctl(["key", "node", "-o", node], { env: home })).toMatchObject({ code: 0 });
  await using daemon = await box.startDaemon({ env: home, more: ["--key", node] });
  const { code, text } = await box.ctl(["exec", daemon.address, "echo", "here"], { env: home });
  expect({ code, text }).toEqual({ code: 0, text: "here\n" });
});
