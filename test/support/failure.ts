// The error that was expected, in a test's hands.

import { CtlError } from "../../src/base/errors.ts";

/** Resolves with the CtlError that the promise is rejected with; anything else fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<CtlError> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof CtlError) return outcome;
  throw new Error("There was no CtlError", { cause: outcome });
}
