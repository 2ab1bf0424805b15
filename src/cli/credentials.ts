// What this controller proves who it is with: the key that fits what is to be done, looked up when a network is to be crossed.

import { CtlError } from "../base/errors.ts";
import type { Credentials } from "../controller/reach.ts";
import type { Role } from "../keys/contract.ts";
import { findKey } from "../keys/find-key.ts";
import { configDirectory, machineDirectory } from "../keys/places.ts";
import { Revocations } from "../keys/revocations.ts";
import { mayBeThere } from "../os/small-file.ts";
import type { App } from "./app.ts";

export interface CredentialOptions {
  insecure: boolean;
  /** A file; null: wherever one is found. */
  key: Uint8Array | null;
  needed: Role;
}

/** The returned function looks once. @throws CtlError, from the returned function */
export function credentialsFor(app: App, options: CredentialOptions): () => Credentials {
  let found: Credentials | CtlError | null = null;
  return () => {
    found ??= look(app, options);
    if (found instanceof CtlError) throw found;
    return found;
  };
}

function look(app: App, { insecure, key, needed }: CredentialOptions): Credentials | CtlError {
  if (insecure) return "insecure-no-authentication";
  try {
    const explicit = key && Buffer.from(key).toString();
    const { key: ours } = findKey({ env: app.env, explicit, needed });
    return { key: ours, isRevoked: revocationsOf(controllerRevocationFiles(app.env)) };
  } catch (error) {
    if (error instanceof CtlError) return error;
    throw error;
  }
}

/** Most controllers have no list, and looking for one must not cost them the runtime's file system. */
function revocationsOf(files: readonly string[]): (fingerprint: string) => boolean {
  let revocations: Revocations | null = null;
  return (fingerprint) => {
    if (!revocations && !files.some(mayBeThere)) return false;
    revocations ??= new Revocations(files);
    return revocations.isRevoked(fingerprint);
  };
}

/** The user's own list first: that is where this controller writes. */
export function controllerRevocationFiles(env: App["env"]): string[] {
  return [configDirectory(env), machineDirectory].map((directory) => `${directory}/revoked`);
}
