// Reads its own stdin through the code under test and prints what came. argv: HOW-MANY-READS ("all" or a number), then
// "close" to close and end by itself instead of being ended.

import { writeFileSync } from "node:fs";

import { openStandardInput } from "../../../src/os/standard-input.ts";

const [reads = "all", ending = "exit"] = process.argv.slice(2);
const input = openStandardInput(0);
const hash = new Bun.CryptoHasher("sha256");
let bytes = 0;
let hasEnded = false;
const report = (): void => {
  const facts = { bytes, hasEnded, failure: input.failure, hash: hash.digest("hex") };
  writeFileSync(process.env["REPORT"] ?? "/dev/null", JSON.stringify(facts));
  if (ending === "exit") process.exit(0);
  input.close();
};

let left = reads === "all" ? Number.POSITIVE_INFINITY : Number(reads);
function next(): void {
  if (left === 0) {
    // A read that nobody will answer is under way when the program ends.
    input.read(() => {});
    return report();
  }
  left -= 1;
  input.read((piece) => {
    if (piece === null) {
      hasEnded = true;
      return report();
    }
    hash.update(piece);
    bytes += piece.length;
    next();
  });
}
next();
