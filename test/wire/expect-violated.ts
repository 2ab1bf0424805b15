// A peer's mistake has one answer, whatever it was.

import { expect } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";

/** `action` must throw CtlError("protocol-violated") and nothing else; returns its message. */
export function expectViolated(action: () => unknown): string {
  let error: unknown = null;
  try {
    action();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(CtlError);
  if (!(error instanceof CtlError)) throw new Error("It was accepted");
  expect(error.code).toBe("protocol-violated");
  return error.message;
}
