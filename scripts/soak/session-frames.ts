// Hostile messages behind a valid hello for as long as one likes: bun scripts/soak/session-frames.ts [--count 10000000] [--seed N]
// [--audit DIRECTORY]. Prints what happened as JSON, and fails with the seed and the message when a promise was broken.

import { parseArgs } from "node:util";

import { attackSessions } from "../../test/session/session-attack.ts";

const { values } = parseArgs({
  options: { count: { type: "string" }, seed: { type: "string" }, audit: { type: "string" } },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 32);
const count = Number(values.count ?? 10_000_000);
console.error(`seed ${seed}`);
const started = performance.now();
const report = await attackSessions({ count, seed, auditDirectory: values.audit ?? null });
const seconds = Math.round(performance.now() - started) / 1_000;
console.log(JSON.stringify({ ...report, seconds }));
