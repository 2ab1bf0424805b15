// Appends numbered records to a file that others write to as well. argv: PATH NAME COUNT BYTES-MAX FILES-KEPT [FULL]. With FULL the file
// system is a small one: it writes until a record is lost, makes room by removing the file FULL, and then writes COUNT more.
// Prints one JSON object: how many records were refused, what was reported, how long it took.

import { rmSync, writeFileSync } from "node:fs";

import { AppendFile } from "../../../src/os/append-file.ts";
import { SystemClock } from "../../../src/os/clock.ts";

const [path = "", name = "", count = "", bytesMax = "", filesKept = "", full = ""] =
  process.argv.slice(2);
const reports: string[] = [];
const file = new AppendFile({
  path,
  clock: new SystemClock(),
  bytesMax: Number(bytesMax),
  filesKept: Number(filesKept),
  heading: () => JSON.stringify({ heading: name }),
  report: (text) => reports.push(text),
});
let next = 0;
let refused = 0;
const written: number[] = [];

function append(): boolean {
  const number = next;
  next += 1;
  const isWritten = file.append(JSON.stringify({ name, number, pad: "x".repeat(number % 97) }));
  if (isWritten) written.push(number);
  else refused += 1;
  return isWritten;
}

const began = performance.now();
if (full !== "") {
  while (append());
  for (let more = 0; more < 10; more += 1) append();
  rmSync(full);
}
for (let left = Number(count); left > 0; left -= 1) append();
const microseconds = ((performance.now() - began) * 1_000) / next;
file.close();
const facts = { refused, reports, microseconds, written: full === "" ? [] : written };
writeFileSync(1, JSON.stringify(facts));
