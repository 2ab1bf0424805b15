// Strangers in a process of their own, so that they can be in another network, and so that their work is not taken for the daemon's
// slowness: reads a job as JSON from stdin, does it, and prints what came of it as one line of JSON.

import type { Key } from "../../../src/keys/contract.ts";
import { answerToCommand, greeting, Talk } from "./stranger-talk.ts";
import { type Door, type StrangerKeys, type StrangerKind, strangersAt } from "./strangers.ts";

export type Job = { door: Door; from: readonly string[] } & (
  | { job: "attempts"; kind: StrangerKind; keys: StrangerKeys; count: number }
  | { job: "commands"; key: Key; count: number }
  /** Connections that show nothing, and connections that say a byte each second; who is closed comes back. */
  | { job: "slow"; silent: number; dripping: number; ms: number }
  /** Connections that show nothing, until stdin ends. */
  | { job: "hold"; count: number }
  /** All at once, each until it has been greeted. */
  | { job: "greetings"; key: Key; count: number }
);

export interface Done {
  count: number;
  /** What strangers must never get: bytes for the first job, other words than "not-allowed" for the second. */
  wrong: number;
  ms: number;
}

const atOnce = 16;
/** On average; not all at the same moment. */
const backMs = 1_000;
const dripMs = 1_000;

async function attempts(
  job: Extract<Job, { job: "attempts" | "commands" }>,
): Promise<Partial<Done>> {
  const { door, from, count } = job;
  const strangers = job.job === "attempts" ? await strangersAt(door, job.keys) : null;
  let wrong = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const address = from[next % from.length] ?? "";
      next += 1;
      if (job.job === "attempts") wrong += (await strangers?.[job.kind](address)) ?? 0;
      else if ((await answerToCommand(door, address, job.key)) !== "not-allowed") wrong += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return { count, wrong };
}

class Crowd {
  readonly #job: Pick<Job, "door" | "from">;
  readonly #open = new Set<Bun.Socket>();
  #isOver = false;
  #count = 0;

  constructor(job: Pick<Job, "door" | "from">) {
    this.#job = job;
  }

  get count(): number {
    return this.#count;
  }

  /** One that is always there, but for a moment after each time that it was closed. */
  async stay(isDripping: boolean): Promise<void> {
    if (this.#isOver) return;
    const { door, from } = this.#job;
    const localAddress = from[this.#count % from.length] ?? "";
    this.#count += 1;
    let drip: ReturnType<typeof setInterval> | null = null;
    const back = (): void => {
      if (drip) clearInterval(drip);
      setTimeout(() => void this.stay(isDripping), backMs * (0.5 + Math.random()));
    };
    const where = { hostname: door.host, port: door.port, localAddress };
    const connecting = Bun.connect({
      ...where,
      socket: {
        open: (socket) => {
          this.#open.add(socket);
          // The type of a record and then the rest of it, byte by byte: a handshake that goes on for ever.
          if (isDripping) drip = setInterval(() => socket.write(Buffer.from([0x16])), dripMs);
        },
        data: () => {},
        close: (socket) => {
          this.#open.delete(socket);
          back();
        },
        error: () => {},
        connectError: back,
      },
    });
    // Told to `connectError` already.
    await connecting.catch(() => {});
  }

  leave(): void {
    this.#isOver = true;
    for (const socket of this.#open) socket.terminate();
  }
}

async function slow(job: Extract<Job, { job: "slow" }>): Promise<Partial<Done>> {
  const crowd = new Crowd(job);
  for (let index = 0; index < job.silent; index += 1) void crowd.stay(false);
  for (let index = 0; index < job.dripping; index += 1) void crowd.stay(true);
  // So long they stay, and do next to nothing.
  await Bun.sleep(job.ms);
  crowd.leave();
  return { count: crowd.count };
}

async function hold(job: Extract<Job, { job: "hold" }>, input: Input): Promise<Partial<Done>> {
  const crowd = new Crowd(job);
  await Promise.all(Array.from({ length: job.count }, () => crowd.stay(false)));
  process.stdout.write("holding\n");
  await input.ended;
  crowd.leave();
  return { count: crowd.count };
}

async function greetings(job: Extract<Job, { job: "greetings" }>): Promise<Partial<Done>> {
  const { door, from, key, count } = job;
  const greet = async (_: unknown, index: number): Promise<void> => {
    using talk = await Talk.open({ door, from: from[index % from.length] ?? "", key });
    talk.say(0, greeting);
    await talk.hear("hello");
  };
  await Promise.all(Array.from({ length: count }, greet));
  return { count };
}

async function work(job: Job, input: Input): Promise<Partial<Done>> {
  switch (job.job) {
    case "attempts":
    case "commands":
      return await attempts(job);
    case "slow":
      return await slow(job);
    case "hold":
      return await hold(job, input);
    case "greetings":
      return await greetings(job);
    default:
      return job satisfies never;
  }
}

interface Input {
  /** The job. */
  line: Promise<string>;
  ended: Promise<void>;
}

/** One line, and the end that may come much later. */
function readInput(): Input {
  const line = Promise.withResolvers<string>();
  async function read(): Promise<void> {
    for await (const text of console) line.resolve(text);
  }
  return { line: line.promise, ended: read() };
}

if (import.meta.main) {
  const given = readInput();
  const startedMs = performance.now();
  const done = await work(JSON.parse(await given.line) as Job, given);
  const ms = Math.round(performance.now() - startedMs);
  process.stdout.write(`${JSON.stringify({ count: 0, wrong: 0, ms, ...done })}\n`);
  process.exit(0);
}
