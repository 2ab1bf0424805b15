// Names of our own files as they were typed. They are told and stored as text, so what is not UTF-8 is refused.

import { textOf } from "./options.ts";

/** @param about the option that it was given to @throws CtlError("usage") */
export function fileName(about: { name: string }, given: Uint8Array | null): string | null {
  return given === null ? null : textOf(about, given);
}
