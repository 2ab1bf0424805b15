// The keys that this daemon no longer accepts: its own list, and the machine's. A list that cannot be read accepts nobody.

import { CtlError } from "../base/errors.ts";
import { addRevocation, Revocations } from "../keys/revocations.ts";

export interface RevocationList {
  isRevoked(fingerprint: string): boolean;
  /** Remembers it for good; whether it was there before. @throws CtlError */
  add(fingerprint: string, comment: string): boolean;
}

/**
 * @param own where new ones are written; null where there is no such place
 * @param others that are read too
 * @param complain hears why a list could not be read; everybody is refused until it can be
 * @throws CtlError when a list cannot be read to begin with
 */
export function openRevocationList(
  own: string | null,
  others: readonly string[],
  complain: (text: string) => void,
): RevocationList {
  const revocations = new Revocations(own === null ? others : [own, ...others]);
  // Once for each reason: holders of keys can come as often as they like.
  let complaint: string | null = null;
  return {
    isRevoked: (fingerprint) => {
      try {
        const isRevoked = revocations.isRevoked(fingerprint);
        complaint = null;
        return isRevoked;
      } catch (error) {
        if (!(error instanceof CtlError)) throw error;
        if (error.message !== complaint) complain(`${error.message}: nobody is let in`);
        complaint = error.message;
        return true;
      }
    },
    add: (fingerprint, comment) => {
      if (own !== null) return !addRevocation(own, fingerprint, comment);
      throw new CtlError("io-failed", "This daemon has no place to remember it in", {
        hint: "give its daemon a directory with --state-dir",
      });
    },
  };
}
