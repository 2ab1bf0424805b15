// The measurements themselves. The contestants take turns, so that none meets a quieter machine than another.

import type { References } from "./references.ts";
import { type Row, rowOf } from "./report.ts";
import { linesOf } from "./run.ts";
import type { Ssh } from "./ssh.ts";
import { openWarmSession } from "./warm.ts";

/** Everything that runs while it is measured. */
export interface Rig {
  ctl: string;
  env: Record<string, string | undefined>;
  references: References;
  hello: string;
  /** Of the ctl daemon without keys, of the one with them, and of the C daemon. */
  port: number;
  securePort: number;
  referencePort: number;
  ssh: Ssh | null;
}

interface Contestant {
  row: Row;
  /** One turn; null where it cannot be measured here. */
  measure: (() => Promise<number[]>) | null;
}

const execsPerTurn = 50;
const atOnceMax = 32;
const streamBytes = 1024 ** 3;

/** To the daemon without keys, which has to be typed. */
function plainExec({ ctl, port }: Rig): string[] {
  return [ctl, "exec", "--insecure-no-authentication", `127.0.0.1:${port}`, "--"];
}

function secureExec({ ctl, securePort }: Rig): string[] {
  return [ctl, "exec", `127.0.0.1:${securePort}`, "--"];
}

type Cold = Record<"local" | "tcp" | "tls" | "master" | "ssh" | "reference" | "hello", Row>;

export async function measureCold(rig: Rig, rounds: number): Promise<Cold> {
  const { ctl, ssh, references } = rig;
  const client = [references.execClient, String(rig.referencePort), "cold", "/bin/true"];
  const rows: Cold = {
    local: rowOf("ctl exec local -- true", "ms"),
    tcp: rowOf("ctl exec 127.0.0.1:PORT -- true, without keys", "ms"),
    tls: rowOf("ctl exec 127.0.0.1:PORT -- true, mutual TLS", "ms"),
    master: rowOf("ssh, over an open ControlMaster", "ms"),
    ssh: rowOf("ssh, a connection of its own", "ms"),
    reference: rowOf("C client to C daemon", "ms"),
    hello: rowOf("the runtime alone, compiled hello", "ms"),
  };
  const timed = (row: Row, command: readonly string[] | null): Contestant => ({
    row,
    measure: command && (async () => [(await microsecondsOf(rig, command)) / 1_000]),
  });
  await takeTurns(rounds, [
    timed(rows.local, [ctl, "exec", "local", "--", "true"]),
    timed(rows.tcp, [...plainExec(rig), "true"]),
    timed(rows.tls, [...secureExec(rig), "true"]),
    timed(rows.master, ssh && [...ssh.overMaster, "true"]),
    timed(rows.ssh, ssh && [...ssh.cold, "true"]),
    timed(rows.reference, client),
    timed(rows.hello, [rig.hello]),
  ]);
  return rows;
}

type Warm = Record<"session" | "spawn" | "reference" | "session32" | "reference32", Row>;

export async function measureWarm(rig: Rig, turns: number): Promise<Warm> {
  const { references } = rig;
  await using session = await openWarmSession(rig);
  const spawnLoop = [references.spawnLoop, String(execsPerTurn), "/bin/true"];
  const warm = [references.execClient, String(rig.referencePort), "warm", String(execsPerTurn)];
  const client = (atOnce: number): string[] => warm.concat(String(atOnce), "/bin/true");
  const rows: Warm = {
    session: rowOf("ctl, one after the other", "us"),
    spawn: rowOf("C posix_spawn and waitpid, nobody in between", "us"),
    reference: rowOf("C client to C daemon, one after the other", "us"),
    session32: rowOf(`ctl, ${atOnceMax} under way`, "us"),
    reference32: rowOf(`C client to C daemon, ${atOnceMax} under way`, "us"),
  };
  const listed = (row: Row, command: readonly string[]): Contestant => ({
    row,
    measure: async () => (await linesOf(command, rig.env)).map(Number),
  });
  await takeTurns(turns, [
    { row: rows.session, measure: () => session.run(execsPerTurn, 1) },
    listed(rows.spawn, spawnLoop),
    listed(rows.reference, client(1)),
    { row: rows.session32, measure: () => session.run(execsPerTurn, atOnceMax) },
    listed(rows.reference32, client(atOnceMax)),
  ]);
  return rows;
}

type Streams = Record<"tcp" | "tls" | "local" | "ssh", Row>;

export async function measureStreams(rig: Rig, rounds: number): Promise<Streams> {
  const { ctl, ssh } = rig;
  const child = ["head", "-c", String(streamBytes), "/dev/zero"];
  const rows: Streams = {
    tcp: rowOf("ctl exec 127.0.0.1:PORT, without keys", "GB/s"),
    tls: rowOf("ctl exec 127.0.0.1:PORT, mutual TLS", "GB/s"),
    local: rowOf("ctl exec local", "GB/s"),
    ssh: rowOf("ssh aes128-gcm, over an open ControlMaster", "GB/s"),
  };
  const timed = (row: Row, command: readonly string[] | null): Contestant => ({
    row,
    measure: command && (async () => [streamBytes / (await microsecondsOf(rig, command)) / 1_000]),
  });
  await takeTurns(rounds, [
    timed(rows.tcp, [...plainExec(rig), ...child]),
    timed(rows.tls, [...secureExec(rig), ...child]),
    timed(rows.local, [ctl, "exec", "local", "--", ...child]),
    timed(rows.ssh, ssh && [...ssh.overFastMaster, ...child]),
  ]);
  return rows;
}

/** The first round warms caches and code, and does not count. */
async function takeTurns(rounds: number, contestants: readonly Contestant[]): Promise<void> {
  for (let round = 0; round <= rounds; round += 1) {
    for (const { row, measure } of contestants) {
      if (measure === null) row.missing = "no ssh or sshd here";
      else if (round === 0) await measure();
      else row.samples.push(...(await measure()));
    }
  }
}

/** Measured by a small C program, because a large parent would add its own time. */
async function microsecondsOf(rig: Rig, command: readonly string[]): Promise<number> {
  const [line = ""] = await linesOf([rig.references.runOnce, ...command], rig.env);
  const [us = 0, status = 1] = line.split(" ").map(Number);
  if (status !== 0) throw new Error(`${command.join(" ")} exited with ${status}`);
  return us;
}
