// Outcomes: every raw wait status, and every way an exec can end.

import { expect, test } from "bun:test";

import { CtlError } from "../../../src/base/errors.ts";
import { outcomeOf, outcomeOfExec } from "../../../src/capability/process/outcome.ts";

test("every exit code and every signal of a raw wait status is told apart", () => {
  for (let code = 0; code <= 255; code += 1) {
    expect(outcomeOf(code << 8, "app")).toEqual({ kind: "exited", code, cause: "app" });
  }
  for (let signal = 1; signal <= 64; signal += 1) {
    expect(outcomeOf(signal, "user")).toEqual({
      kind: "signaled",
      signal,
      core: false,
      cause: "user",
    });
    expect(outcomeOf(signal | 0x80, "app")).toMatchObject({ signal, core: true });
  }
});

test("the status of an exec keeps its cause", () => {
  expect(outcomeOfExec({ kind: "exited", status: 15, cause: "timeout" })).toEqual({
    kind: "signaled",
    signal: 15,
    core: false,
    cause: "timeout",
  });
});

test.each([
  ["exec", 2, "user"],
  ["chdir", 20, "user"],
  ["clone", 11, "limit"],
  ["exec", 12, "limit"],
  ["stdio", 5, "daemon"],
] as const)("what could not start at %s with errno %d was caused by %s", (phase, errno, cause) => {
  const path = Buffer.from("/x");
  const fact = { kind: "not-started" as const, phase, errno, path, interpreter: false };
  expect(outcomeOfExec({ kind: "not-started", fact })).toEqual({
    kind: "not-started",
    phase,
    errno,
    path,
    interpreter: false,
    failure: null,
    cause,
  });
});

test("an error of the session says that nothing was started, and keeps what to do about it", () => {
  const error = new CtlError("connect-refused", "Connection refused", {
    errno: "ECONNREFUSED",
    hint: "start a daemon",
  });
  expect(outcomeOfExec({ kind: "failed", error })).toMatchObject({
    kind: "not-started",
    phase: "session",
    errno: 0,
    failure: {
      code: "connect-refused",
      text: "Connection refused",
      hint: "start a daemon",
      errname: "ECONNREFUSED",
    },
  });
});

test("what nobody knows stays unknown", () => {
  expect(outcomeOfExec({ kind: "unknown", why: "The daemon was stopped" })).toEqual({
    kind: "unknown",
    why: "The daemon was stopped",
    fromNs: null,
    toNs: null,
    cause: "fault",
  });
});
