// The exit code: every row of the table, and that nothing unsure is ever 0.

import { describe, expect, test } from "bun:test";

import { errnoNumber } from "../../src/base/errnos.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import type { Cause, Phase } from "../../src/capability/process/contract.ts";
import { type Outcome, outcomeOf } from "../../src/capability/process/outcome.ts";
import { type Delivery, exitCodeOf, worstExitCode } from "../../src/cli/exit-code.ts";

const whole: Delivery[] = [
  { gapBytes: 0, errno: null },
  { gapBytes: 0, errno: null },
];

function notStarted(phase: Phase, errname: string, interpreter = false): Outcome {
  const errno = errnoNumber(errname) ?? 0;
  const path = Buffer.from("/x");
  return { kind: "not-started", phase, errno, path, interpreter, failure: null, cause: "user" };
}

function failed(code: ErrorCode): Outcome {
  return {
    kind: "not-started",
    phase: "session",
    errno: 0,
    path: Buffer.alloc(0),
    interpreter: false,
    failure: { code, text: "", hint: null, errname: null },
    cause: "daemon",
  };
}

const unknown: Outcome = { kind: "unknown", why: "", fromNs: null, toNs: null, cause: "fault" };
const exited = (code: number, cause: Cause = "app"): Outcome => outcomeOf(code << 8, cause);

const codeWith = (delivery: Delivery): number => exitCodeOf(exited(0), [delivery, ...whole]);

describe("one node", () => {
  test("a command's own code passes through, whatever it is", () => {
    for (let code = 0; code <= 255; code += 1) expect(exitCodeOf(exited(code), whole)).toBe(code);
  });

  test.each([
    [2, 130],
    [9, 137],
    [11, 139],
    [13, 141],
    [15, 143],
    [64, 192],
  ])("killed by signal %d is %d, with a core or without", (signal, code) => {
    expect(exitCodeOf(outcomeOf(signal, "app"), whole)).toBe(code);
    expect(exitCodeOf(outcomeOf(signal | 0x80, "user"), whole)).toBe(code);
  });

  test("a time limit is 124, however the command took it", () => {
    expect(exitCodeOf(exited(0, "timeout"), whole)).toBe(124);
    expect(exitCodeOf(exited(3, "timeout"), whole)).toBe(124);
    expect(exitCodeOf(outcomeOf(15, "timeout"), whole)).toBe(124);
    expect(exitCodeOf(outcomeOf(9, "timeout"), whole)).toBe(124);
  });

  test.each([
    ["ENOENT", false, 127],
    ["ENOTDIR", false, 127],
    ["ENAMETOOLONG", false, 127],
    ["ENOENT", true, 126],
    ["EACCES", false, 126],
    ["EPERM", false, 126],
    ["EISDIR", false, 126],
    ["ENOEXEC", false, 126],
    ["ETXTBSY", false, 126],
    ["E2BIG", false, 126],
    ["ELOOP", false, 126],
    ["EAGAIN", false, 126],
  ])("exec: %s (interpreter: %p) is %d", (errname, interpreter, code) => {
    expect(exitCodeOf(notStarted("exec", errname, interpreter), whole)).toBe(code);
  });

  test.each<Phase>(["request", "cgroup", "clone", "setup", "chdir", "user", "limits", "stdio"])(
    "a start that fails at %s is 125, even if something was not found",
    (phase) => {
      expect(exitCodeOf(notStarted(phase, "ENOENT"), whole)).toBe(125);
      expect(exitCodeOf(notStarted(phase, "EAGAIN"), whole)).toBe(125);
    },
  );

  test.each<[ErrorCode, number]>([
    ["usage", 125],
    ["bad-address", 125],
    ["key-missing", 125],
    ["key-unreadable", 125],
    ["key-unsafe", 125],
    ["refused", 125],
    ["version", 125],
    ["not-ctl", 125],
    ["protocol-violated", 125],
    ["interrupted", 125],
    ["name-not-resolved", 255],
    ["connect-refused", 255],
    ["connect-timeout", 255],
    ["connect-failed", 255],
    ["connection-lost", 255],
    ["io-failed", 255],
  ])("a session that fails with %s is %d", (code, exitCode) => {
    expect(exitCodeOf(failed(code), whole)).toBe(exitCode);
  });

  test("an unknown outcome is 255", () => {
    expect(exitCodeOf(unknown, whole)).toBe(255);
  });
});

describe("output", () => {
  test("that is missing makes it 255", () => {
    expect(codeWith({ gapBytes: 1, errno: null })).toBe(255);
  });

  test("that could not be written makes it 255", () => {
    expect(codeWith({ gapBytes: 0, errno: "ENOSPC" })).toBe(255);
    expect(codeWith({ gapBytes: 0, errno: "EIO" })).toBe(255);
  });

  test("whose reader did not want more leaves the command's own end", () => {
    expect(codeWith({ gapBytes: 0, errno: "EPIPE" })).toBe(0);
    expect(codeWith({ gapBytes: 9, errno: "EPIPE" })).toBe(0);
    expect(exitCodeOf(outcomeOf(13, "app"), [{ gapBytes: 0, errno: "EPIPE" }])).toBe(141);
  });
});

test("several nodes: the largest", () => {
  expect(worstExitCode([0, 0])).toBe(0);
  expect(worstExitCode([0, 3, 1])).toBe(3);
  expect(worstExitCode([137, 255, 0])).toBe(255);
  expect(worstExitCode([7])).toBe(7);
});
