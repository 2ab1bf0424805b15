// The few lines of the manual, word for word, between two machines that are network namespaces of this one; and what only strangers
// with an address of their own can show: they wait, they are not refused, and they keep nobody out.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import type { Key } from "../../src/keys/contract.ts";
import { parseKey } from "../../src/keys/key-file.ts";
import { until } from "../support/until.ts";
import { type Ended, type Env, type Running, said } from "./support/running.ts";
import { keysOfTests, openSandbox, type Sandbox } from "./support/sandbox.ts";
import { type Network, openNetwork, shellOn } from "./support/stranger-network.ts";
import { crowd, doneBy } from "./support/stranger-range.ts";
import type { Door } from "./support/strangers.ts";

/** As many handshakes of one address as may be under way at a time. */
const atOnce = 8;
const delayMs = 500;

let box: Sandbox;
let network: Network | null;
/** Where the operator sits, after `ctl init`. */
let home: Place;

/** A directory of somebody's own, with an empty home beside it. */
interface Place {
  cwd: string;
  env: Env;
}

beforeAll(async () => {
  box = await openSandbox();
  network = await openNetwork();
  mkdirSync(join(box.directory, "bin"));
  symlinkSync(box.executable, join(box.directory, "bin", "ctl"));
  home = newPlace();
  if (network) await typed("controller", "ctl init", home);
});
afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

function newPlace(): Place {
  const directory = mkdtempSync(join(box.directory, "place-"));
  const [cwd, own, runtime] = ["cwd", "home", "run"].map((name) => join(directory, name));
  for (const path of [cwd, own, runtime]) mkdirSync(path ?? "", { mode: 0o700 });
  const PATH = `${join(box.directory, "bin")}:${process.env["PATH"]}`;
  return { cwd: cwd ?? "", env: { PATH, HOME: own, XDG_RUNTIME_DIR: runtime } };
}

/** What somebody types there, to its end, which must be a good one. */
async function typed(
  where: "node" | "controller",
  line: string,
  place: Place = home,
): Promise<Ended> {
  const ended = await attempted(where, line, place);
  if (ended.code !== 0) throw new Error(`${line}: ${ended.code}\n${ended.stderr}`);
  return ended;
}

async function attempted(
  where: "node" | "controller",
  line: string,
  place: Place = home,
): Promise<Ended> {
  if (!network) throw new Error("There is no network");
  return await shellOn(network[where], line, place).ended;
}

interface Served extends AsyncDisposable {
  run: Running;
}

/** A daemon on the node, started with that very line. */
async function serving(line: string, place: Place): Promise<Served> {
  if (!network) throw new Error("There is no network");
  const run = shellOn(network.node, `exec ${line}`, place);
  await said(run, /ctl: listening on \S+:9000$/m);
  return {
    run,
    [Symbol.asyncDispose]: async () => {
      run.signal("SIGTERM");
      expect((await run.ended).code).toBe(0);
    },
  };
}

/** Instead of scp: the node's directory with the executable that `ctl init` made for it. */
function nodeWithPackedKey(): Place {
  const place = newPlace();
  copyFileSync(join(home.cwd, "ctl-node"), join(place.cwd, "ctl"));
  return place;
}

async function expectTheManualHolds(): Promise<void> {
  expect(await typed("controller", "ctl exec node3 sleep 0.1")).toMatchObject({
    text: "",
    stderr: "",
  });
  expect((await typed("controller", "ctl exec node3 hostname")).text).toBe(`${hostname()}\n`);
}

const door = (): Door => ({
  host: network?.node.address ?? "",
  port: 9000,
  incarnation: "00".repeat(24),
  marker: join(box.directory, "marker"),
});

const operatorKey = (): Key => {
  const path = join(home.env["HOME"] ?? "", ".config", "ctl", "operator.key");
  return parseKey(readFileSync(path, "utf8"), path);
};

test("one executable is made, copied and started, and a command runs", async () => {
  if (!network) return;
  await using _ = await serving("./ctl daemon --port 9000", nodeWithPackedKey());
  await expectTheManualHolds();
});

test("a key beside the executable does the same, named or found", async () => {
  if (!network) return;
  const node = newPlace();
  await typed("controller", "ctl key node -o node.key");
  copyFileSync(join(home.cwd, "node.key"), join(node.cwd, "node.key"));
  {
    await using _ = await serving("ctl daemon --port 9000 --key node.key", node);
    await expectTheManualHolds();
  }
  await typed("node", "mkdir -p ~/.config/ctl && mv node.key ~/.config/ctl/node.key", node);
  await using _ = await serving("ctl daemon --port 9000", node);
  await expectTheManualHolds();
});

test("--allow lets one machine in, and another one not", async () => {
  if (!network) return;
  const line = `./ctl daemon --port 9000 --allow ${network.controller.address}/32`;
  await using daemon = await serving(line, nodeWithPackedKey());
  await expectTheManualHolds();
  // The same operator with the same key, at the other machine.
  const { code, stderr } = await attempted("node", "ctl exec node3 hostname");
  expect(code).toBe(255);
  expect(stderr).toContain("--allow this address");
  await said(daemon.run, new RegExp(`tcp ${network.node.address}:\\d+: refused: its address`));
});

test("of more handshakes than one address may have, the others wait, and another address does not", async () => {
  if (!network) return;
  await using daemon = await serving("./ctl daemon --port 9000", nodeWithPackedKey());
  const from = [network.strangersAddress];
  const { within } = network.controller;
  const silent = crowd({ job: "hold", door: door(), from, count: atOnce }, within);
  await said(silent, /holding/);
  const job = { job: "greetings", door: door(), from, key: operatorKey(), count: 12 } as const;
  const honest = crowd(job, within);
  await typed("controller", "ctl exec node3 true");
  // The time in which nothing may happen is what is tested.
  await Bun.sleep(delayMs);
  expect(honest.stdoutText()).toBe("");
  silent.endInput();
  expect(await doneBy(honest)).toMatchObject({ count: 12 });
  await silent.ended;
  // The silent ones left in the end; nobody else was refused.
  const lines = daemon.run.stderrText().trim().split("\n");
  expect(lines).toHaveLength(atOnce);
  for (const line of lines)
    expect(line).toEndWith("refused: it left before its handshake was over");
});

test("strangers who fail make the next ones of their address wait, and nobody else", async () => {
  if (!network) return;
  await using daemon = await serving("./ctl daemon --port 9000", nodeWithPackedKey());
  const operator = operatorKey();
  const keys = { ...(await keysOfTests()), operator, revoked: operator, foreign: operator };
  const count = 3 * atOnce;
  const from = [network.strangersAddress];
  const job = { job: "attempts", kind: "no certificate", door: door(), from, keys, count } as const;
  const strangers = crowd(job, network.controller.within);
  await said(daemon.run, /refused/);
  await typed("controller", "ctl exec node3 true");
  expect(strangers.stdoutText()).toBe("");
  const done = await doneBy(strangers);
  expect(done).toMatchObject({ count, wrong: 0 });
  // One second after the first round, two after the second.
  expect(done.ms).toBeGreaterThan(2_900);
  const told = (): number => {
    const text = daemon.run.stderrText();
    const more = [...text.matchAll(/(\d+) more without a key were refused/g)].map(([, number]) =>
      Number(number),
    );
    const lines = text.match(/refused: PEER_DID_NOT_RETURN_A_CERTIFICATE/g)?.length ?? 0;
    return lines + more.reduce((sum, number) => sum + number, 0);
  };
  await until(() => told() === count, { what: "a word about each stranger" });
});
