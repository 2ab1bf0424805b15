// Prints the words that it was started with, in hexadecimal.

import { readArguments } from "../../../src/cli/argv.ts";

const words = readArguments().map((word) => Buffer.from(word).toString("hex"));
await Bun.write(Bun.stdout, JSON.stringify(words));
