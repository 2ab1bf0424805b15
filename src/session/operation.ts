// One request and everything said under its id. Either side may speak; it ends exactly once, for one reason.

/** Why an operation will hear nothing more, other than by its own `end`. */
export interface SessionEnd {
  /** The peer said goodbye; null when the connection was lost without a word. */
  goodbye: { code: string; text: string } | null;
  /** One sentence for people. */
  why: string;
}

export interface OperationHandler<Message> {
  message(message: Message): void;
  /** The session has ended under the operation. Called at most once, never after `end`. */
  sessionEnded(end: SessionEnd): void;
}

export interface OperationHost<Message> {
  send(operation: number, message: Message): void;
  ended(operation: number): void;
}

export class Operation<Message> {
  readonly id: number;
  readonly #host: OperationHost<Message>;
  #handler: OperationHandler<Message> | null = null;
  #ended = false;

  constructor(id: number, host: OperationHost<Message>) {
    this.id = id;
    this.#host = host;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Must be called before control returns to the event loop, so that nothing is missed. */
  handle(handler: OperationHandler<Message>): void {
    this.#handler = handler;
  }

  /** Silently nothing once the operation has ended: its peer has stopped listening. */
  send(message: Message): void {
    if (!this.#ended) this.#host.send(this.id, message);
  }

  /** Ends it from this side. What the peer still says under its id is ignored. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.ended(this.id);
  }

  /** For the session only. */
  deliver(message: Message): void {
    if (!this.#ended) this.#handler?.message(message);
  }

  /** For the session only. */
  sessionEnded(end: SessionEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handler?.sessionEnded(end);
  }
}
