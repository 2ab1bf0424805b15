// Which schema the generated files come from and what they were when they were made, in the form of sha256sum: stale or
// edited files are noticed without the compiler.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Stands beside the generated files. */
export const stampName = "sha256sums";

/** @param generated the folder of the generated files */
export async function stampOf(root: string, generated: string): Promise<string> {
  const schema = await sumsOf(join(root, "schema"), "schema/", ".fbs");
  return schema + (await sumsOf(generated, "src/wire/generated/", ".ts"));
}

async function sumsOf(folder: string, shown: string, ending: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending));
  const lines = names.toSorted().map(async (name) => {
    const bytes = await Bun.file(join(folder, name)).bytes();
    return `${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${shown}${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}
