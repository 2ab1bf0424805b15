// A directory that nobody but its owner can put anything into: made when it is missing, refused when it is not ours.

import { nodeFs } from "./builtin.ts";

export interface DirectoryFacts {
  isDirectory: boolean;
  uid: number;
  mode: number;
}

/** Null when there is nothing of that name. */
export type InspectDirectory = (path: string) => DirectoryFacts | null;

/** What stands at `path` itself; a symbolic link is not followed, for its target may change. */
export const inspectDirectory: InspectDirectory = (path) => {
  const facts = nodeFs().lstatSync(path, { throwIfNoEntry: false });
  return facts ? { isDirectory: facts.isDirectory(), uid: facts.uid, mode: facts.mode } : null;
};

/** Why the directory cannot be trusted, as the end of a sentence about it; null when it can. */
export function distrustOf(facts: DirectoryFacts, uid: number): string | null {
  if (!facts.isDirectory) return "is not a directory";
  if (facts.uid !== uid) return `belongs to user id ${facts.uid}`;
  if ((facts.mode & 0o022) !== 0) {
    return `can be written by others (mode ${(facts.mode & 0o7777).toString(8)})`;
  }
  return null;
}

/** Makes the directory with mode 0700 unless it is there. @throws the system's error */
export function makePrivateDirectory(path: string): void {
  try {
    nodeFs().mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

/** The same with whatever is missing above it. @throws the system's error */
export function makePrivateDirectories(path: string): void {
  nodeFs().mkdirSync(path, { recursive: true, mode: 0o700 });
}
