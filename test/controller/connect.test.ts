// Greeting whoever is at the other end: only a daemon will do.

import { expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { openSession } from "../../src/controller/connect.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

test("a peer that sends back what it hears is no daemon, and is left", async () => {
  const [ours, theirs] = memoryPair();
  let isClosed = false;
  theirs.attach({
    data: (bytes) => void theirs.send(bytes.slice()),
    drained: () => {},
    closed: () => (isClosed = true),
  });
  const opened = openSession(Promise.resolve(ours), {
    clock: new VirtualClock(),
    software: "0.0.0",
    host: "here",
    insecure: false,
    key: null,
    timeoutMs: 1_000,
  });
  const error = await opened.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CtlError);
  expect(error).toMatchObject({ code: "not-ctl", hint: expect.stringContaining("check the port") });
  expect(isClosed).toBe(true);
});
