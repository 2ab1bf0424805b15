// Hostile frames for as long as one likes: bun scripts/soak/frames.ts [--count 1000000] [--seed N]. Prints what happened
// as JSON, and fails with the seed and the frame when the codec broke a promise.

import { parseArgs } from "node:util";

import { attack } from "../../test/wire/attack.ts";

const { values } = parseArgs({
  options: { count: { type: "string" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 32);
const started = performance.now();
const report = attack({ count: Number(values.count ?? 1_000_000), seed });
const seconds = Math.round(performance.now() - started) / 1_000;
console.log(JSON.stringify({ ...report, seconds }));
