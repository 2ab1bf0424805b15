// Which role a message needs: one table for all of them. What is not in it does not compile, and what nobody may say is refused.

import { type Role, suffices } from "../../keys/contract.ts";
import type { Message } from "../messages.ts";

/** "nobody": only a daemon says it. */
export type Needed = Extract<Role, "observer" | "operator"> | "nobody";

export const neededRole: Readonly<Record<Message["kind"], Needed>> = {
  hello: "observer",
  goodbye: "observer",
  ping: "observer",
  pong: "observer",
  refusal: "nobody",
  probe: "observer",
  "probe-reply": "nobody",
  status: "observer",
  "status-reply": "nobody",
  shutdown: "operator",
  start: "operator",
  attach: "operator",
  accepted: "nobody",
  output: "nobody",
  "output-gap": "nobody",
  input: "operator",
  credit: "operator",
  "close-stream": "operator",
  signal: "operator",
  stop: "operator",
  release: "observer",
  event: "nobody",
  revoke: "operator",
  revoked: "nobody",
};

/** Why a controller of this role may not say this; null when it may. */
export function refusalOf(role: Role, kind: Message["kind"]): string | null {
  const needed = neededRole[kind];
  if (needed !== "nobody" && suffices(role, needed)) return null;
  if (needed === "nobody") return `"${kind}" is for daemons to say`;
  return `"${kind}" needs a key of role "${needed}", and this one is of role "${role}"`;
}
