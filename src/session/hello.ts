// Both ends of the greeting side by side: what a side says of itself, and whether two sides can talk.

import { CtlError } from "../base/errors.ts";
import { namedLimits, PROTOCOL_MAX, PROTOCOL_MIN } from "../wire/limits.ts";
import type { Hello } from "./contract.ts";

export interface HelloFacts {
  software: string;
  host: string;
  /** Empty for a controller. */
  incarnation: Uint8Array;
  insecure: boolean;
  monotonicNs: bigint;
  realtimeNs: bigint;
  /** A daemon: where its limits differ from the usual ones, or come on top of them, by name. Null: a controller, whom nobody asks. */
  ownLimits: Readonly<Record<string, number>> | null;
}

export function helloOf({ ownLimits, ...facts }: HelloFacts): Hello {
  const usual = namedLimits.map(({ name, value }) => [name, value] as const);
  const told = ownLimits && { ...Object.fromEntries(usual), ...ownLimits };
  const limits = Object.entries(told ?? {}).map(([name, value]) => ({
    name,
    value: BigInt(value),
  }));
  return {
    kind: "hello",
    protocolMin: PROTOCOL_MIN,
    protocolMax: PROTOCOL_MAX,
    limits,
    ...facts,
  };
}

/**
 * The highest protocol that both speak.
 * @throws CtlError("version") that says which side is older and what to do
 */
export function commonProtocol(ours: Hello, theirs: Hello): number {
  const highest = Math.min(ours.protocolMax, theirs.protocolMax);
  if (highest >= Math.max(ours.protocolMin, theirs.protocolMin)) return highest;
  const theirsIsNewer = theirs.protocolMin > ours.protocolMax;
  throw new CtlError(
    "version",
    `The peer (ctl ${theirs.software}) speaks protocol ${range(theirs)}, this ctl ${range(ours)}: ` +
      `the peer is too ${theirsIsNewer ? "new" : "old"}`,
    { hint: "use the same version of ctl on both machines" },
  );
}

const range = (hello: Hello): string =>
  hello.protocolMin === hello.protocolMax
    ? `${hello.protocolMin}`
    : `${hello.protocolMin} to ${hello.protocolMax}`;
