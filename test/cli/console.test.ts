// What ctl writes is out before it ends, unless the user will not wait.

import { expect, test } from "bun:test";

import type { ByteSink } from "../../src/base/byte-stream.ts";
import { Console } from "../../src/cli/console.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** Nothing goes out before `release`. */
class StillSink implements ByteSink {
  readonly written: string[] = [];
  #done: ((errno: string | null) => void) | null = null;

  write(bytes: Uint8Array, done: (errno: string | null) => void): void {
    this.written.push(Buffer.from(bytes).toString());
    this.#done = done;
  }

  release(): void {
    this.#done?.(null);
  }

  close(): void {
    // Nobody closes what ctl was given.
  }
}

test("idle waits for a reader that stands still, on either stream", async () => {
  for (const stream of ["stdout", "stderr"] as const) {
    const clock = new VirtualClock();
    const sinks = { stdout: new StillSink(), stderr: new StillSink() };
    const console = new Console(sinks.stdout, sinks.stderr);
    console[stream].write(Buffer.from("text"), () => {});
    let isIdle = false;
    void console.idle().then(() => (isIdle = true));
    await clock.advanceSettled(60_000);
    expect(isIdle).toBe(false);
    sinks[stream].release();
    await clock.advanceSettled(0);
    expect(isIdle).toBe(true);
  }
});

test("a user in a hurry does not wait for a reader that stands still", async () => {
  const clock = new VirtualClock();
  const stderr = new StillSink();
  const console = new Console(new StillSink(), stderr);
  console.print("blocked");
  console.hurry(clock);
  console.say("last words");
  let isIdle = false;
  void console.idle().then(() => (isIdle = true));
  await clock.advanceSettled(1_000);
  expect(isIdle).toBe(true);
  expect(stderr.written).toEqual(["ctl: last words\n"]);
});

test("lines that wait together go out together, in order", async () => {
  const clock = new VirtualClock();
  const stderr = new StillSink();
  const console = new Console(new StillSink(), stderr);
  for (const word of ["one", "two", "three"]) console.say(word);
  stderr.release();
  await clock.advanceSettled(0);
  expect(stderr.written).toEqual(["ctl: one\n", "ctl: two\nctl: three\n"]);
});
