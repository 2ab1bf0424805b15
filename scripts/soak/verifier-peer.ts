// Our verifier against the one that flatc generates for C++, on the same spoiled frames:
// bun scripts/soak/verifier-peer.ts [--count 200000] [--seed N]. Needs g++, flatbuffers-compiler, libflatbuffers-dev.
// Fails when ours accepts what the other refuses. Ours refuses more, on purpose: what stands outside its table, and
// required unions that are half there.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { schema } from "../../src/wire/generated/tables.ts";
import { Verifier } from "../../src/wire/verifier.ts";
import { spoil } from "../../test/wire/mutant.ts";
import { Seeded } from "../../test/wire/seeded.ts";
import { targetsOf } from "../../test/wire/targets.ts";

const root = join(import.meta.dir, "../..");

/** Reads frames with their length, answers each with one character. */
const peerSource = `
#include "message_generated.h"
#include <cstdio>
#include <cstring>
#include <vector>
int main() {
  uint32_t length;
  while (fread(&length, 4, 1, stdin) == 1) {
    std::vector<uint64_t> room(length / 8 + 2);
    auto frame = reinterpret_cast<uint8_t *>(room.data());
    memcpy(frame, &length, 4);
    if (fread(frame + 4, 1, length, stdin) != length) return 1;
    flatbuffers::Verifier verifier(frame, length + 4, 16, 1000000);
    putchar(ctl::wire::VerifySizePrefixedMessageBuffer(verifier) ? '+' : '-');
  }
}`;

const { values } = parseArgs({
  options: { count: { type: "string" }, seed: { type: "string" } },
});
const count = Number(values.count ?? 200_000);
const seed = Number(values.seed ?? Date.now() % 2 ** 32);
const workspace = await mkdtemp(join(tmpdir(), "ctl-peer-"));
try {
  await compare();
} finally {
  await rm(workspace, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  const frames = spoiledFrames();
  const theirs = await verdictsOfPeer(frames);
  const verifier = new Verifier(schema);
  const tally = { seed, count, both: 0, neither: 0, onlyPeer: 0, onlyOurs: 0 };
  const reasons = new Map<string, number>();
  for (const [index, frame] of frames.entries()) {
    const isOurs = verifier.verify(frame) !== "refused";
    const isTheirs = theirs[index] === "+";
    tally[isOurs ? (isTheirs ? "both" : "onlyOurs") : isTheirs ? "onlyPeer" : "neither"] += 1;
    if (isOurs && !isTheirs) console.error(Buffer.from(frame).toString("hex"));
    if (isOurs || !isTheirs) continue;
    const reason = verifier.fault.replace(/^[^:]*: /, "");
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  console.log(JSON.stringify({ ...tally, refusedByUsOnly: Object.fromEntries(reasons) }));
  if (theirs.length !== count || tally.onlyOurs > 0) process.exitCode = 1;
}

function spoiledFrames(): Uint8Array[] {
  const random = new Seeded(seed);
  const targets = targetsOf(seed);
  return Array.from({ length: count }, () => {
    const sample = random.pick(targets);
    const frame = sample.frame.slice();
    return frame.subarray(0, spoil(frame, sample, random));
  });
}

async function verdictsOfPeer(frames: readonly Uint8Array[]): Promise<string> {
  await Bun.write(join(workspace, "peer.cpp"), peerSource);
  run(["flatc", "--cpp", "--gen-all", "-o", workspace, join(root, "schema/message.fbs")]);
  run(["g++", "-std=c++17", "-O2", "-o", join(workspace, "peer"), join(workspace, "peer.cpp")]);
  const prefixed = frames.flatMap((frame) => [prefixOf(frame), Buffer.from(frame)]);
  return run([join(workspace, "peer")], new Blob([Buffer.concat(prefixed)]));
}

function prefixOf(frame: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(frame.length);
  return prefix;
}

function run(argv: string[], input?: Blob): string {
  const result = Bun.spawnSync(argv, { stdin: input ?? "ignore", maxBuffer: 1e9 });
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout.toString();
}
