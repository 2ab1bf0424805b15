// Waits for a condition instead of a guessed time.

export interface UntilOptions {
  /** Fails after this long. */
  timeoutMs?: number;
  /** What is waited for, for the message. */
  what?: string;
}

/** Resolves with the first truthy value of `condition`; throws when there is none in time. */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  options: UntilOptions = {},
): Promise<NonNullable<Value>> {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${options.what ?? condition.toString()}`);
    }
    await Bun.sleep(2);
  }
}
