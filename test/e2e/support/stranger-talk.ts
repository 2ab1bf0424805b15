// A controller in its smallest form, with whatever key and from whatever address of this machine: says messages, hears messages. For
// those who have a key and must be refused all the same, and for measuring how fast a daemon answers while strangers are about.

import { type Message, messageCodec } from "../../../src/capability/messages.ts";
import type { Key } from "../../../src/keys/contract.ts";
import type { SessionMessage } from "../../../src/session/contract.ts";
import { helloOf } from "../../../src/session/hello.ts";
import { FrameReader } from "../../../src/wire/frames.ts";
import { frameBytesMax } from "../../../src/wire/limits.ts";
import { commandBytes, type Door, tlsOf } from "./strangers.ts";

type Heard = Message | SessionMessage;

/** What opens every conversation. */
export const greeting = helloOf({
  ownLimits: null,
  software: "talker",
  host: "here",
  incarnation: new Uint8Array(),
  insecure: false,
  monotonicNs: 1n,
  realtimeNs: 1n,
});

export interface TalkOptions {
  door: Pick<Door, "host" | "port">;
  from: string;
  key: Key;
}

export class Talk implements Disposable {
  readonly #codec = messageCodec();
  readonly #frames = new FrameReader(frameBytesMax);
  readonly #waiting: { kind: string; heard: PromiseWithResolvers<Heard> }[] = [];
  readonly #early: Heard[] = [];
  #socket: Bun.Socket | null = null;
  #isClosed = false;

  /** Resolves when its handshake is done, as far as this side can know; nothing has been said yet. */
  static async open({ door, from, key }: TalkOptions): Promise<Talk> {
    const talk = new Talk();
    const shaken = Promise.withResolvers<void>();
    const where = { hostname: door.host, port: door.port, localAddress: from };
    await Bun.connect({
      ...where,
      tls: tlsOf(key),
      socket: {
        binaryType: "uint8array",
        open: (socket) => void (talk.#socket = socket),
        handshake: () => shaken.resolve(),
        data: (_socket, bytes) => talk.#received(bytes),
        close: () => {
          talk.#closed();
          shaken.reject(new Error("Closed instead of a handshake"));
        },
        error: () => {},
      },
    });
    await shaken.promise;
    return talk;
  }

  say(operation: number, message: Message): void {
    this.sayBytes(this.#codec.encode(operation, message).slice());
  }

  sayBytes(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  /** The next message of this kind; rejects when the other side closes before. */
  async hear(kind: Heard["kind"]): Promise<Heard> {
    const at = this.#early.findIndex((message) => message.kind === kind);
    const [early] = at < 0 ? [] : this.#early.splice(at, 1);
    if (early) return early;
    if (this.#isClosed) throw new Error(`Closed instead of "${kind}"`);
    const heard = Promise.withResolvers<Heard>();
    this.#waiting.push({ kind, heard });
    return await heard.promise;
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }

  #received(bytes: Uint8Array): void {
    this.#frames.push(bytes, (frame) => {
      const message = this.#codec.decode(frame)?.message;
      if (!message) return;
      const at = this.#waiting.findIndex(({ kind }) => kind === message.kind);
      const [waiter] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (waiter) waiter.heard.resolve(message);
      else this.#early.push(message);
    });
  }

  #closed(): void {
    this.#isClosed = true;
    for (const { kind, heard } of this.#waiting.splice(0)) {
      heard.reject(new Error(`Closed instead of "${kind}"`));
    }
  }
}

/** What a daemon answers to somebody who is let in and asks for a command. */
export async function answerToCommand(door: Door, from: string, key: Key): Promise<string> {
  using talk = await Talk.open({ door, from, key });
  talk.sayBytes(commandBytes(door));
  const answer = await Promise.race([talk.hear("refusal"), talk.hear("accepted")]);
  return answer.kind === "refusal" ? answer.code : answer.kind;
}

/** Asks until told otherwise, one question after the other; how long each answer took, in milliseconds. */
export async function roundTripsMs(
  talk: Talk,
  goesOn: (count: number) => boolean,
): Promise<number[]> {
  const times: number[] = [];
  while (goesOn(times.length)) {
    const askedMs = performance.now();
    talk.say(1, { kind: "probe", token: BigInt(times.length) });
    await talk.hear("probe-reply");
    times.push(performance.now() - askedMs);
    // The pause between two questions, not a wait for anything.
    await Bun.sleep(pauseMs);
  }
  return times;
}

const pauseMs = 5;

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}
