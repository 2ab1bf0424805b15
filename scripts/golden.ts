// Writes the frames of samples that have none yet. It never overwrites one: they define the protocol.

import { messageCodec } from "../src/capability/messages.ts";
import { goldenPath, samples } from "../test/golden/samples.ts";

const codec = messageCodec();
let written = 0;
for (const [name, { operation, message }] of samples) {
  const file = Bun.file(goldenPath(name));
  if (await file.exists()) continue;
  await Bun.write(file, codec.encode(operation, message));
  written += 1;
}
console.log(`${written} of ${samples.size} frames were new`);
