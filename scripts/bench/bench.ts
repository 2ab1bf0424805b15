// Measures ctl beside what people use today and beside the limit that the machine sets, all in one run and in turns, so that
// whatever else the machine does meets all of them alike. Times move from machine to machine; the ratios are what counts.
//
//   bun run bench            everything, about two minutes
//   bun run bench --quick    a fifth of the rounds, to see that it works

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";

import { createCluster, issueKey } from "../../src/keys/issue.ts";
import { printKey } from "../../src/keys/key-file.ts";
import { ensureBuilt } from "../build.ts";
import { missingFor, type SystemProgram } from "../system-packages.ts";
import { startBackground } from "./background.ts";
import { measureCold, measureStreams, measureWarm, type Rig } from "./measure.ts";
import { compileHello, compileReferences } from "./references.ts";
import { type Goal, printCosts, printGoals, printRows } from "./report.ts";
import { type Ssh, startSsh } from "./ssh.ts";

const isQuick = process.argv.includes("--quick");
const directory = mkdtempSync(join(tmpdir(), "ctl-bench-"));

try {
  await bench();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const rig = await setUp(owned);
  sayHowBusy();

  const cold = await measureCold(rig, rounds(100));
  printRows("one command, from its start to its end, cold", Object.values(cold));
  const warm = await measureWarm(rig, rounds(10));
  printRows("/bin/true over an open session", Object.values(warm));
  const streams = await measureStreams(rig, rounds(7));
  printRows("1 GiB from a child to /dev/null here", Object.values(streams));

  const goals: readonly Goal[] = [
    { label: "cold, local / ssh over a master", of: cold.local, over: cold.master, atMost: 2 },
    { label: "cold, TCP / ssh over a master", of: cold.tcp, over: cold.master, atMost: 2 },
    { label: "warm / posix_spawn", of: warm.session, over: warm.spawn, atMost: 2 },
    {
      label: "streaming, ctl over TCP / ssh aes128-gcm",
      of: streams.tcp,
      over: streams.ssh,
      atLeast: 1.25,
    },
    {
      label: "streaming, with mutual TLS / without keys",
      of: streams.tls,
      over: streams.tcp,
      atLeast: 0.85,
    },
  ];
  printGoals(goals);
  printCosts([{ label: "cold, what mutual TLS adds", of: cold.tls, without: cold.tcp, atMost: 4 }]);
}

/** On a busy machine even the ratios mean little. */
function sayHowBusy(): void {
  const [load = 0] = loadavg();
  const cpus = availableParallelism();
  const verdict = load > cpus / 4 ? ": BUSY, so trust none of this" : "";
  console.log(`${cpus} CPUs, load ${load.toFixed(2)}${verdict}`);
}

function rounds(full: number): number {
  return isQuick ? Math.ceil(full / 5) : full;
}

async function setUp(owned: AsyncDisposableStack): Promise<Rig> {
  const missing = missingFor("bench");
  for (const { program, package: name, reason } of missing) {
    console.log(`missing: ${program}, which ${reason}; apt-get install ${name}`);
  }
  const lacks = (program: string): boolean => missing.some((entry) => entry.program === program);
  if (lacks("gcc")) throw new Error("Without a C compiler there is nothing to measure with");

  const ctl = await ensureBuilt();
  const references = await compileReferences(directory);
  const env = {
    ...process.env,
    XDG_RUNTIME_DIR: directory,
    // Keys of a cluster of its own are found here, by the daemon and by whoever commands it.
    XDG_CONFIG_HOME: directory,
  };
  await makeKeys(join(directory, "ctl"));
  const startDaemon = async (name: string, ...words: readonly string[]): Promise<number> => {
    const places = [
      "--socket",
      join(directory, name),
      "--state-dir",
      join(directory, `${name}-state`),
    ];
    const command = [ctl, "daemon", "--listen", "127.0.0.1", "--port", "0", ...places, ...words];
    const pattern = /listening on 127\.0\.0\.1:(\d+)\n/;
    return Number(owned.use(await startBackground(command, { env, pattern })).ready);
  };
  const port = await startDaemon("plain", "--insecure-no-authentication");
  const securePort = await startDaemon("secure");
  const reference = owned.use(
    await startBackground([references.execDaemon], { pattern: /^(\d+)\n/ }),
  );
  return {
    ctl,
    env,
    references,
    hello: await compileHello(directory),
    port,
    securePort,
    referencePort: Number(reference.ready),
    ssh: lacks("ssh") || lacks("sshd") ? null : await startedSsh(owned, missing),
  };
}

async function makeKeys(place: string): Promise<void> {
  mkdirSync(place, { mode: 0o700 });
  const operator = await createCluster();
  const node = await issueKey(operator, { role: "node", name: "bench" });
  for (const key of [operator, node]) {
    writeFileSync(join(place, `${key.identity.role}.key`), printKey(key), { mode: 0o600 });
  }
}

/** Null, and said, when this machine does not let us. */
async function startedSsh(
  owned: AsyncDisposableStack,
  missing: readonly SystemProgram[],
): Promise<Ssh | null> {
  if (missing.length > 0) return null;
  const place = join(directory, "ssh");
  mkdirSync(place, { mode: 0o700 });
  try {
    return owned.use(await startSsh(place));
  } catch (error) {
    console.log(`ssh: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}
