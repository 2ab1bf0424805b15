// Signals: our table is the kernel's, and every spelling that people use is understood.

import { expect, test } from "bun:test";
import { constants } from "node:os";

import { signalName, signalNumber } from "../../src/base/signals.ts";

test("the names are those that the runtime of this very machine knows", () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    expect(signalNumber(name)).toBe(number);
    expect(signalNumber(name.slice(3))).toBe(number);
    expect(signalNumber(name.toLowerCase())).toBe(number);
  }
});

test("every number of a signal has a name that leads back to it", () => {
  for (let signal = 1; signal <= 64; signal += 1) {
    expect(signalNumber(signalName(signal))).toBe(signal);
    expect(signalNumber(`${signal}`)).toBe(signal);
  }
});

test.each([
  [9, "SIGKILL"],
  [31, "SIGSYS"],
  [32, "SIG32"],
  [34, "SIGRTMIN"],
  [37, "SIGRTMIN+3"],
  [64, "SIGRTMAX"],
  [99, "SIG99"],
])("%d is called %s", (signal, name) => {
  expect(signalName(signal)).toBe(name);
});

test.each([
  ["RTMAX-1", 63],
  ["SIGRTMAX-30", 34],
  ["rtmin+30", 64],
])("%s is %d", (text, signal) => {
  expect(signalNumber(text)).toBe(signal);
});

test.each([
  "",
  "SIG",
  "0",
  "65",
  "-9",
  "9.0",
  "KILLL",
  "RTMIN+31",
  "RTMAX-31",
  "RTMIN-1",
  "SIGSIGKILL",
])("%p is no signal", (text) => {
  expect(signalNumber(text)).toBe(null);
});
