// Finds the key for what is to be done. The first place that has a fitting one decides; a key that is broken, or that others could
// have read, stops the search instead of making way for another, because its owner believes that it is used.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { type Key, type Role, roles, suffices } from "./contract.ts";
import { packedPlace, readPackedKey } from "./packed.ts";
import { type KeyPlace, keyPlaces, keyVariable, type PlacesOptions } from "./places.ts";
import { readKeyFile } from "./read-key-file.ts";

export interface KeySearch extends PlacesOptions {
  /** What the key must be good for. */
  needed: Role;
}

export interface FoundKey {
  key: Key;
  /** For people: "the packed key", or the path in quotes. */
  from: string;
  /** Null when it is packed into the executable. */
  path: string | null;
}

/** What stands at a place. */
export type Standing =
  { kind: "key"; key: Key } | { kind: "none" } | { kind: "refused"; error: CtlError };

export interface SurveyedPlace {
  place: KeyPlace;
  standing: Standing;
  /** What the look-up takes this key for. */
  usedFor: Role[];
}

type Look = (place: KeyPlace) => Standing;

/** @throws CtlError("key-missing"), CtlError("key-unsafe") or CtlError("key-unreadable") */
export function findKey(search: KeySearch): FoundKey {
  const places = keyPlaces(search);
  const chosen = choose(places, search.needed, standingAt);
  if (!chosen) throw nothingFits(places, search.needed);
  const { place, standing } = chosen;
  if (standing.kind === "refused") throw standing.error;
  const { key } = standing;
  if (isNamed(place) && !suffices(key.identity.role, search.needed)) {
    throw wrongRole(place, key.identity.role, search.needed);
  }
  const path = place.kind === "packed" ? null : place.path;
  return { key, from: placeText(place), path };
}

/** Every place, for people who wonder which key is used. */
export function surveyKeys(options: PlacesOptions): SurveyedPlace[] {
  const places = keyPlaces(options);
  const surveyed = places.map((place): SurveyedPlace => ({
    place,
    standing: standingAt(place),
    usedFor: [],
  }));
  const at = (place: KeyPlace): SurveyedPlace | undefined =>
    surveyed.find((entry) => entry.place === place);
  for (const needed of roles) {
    const chosen = choose(places, needed, (place) => at(place)?.standing ?? { kind: "none" });
    if (chosen?.standing.kind !== "key") continue;
    if (!suffices(chosen.standing.key.identity.role, needed)) continue;
    at(chosen.place)?.usedFor.push(needed);
  }
  return surveyed;
}

/** "an operator's". */
export function roleText(role: Role): string {
  return role === "node" ? "a node's" : `an ${role}'s`;
}

/** "the packed key", or the path in quotes. */
export function placeText(place: KeyPlace): string {
  return place.kind === "packed" ? packedPlace : quote(place.path ?? "");
}

/** The place that decides, whether it has a key or refuses to give it. */
function choose(
  places: readonly KeyPlace[],
  needed: Role,
  look: Look,
): { place: KeyPlace; standing: Exclude<Standing, { kind: "none" }> } | null {
  for (const place of places) {
    if (place.role !== null && !suffices(place.role, needed)) continue;
    const standing = look(place);
    if (standing.kind === "none") continue;
    if (isNamed(place)) return { place, standing };
    if (standing.kind === "key" && suffices(standing.key.identity.role, needed)) {
      return { place, standing };
    }
    if (standing.kind === "refused" && !isForOthers(standing.error)) return { place, standing };
  }
  return null;
}

/** By the user, who means this key and no other. */
const isNamed = ({ kind }: KeyPlace): boolean => kind === "option" || kind === "variable";

/** A key that only root can read, say, was not put there for us. */
const isForOthers = ({ errno }: CtlError): boolean => errno === "EACCES";

function standingAt(place: KeyPlace): Standing {
  const { kind, path } = place;
  try {
    const key = kind === "packed" ? readPackedKey(path) : readKeyFile(path ?? "");
    if (key) return { kind: "key", key };
    return isNamed(place) ? { kind: "refused", error: absent(place) } : { kind: "none" };
  } catch (error) {
    if (error instanceof CtlError) return { kind: "refused", error };
    throw error;
  }
}

function absent(place: KeyPlace): CtlError {
  return new CtlError("key-missing", `There is no key ${placeText(place)}${byWhom(place)}`);
}

function wrongRole(place: KeyPlace, role: Role, needed: Role): CtlError {
  const what = `The key ${placeText(place)}${byWhom(place)} is ${roleText(role)}`;
  return new CtlError("key-missing", `${what}: it is no key ${neededText[needed]}`);
}

/** Whoever has forgotten the variable finds it here. */
const byWhom = ({ kind }: KeyPlace): string =>
  kind === "variable" ? `, which $${keyVariable} names,` : "";

/** After "key". */
const neededText: Record<Role, string> = {
  node: "for a daemon",
  observer: "that may look",
  operator: "that may run commands",
};

/** Names every key that was passed over. */
function nothingFits(places: readonly KeyPlace[], needed: Role): CtlError {
  const present = places.flatMap((place) => {
    const standing = standingAt(place);
    if (standing.kind === "none") return [];
    const isRead = standing.kind === "key";
    const what = isRead ? `is ${roleText(standing.key.identity.role)}` : "cannot be used";
    return [`${placeText(place)} ${what}`];
  });
  const directories = places.flatMap(({ kind, path }) =>
    kind === "directory" ? [quote((path ?? "").replace(/\/[^/]*$/, ""))] : [],
  );
  const nowhere = `none is packed into ctl, and there is none in ${[...new Set(directories)].join(" or ")}`;
  const why = present.length > 0 ? present.join(", ") : nowhere;
  const hint =
    needed === "node"
      ? "on the controller, ctl init makes ctl-node, which has one; or name a key with --key"
      : "ctl init makes a cluster and its keys; or name a key with --key";
  return new CtlError("key-missing", `No key ${neededText[needed]}: ${why}`, { hint });
}
