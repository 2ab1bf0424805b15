// A real proxy between a controller and a daemon that does to the connection what bad networks do: cuts it at a chosen
// byte, stalls it, lets only one side notice, refuses new ones, and heals.

import { connectTcp, listenTcp } from "../../src/transport/tcp.ts";
import type { Listener, Transport } from "../../src/transport/transport.ts";

const host = "127.0.0.1";
const connectTimeoutMs = 5_000;

/** Named by where the bytes come from: `up` is what the client sends. */
export type Direction = "up" | "down";

export interface CutOptions {
  /** reset: as a machine that lost power and came back; end: as an orderly close. */
  how?: "reset" | "end";
  /** Who notices; the other side's connection stays open and silent. */
  noticedBy?: "both" | "client" | "server";
  /** Called right after the cut, before anybody can have come back. */
  whenCut?(): void;
}

export class TcpProxy {
  readonly #target: { host: string; port: number };
  readonly #links = new Set<Link>();
  #listener: Listener | null = null;
  #port = 0;
  #isStalled = false;
  #limit: { direction: Direction; bytes: number; options: CutOptions } | null = null;
  /** Bytes passed on so far, of all connections together. */
  readonly bytes: Record<Direction, number> = { up: 0, down: 0 };
  /** Connections accepted so far. */
  accepted = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  static async start(target: { host?: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host: target.host ?? host, port: target.port });
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Ends all connections of this moment; new ones are welcome. */
  cut(options: CutOptions = {}): void {
    for (const link of this.#links) link.cut(options);
  }

  /** Cuts once so many further bytes have passed in a direction: that byte arrives, the next does not. */
  cutAfter(bytes: number, direction: Direction, options: CutOptions = {}): void {
    this.#limit = { direction, bytes: this.bytes[direction] + bytes, options };
  }

  /** Nothing passes in either direction, and nobody is told; new connections are accepted into the same silence. */
  stall(): void {
    this.#isStalled = true;
    for (const link of this.#links) link.stall();
  }

  heal(): void {
    this.#isStalled = false;
    for (const link of this.#links) link.heal();
  }

  /** New connections are refused as by a machine where nobody listens. Those that are open stay. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = null;
  }

  /** Listens again, on the same port. */
  async accept(): Promise<void> {
    if (this.#listener) return;
    this.#listener = await listenTcp({
      host,
      port: this.#port,
      onConnection: (client) => void this.#join(client),
    });
    this.#port = this.#listener.port ?? 0;
  }

  close(): void {
    this.refuse();
    this.cut();
  }

  async #join(client: Transport): Promise<void> {
    this.accepted += 1;
    try {
      const server = await connectTcp({ ...this.#target, timeoutMs: connectTimeoutMs });
      const link = new Link(client, server, {
        passed: (direction, bytes) => this.#pass(direction, bytes),
        ended: () => this.#links.delete(link),
        reached: () => this.#reached(link),
      });
      this.#links.add(link);
      if (this.#isStalled) link.stall();
      link.start();
    } catch {
      client.destroy();
    }
  }

  /** How many of the bytes may pass. */
  #pass(direction: Direction, bytes: number): number {
    const isLimited = this.#limit?.direction === direction;
    const room = this.#limit && isLimited ? this.#limit.bytes - this.bytes[direction] : bytes;
    const passed = Math.min(bytes, room);
    this.bytes[direction] += passed;
    return passed;
  }

  #reached(link: Link): void {
    const limit = this.#limit;
    if (!limit || this.bytes[limit.direction] < limit.bytes) return;
    this.#limit = null;
    link.cut(limit.options);
    limit.options.whenCut?.();
  }
}

interface LinkEvents {
  /** Returns how many of the bytes may pass. */
  passed(direction: Direction, bytes: number): number;
  /** After each piece. */
  reached(): void;
  ended(): void;
}

/** One connection: two transports and what passes between them. */
class Link {
  readonly #client: Transport;
  readonly #server: Transport;
  readonly #events: LinkEvents;
  #isStalled = false;
  #isCut = false;

  constructor(client: Transport, server: Transport, events: LinkEvents) {
    this.#client = client;
    this.#server = server;
    this.#events = events;
  }

  start(): void {
    this.#forward(this.#client, this.#server, "up");
    this.#forward(this.#server, this.#client, "down");
    // Only now: attaching lets bytes flow.
    if (this.#isStalled) this.stall();
  }

  stall(): void {
    this.#isStalled = true;
    this.#client.pause();
    this.#server.pause();
  }

  heal(): void {
    this.#isStalled = false;
    this.#client.resume();
    this.#server.resume();
  }

  cut({ how = "reset", noticedBy = "both" }: CutOptions): void {
    this.#isCut = true;
    for (const [side, transport] of [
      ["client", this.#client],
      ["server", this.#server],
    ] as const) {
      if (noticedBy !== "both" && noticedBy !== side) transport.pause();
      else if (how === "reset") transport.destroy();
      else transport.close();
    }
    // A side that was left in silence is kept by its socket, and ends with the test.
    this.#events.ended();
  }

  #forward(from: Transport, to: Transport, direction: Direction): void {
    from.attach({
      data: (bytes) => {
        if (this.#isCut) return;
        const passed = this.#events.passed(direction, bytes.length);
        if (passed > 0 && !to.send(bytes.slice(0, passed))) from.pause();
        this.#events.reached();
      },
      // What `from` could not send came from the other side.
      drained: () => {
        if (!this.#isStalled) to.resume();
      },
      closed: (error) => {
        if (this.#isCut) return;
        this.#isCut = true;
        if (error) to.destroy();
        else to.close();
        this.#events.ended();
      },
    });
  }
}
