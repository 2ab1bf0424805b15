// One cluster for all unit tests of keys: making one takes as long as a hundred of the tests.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CtlError } from "../../src/base/errors.ts";
import type { Key } from "../../src/keys/contract.ts";
import { createCluster, issueKey } from "../../src/keys/issue.ts";

export const operator: Key = await createCluster();
export const node: Key = await issueKey(operator, { role: "node", name: "n7" });
export const observer: Key = await issueKey(operator, { role: "observer", name: "tv" });
/** Of another cluster. */
export const stranger: Key = await createCluster();

export interface Folder extends Disposable {
  readonly path: string;
  /** Path of a name in it. */
  at(name: string): string;
}

/** Removed when it is disposed of. */
export function openFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "ctl-keys-"));
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** What `act` is refused with; anything else fails the test. */
export function refusalOf(act: () => unknown): CtlError {
  try {
    act();
  } catch (error) {
    if (error instanceof CtlError) return error;
    throw error;
  }
  throw new Error("It was not refused");
}
