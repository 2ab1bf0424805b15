// Which schema the generated files come from, in the form of sha256sum, so that stale output is noticed without the
// compiler.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

export async function schemaStamp(root: string): Promise<string> {
  const names = (await readdir(join(root, "schema"))).filter((name) => name.endsWith(".fbs"));
  const lines = names.toSorted().map(async (name) => {
    const bytes = await Bun.file(join(root, "schema", name)).bytes();
    return `${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  schema/${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}
