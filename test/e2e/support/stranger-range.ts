// A daemon with all kinds of strangers before its door, and the books that it keeps about them: what is shared by the tests of
// strangers and the long scripts about them.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Key } from "../../../src/keys/contract.ts";
import { createCluster, issueKey } from "../../../src/keys/issue.ts";
import { printKey } from "../../../src/keys/key-file.ts";
import { until } from "../../support/until.ts";
import { type Running, start } from "./running.ts";
import { type Daemon, keysOfTests, type Sandbox } from "./sandbox.ts";
import type { Done, Job } from "./stranger-crowd.ts";
import { type Door, otherAddresses, type StrangerKeys, type StrangerKind } from "./strangers.ts";

export interface Range {
  readonly box: Sandbox;
  readonly daemon: Daemon;
  readonly door: Door;
  readonly keys: StrangerKeys;
  readonly observer: Key;
  /** What the daemon has told about strangers since the last call, here and on its stderr. */
  books(): Books;
}

export interface Books {
  /** Of the audit log. */
  refused: number;
  codes: string[];
  /** Of stderr. */
  told: number;
  /** Records that no stranger may cause. */
  beyond: string[];
  requestsRefused: number;
  /** Questions and refusals that were only counted, the operator's own questions among them. */
  requestsSuppressed: number;
}

interface AuditRecord {
  ev: string;
  peer?: string;
  code?: string;
  count?: number;
  kind?: string;
}

export async function openRange(box: Sandbox, daemon: Daemon): Promise<Range> {
  const { operator, node, observer } = await keysOfTests();
  const revoked = await issueKey(operator, { role: "operator", name: "lost" });
  const keys = { operator, node, revoked, foreign: await createCluster() };
  const lost = join(box.directory, "lost.key");
  writeFileSync(lost, printKey(revoked), { mode: 0o600 });
  const revoke = await box.ctl(["revoke", "-w", daemon.address, lost]);
  const ping = await box.ctl(["ping", "--json", daemon.address]);
  if (revoke.code !== 0 || ping.code !== 0) throw new Error(revoke.stderr + ping.stderr);
  const { incarnation } = JSON.parse(ping.text) as { incarnation: string };
  const marker = join(box.directory, "a-stranger-was-here");
  const door = { host: "127.0.0.1", port: daemon.port, incarnation, marker };
  const read = booksOf(daemon, join(box.directory, "state-1", "audit.log"));
  read();
  return { box, daemon, door, keys, observer, books: read };
}

/** Reads on from where it stopped. */
function booksOf(daemon: Daemon, auditLog: string): () => Books {
  let auditAt = 0;
  let toldAt = 0;
  return () => {
    const audit = readFileSync(auditLog, "utf8");
    const lines = audit.slice(auditAt).split("\n").slice(0, -1);
    auditAt += lines.reduce((sum, line) => sum + line.length + 1, 0);
    const said = daemon.run.stderrText();
    const told = said.slice(toldAt).split("\n").slice(0, -1);
    toldAt += told.reduce((sum, line) => sum + line.length + 1, 0);
    return { ...auditBooks(lines), told: toldOf(told) };
  };
}

function auditBooks(lines: readonly string[]): Omit<Books, "told"> {
  const records = lines.map((line) => JSON.parse(line) as AuditRecord);
  const of = (...events: readonly string[]): AuditRecord[] =>
    records.filter(({ ev }) => events.includes(ev));
  const suppressed = of("session.refused_suppressed", "session.refused_with_key_suppressed");
  const refused = of("session.refused");
  return {
    refused: refused.length + countOf(suppressed),
    codes: [...new Set(refused.map(({ code = "" }) => code))],
    beyond: records.filter(isBeyond).map((record) => JSON.stringify(record)),
    requestsRefused: of("request.refused").length,
    requestsSuppressed: countOf(of("request.suppressed")),
  };
}

const countOf = (records: readonly AuditRecord[]): number =>
  records.reduce((sum, { count = 0 }) => sum + count, 0);

function isBeyond({ ev, peer = "", kind }: AuditRecord): boolean {
  if (ev === "session.opened") return !peer.startsWith("tcp 127.0.0.1:");
  // The operator asks how the daemon is, and nothing else.
  if (ev === "request.allowed") return kind !== "probe" && kind !== "status";
  return ev === "request.accepted" || ev.startsWith("proc.");
}

/** "tcp …: refused: …" counts one, "17 more were refused" as many as it says. */
function toldOf(lines: readonly string[]): number {
  const counts = lines.map((line) => {
    if (/: refused: /.test(line)) return 1;
    return Number(/^ctl: (\d+) more with(?:out)? a key were refused$/.exec(line)?.[1] ?? 0);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Strangers in a process of their own; `ended` prints what came of it. @param within words before the command */
export function crowd(job: Job, within: readonly string[] = []): Running {
  const program = join(import.meta.dir, "stranger-crowd.ts");
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  const run = start([...within, process.execPath, program], {
    env,
    keepInputOpen: true,
    timeoutMs: 30 * 60_000,
  });
  run.write(`${JSON.stringify(job)}\n`);
  if (job.job !== "hold") run.endInput();
  return run;
}

export async function doneBy(run: Running): Promise<Done> {
  const { text, stderr, code } = await run.ended;
  if (code !== 0) throw new Error(`The strangers ended with ${code}: ${stderr}`);
  return JSON.parse(text.trim().split("\n").at(-1) ?? "") as Done;
}

export interface Siege {
  done: Done;
  books: Books;
  /** What `ctl ping` exited with meanwhile, each time. */
  pings: (number | null)[];
  isMarked: boolean;
}

/** `count` attempts of one kind of stranger, until the daemon has told of all of them. */
export async function besiege(range: Range, kind: StrangerKind, count: number): Promise<Siege> {
  const { door, keys } = range;
  const job = { job: "attempts", door, from: otherAddresses, kind, keys, count } as const;
  const { done, pings } = await pingedDuring(range, crowd(job));
  const isTold = ({ refused, told }: Books): boolean => refused >= count && told >= count;
  const books = await booksOnce(range, isTold);
  return { done, books, pings, isMarked: existsSync(door.marker) };
}

/** The same with somebody who is let in and may only look. */
export async function besiegeAsObserver(range: Range, count: number): Promise<Siege> {
  const { door, observer: key } = range;
  const run = crowd({ job: "commands", door, from: ["127.0.0.1"], key, count });
  const { done, pings } = await pingedDuring(range, run);
  const isTold = ({ requestsRefused, requestsSuppressed }: Books): boolean =>
    requestsRefused + requestsSuppressed >= count;
  const books = await booksOnce(range, isTold);
  return { done, books, pings, isMarked: existsSync(door.marker) };
}

/** What is suppressed is told a second later. Whoever is short of some fails by the numbers. */
async function booksOnce(range: Range, isTold: (books: Books) => boolean): Promise<Books> {
  const books = range.books();
  const isAllTold = (): boolean => {
    const more = range.books();
    books.refused += more.refused;
    books.told += more.told;
    books.codes = [...new Set([...books.codes, ...more.codes])];
    books.beyond.push(...more.beyond);
    books.requestsRefused += more.requestsRefused;
    books.requestsSuppressed += more.requestsSuppressed;
    return isTold(books);
  };
  await until(isAllTold, { timeoutMs: 5_000 }).catch(() => {});
  return books;
}

async function pingedDuring(
  { box, daemon }: Range,
  run: Running,
): Promise<Pick<Siege, "done" | "pings">> {
  const over = run.ended.then(
    () => true,
    () => true,
  );
  const pings: (number | null)[] = [];
  while (!(await Promise.race([over, Promise.resolve(false)]))) {
    pings.push((await box.ctl(["ping", daemon.address])).code);
  }
  return { done: await doneBy(run), pings };
}
