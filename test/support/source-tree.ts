// The sources of this project as text, for the tests that judge how they are written. Knows nothing of what they do.

import { dirname, join, normalize } from "node:path";

export const root = dirname(dirname(import.meta.dir));

export interface SourceFile {
  /** From the root of the project: "src/wire/frames.ts". */
  path: string;
  text: string;
  /** `text` with its comments blanked; every line keeps its number. */
  code: string;
}

export interface Import {
  /** As written: "./frames.ts", "node:fs"; null when it is computed at run time. */
  specifier: string | null;
  /** The imported file of ours, from the root; null for packages. */
  target: string | null;
  kind: "static" | "side-effect" | "dynamic" | "re-export";
  isTypeOnly: boolean;
}

/** Matching files in order of their path, but nothing that a tool wrote. */
export async function sourceFiles(...patterns: readonly string[]): Promise<SourceFile[]> {
  const paths = new Set<string>();
  for (const pattern of patterns) {
    for await (const path of new Bun.Glob(pattern).scan({ cwd: root, dot: true })) paths.add(path);
  }
  const written = [...paths].filter((path) => !isMachineMade(path)).toSorted();
  return await Promise.all(
    written.map(async (path) => {
      const text = await Bun.file(join(root, path)).text();
      return { path, text, code: withoutComments(text) };
    }),
  );
}

export const isMachineMade = (path: string): boolean =>
  /^(node_modules|dist|\.git)\/|^src\/wire\/generated\/|^src\/launcher\/image\//.test(path);

/** Every way to name another module. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  for (const { groups } of file.code.matchAll(importPattern)) {
    const specifier = groups?.["from"] ?? groups?.["bare"] ?? groups?.["lazy"] ?? null;
    const keyword = groups?.["keyword"];
    const isExport = keyword === "export";
    const isFrom = groups?.["from"] !== undefined;
    const isBare = groups?.["bare"] !== undefined;
    found.push({
      specifier,
      target: specifier?.startsWith(".") ? normalize(join(dirname(file.path), specifier)) : null,
      kind: isExport ? "re-export" : isFrom ? "static" : isBare ? "side-effect" : "dynamic",
      isTypeOnly: isFrom && /^\s*type\b/.test(groups?.["names"] ?? ""),
    });
  }
  return found;
}

const importPattern = new RegExp(
  [
    // import … from "x", export … from "x"
    String.raw`^(?<keyword>import|export)\b(?<names>[^"'();]*?)\bfrom\s*["'](?<from>[^"']+)["']`,
    // import "x"
    String.raw`^import\s*["'](?<bare>[^"']+)["']`,
    // import("x"), and import(anything else) without a specifier
    String.raw`\bimport\s*\(\s*(?:["'](?<lazy>[^"']+)["'])?`,
  ].join("|"),
  "gm",
);

/** A comment starts a line or follows a blank; that spares the slashes of addresses in strings. */
function withoutComments(text: string): string {
  return text.replaceAll(/(?<=^|\s)\/\*[^]*?\*\//g, blank).replaceAll(/(?<=^|\s)\/\/.*$/gm, blank);
}

const blank = (comment: string): string => comment.replaceAll(/[^\n]/g, " ");
