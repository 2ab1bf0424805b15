// The style guide (docs/style.md) as far as a machine can judge it. A rule that has been argued about twice becomes a test here.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import { root, type SourceFile, sourceFiles } from "./support/source-tree.ts";

const fileLinesMax = 400;

const sources = await sourceFiles("src/**/*.ts");
const tests = await sourceFiles("test/**/*.ts");
const scripts = await sourceFiles("scripts/**/*.{ts,mjs}");
const native = await sourceFiles("src/**/*.{c,h,S}", "scripts/**/*.{c,h}");
const prose = await sourceFiles(
  "*.md",
  "docs/**/*.md",
  "schema/*.fbs",
  "*.json",
  "*.toml",
  ".ci/*",
);
const typescript = [...sources, ...tests, ...scripts];
const everything = [...typescript, ...native, ...prose];

/** "path:line: text" of every line where `pattern` is found, in the code unless told to look at all of it. */
function hits(
  files: readonly SourceFile[],
  pattern: RegExp,
  where: "code" | "text" = "code",
): string[] {
  return files.flatMap((file) =>
    file[where]
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file.path}:${index + 1}: ${line.trim().slice(0, 90)}`] : [],
      ),
  );
}

const outside = (...folders: readonly string[]): SourceFile[] =>
  sources.filter((file) => !folders.some((folder) => file.path.startsWith(`src/${folder}`)));

test("there is something to judge", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(tests.length).toBeGreaterThan(20);
  expect(prose.length).toBeGreaterThan(5);
});

test("the judge can see: a planted line is found, and one in a comment is not", () => {
  const text = 'const a = 1; // process.env\nconst b = process.env["X"];';
  const code = text.replace(/ \/\/.*/, "");
  expect(hits([{ path: "x.ts", text, code }], /process\.env/)).toEqual([
    'x.ts:2: const b = process.env["X"];',
  ]);
});

test(`no file is longer than ${fileLinesMax} lines`, () => {
  const long = [...typescript, ...native].flatMap(({ path, text }) => {
    const lines = text.split("\n").length - 1;
    return lines > fileLinesMax ? [`${path}: ${lines}`] : [];
  });
  expect(long).toEqual([]);
});

test("every file begins by saying what it is", () => {
  const silent = [...typescript, ...native].filter(
    ({ path, text }) => !/^(#!.*\n)?\/[/*] ?\S/.test(text) && !isNamed(path),
  );
  expect(silent.map((file) => file.path)).toEqual([]);
});

/** A test that is named for the file it tests has said enough. */
function isNamed(path: string): boolean {
  const subject = path.replace(/^test\/(.*)\.test\.ts$/, "src/$1.ts");
  return subject !== path && sources.some((file) => file.path === subject);
}

test("nobody writes to the terminal behind the back of cli/console", () => {
  expect(hits(sources, /\bconsole\.(log|error|warn|info|debug|trace)\b/)).toEqual([]);
  expect(hits(outside("cli/", "os/"), /\bprocess\.(stdout|stderr|stdin)\b/)).toEqual([]);
});

test("the environment of the process is read only at the top", () => {
  expect(hits(outside("cli/", "main.ts"), /\b(process|Bun)\.env\b/)).toEqual([]);
});

test("only main ends the process", () => {
  expect(hits(outside("main.ts"), /\bprocess\.(exit|abort|reallyExit|exitCode)\b/)).toEqual([]);
});

test("time, chance and timers come from os or are passed in", () => {
  expect(
    hits(outside("os/"), /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bBun\.nanoseconds\b/),
  ).toEqual([]);
  expect(hits(outside("os/"), /\bMath\.random\b/)).toEqual([]);
  expect(hits(outside("os/"), /\bcrypto\.(getRandomValues|randomUUID|randomBytes)\b/)).toEqual([]);
  // Transports and launchers are outside the simulated world, at the edge, as os is.
  expect(
    hits(
      outside("os/", "transport/", "launcher/"),
      /\b(setTimeout|setInterval|setImmediate|Bun\.sleep)\b/,
    ),
  ).toEqual([]);
});

test("nothing is left for later in a comment", () => {
  // Put together here, or this very line would be found.
  const marks = ["TO-DO", "FIX-ME", "X-XX", "HA-CK"].map((mark) => mark.replace("-", ""));
  const pattern = new RegExp(`(//|\\*|#|<!--|--).*\\b(${marks.join("|")})\\b`);
  expect(hits(everything, pattern, "text")).toEqual([]);
});

test("exports have names", () => {
  expect(hits(typescript, /^export default\b|\bas default\b/)).toEqual([]);
});

test("no test is skipped, put off, or run alone", () => {
  expect(hits(tests, /\b(test|it|describe)\.(skip|only|todo|skipIf|todoIf|if|failing)\b/)).toEqual(
    [],
  );
});

test("no test sleeps for luck: one that pauses says why on the line above", () => {
  const pauses = tests.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    return lines.flatMap((line, index) => {
      const isPause = /\bBun\.sleep(Sync)?\((?!0\))|\bsetTimeout\((resolve|done)\b/.test(line);
      const isExplained = /^\s*\/\/ \S/.test(lines[index - 1] ?? "");
      return isPause && !isExplained && path !== "test/support/until.ts"
        ? [`${path}:${index + 1}: ${line.trim()}`]
        : [];
    });
  });
  expect(pauses).toEqual([]);
});

test("every test asserts something", () => {
  const mute = tests.filter(
    ({ path, code }) => path.endsWith(".test.ts") && !/\bexpect\w*[(.]/.test(code),
  );
  expect(mute.map((file) => file.path)).toEqual([]);
});

test("tests lie where their subjects lie", () => {
  const elsewhere = /^test\/(e2e|simulation|support|golden|scripts)\/|^test\/[a-z]+\.test\.ts$/;
  const homeless = tests.filter(
    ({ path }) =>
      !elsewhere.test(path) &&
      !existsSync(
        join(
          root,
          dirname(path)
            .replace(/^test/, "src")
            .replace(/\/programs$/, ""),
        ),
      ),
  );
  expect(homeless.map((file) => file.path)).toEqual([]);
});

test("every part of src has tests of its own", () => {
  const tested = new Set(
    tests.flatMap(({ path }) => (path.endsWith(".test.ts") ? [dirname(path)] : [])),
  );
  const layers = new Set(sources.flatMap(({ path }) => /^src\/[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  const untested = [...layers].filter((layer) => {
    const folder = layer.replace(/^src/, "test");
    return ![...tested].some((path) => path === folder || path.startsWith(`${folder}/`));
  });
  expect(untested).toEqual([]);
});

test("nothing names a place on somebody's machine", () => {
  expect(hits(everything, /(?<![\w$./-])\/(work|root|home|Users)\/\w/, "text")).toEqual([]);
});

test("names say what a thing is", () => {
  const vague = /(^|[-/])(utils?|helpers?|managers?|misc|common)([-./]|$)/;
  expect(typescript.filter((file) => vague.test(file.path)).map((file) => file.path)).toEqual([]);
  expect(
    hits(typescript, /\b(class|function|const|let|interface|type) \w*(Manager|Helper|Utils?)\b/),
  ).toEqual([]);
});

test("an outcome is never called lost", () => {
  const about = sources.filter(({ path }) => /\/(contract|outcome|lifecycle)\.ts$/.test(path));
  expect(about.length).toBeGreaterThan(3);
  expect(hits(about, /"lost"/)).toEqual([]);
});

test("identifiers use the words of the glossary", async () => {
  const glossary = await Bun.file(join(root, "docs/glossary.md")).text();
  const refused = refusedWords(glossary);
  expect(refused.size).toBeGreaterThan(10);
  const wrong = sources.flatMap((file) =>
    identifiersOf(file.code).flatMap((identifier) => {
      const word = wordsOf(identifier).find((part) => refused.has(part));
      return word === undefined ? [] : [`${file.path}: ${identifier} (${refused.get(word)})`];
    }),
  );
  expect([...new Set(wrong)]).toEqual([]);
});

/** The last column of the table: refused word -> the word to use. */
function refusedWords(glossary: string): Map<string, string> {
  const refused = new Map<string, string>();
  for (const line of glossary.split("\n")) {
    const [word, , not] = line
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    if (word === undefined || not === undefined || word === "Word" || /^-*$/.test(not)) continue;
    for (const other of not.split(",")) refused.set(other.trim(), word);
  }
  return refused;
}

/** Outside of strings, which may quote the words of others. */
function identifiersOf(code: string): string[] {
  const withoutText = code.replaceAll(/(["'`])(?:(?!\1)[^\\]|\\[^])*\1/g, '""');
  return withoutText.match(/[A-Za-z_$][\w$]*/g) ?? [];
}

/** "killReasonOf" -> kill, reason, of, killreason, reasonof. */
function wordsOf(identifier: string): string[] {
  const single = (identifier.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []).map((word) =>
    word.toLowerCase(),
  );
  const double = single.slice(1).map((word, index) => `${single[index]}${word}`);
  return [...single, ...double];
}
