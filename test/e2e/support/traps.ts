// Foreign code that waits for ctl: in the directory where it is started, and in the variables that the runtime looks at.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const packages = [
  "flatbuffers",
  "@peculiar/x509",
  "reflect-metadata",
  "bun",
  "ctl",
  "ws",
  "undici",
];
const sources = ["preload.js", "preload.mjs", "preload.cjs", "preload.ts", "index.ts", "index.js"];
const entries = [
  "main.ts",
  "main.js",
  "src/main.ts",
  "ctl/index.ts",
  "ctl.ts",
  "version",
  "ping.ts",
];

const line = (name: string): string => JSON.stringify(`${name}\n`);

/** A directory where everything waits that the runtime has ever looked at by itself; each leaves its name in the file `sprung`. */
export function setTraps(trap: string, sprung: string): void {
  for (const [name, text] of Object.entries(trapFiles(trap, sprung))) {
    mkdirSync(dirname(join(trap, name)), { recursive: true });
    writeFileSync(join(trap, name), text);
  }
}

function trapFiles(trap: string, sprung: string): Record<string, string> {
  const esm = (name: string): string =>
    `import { appendFileSync } from "node:fs"; appendFileSync(${JSON.stringify(sprung)}, ${line(name)});\n`;
  const cjs = (name: string): string =>
    `require("node:fs").appendFileSync(${JSON.stringify(sprung)}, ${line(name)});\n`;
  const code = (name: string): string => (/\.(ts|mjs)$/.test(name) ? esm(name) : cjs(name));
  const manifest = {
    name: "ctl",
    main: "./index.js",
    bin: { ctl: "./index.js" },
    bun: { preload: ["./preload.js"] },
    preload: ["./preload.js"],
    imports: { "#*": "./preload.js", flatbuffers: "./preload.js" },
    scripts: { exec: "echo exec >> ../sprung", version: "echo version >> ../sprung" },
  };
  const variables = `PLANTED=1\nBUN_OPTIONS="--preload ${trap}/preload.js"\nNODE_TLS_REJECT_UNAUTHORIZED=0\n`;
  const paths = { "*": ["./preload.ts"], flatbuffers: ["./preload.ts"] };
  return {
    "bunfig.toml":
      'preload = ["./preload.js"]\n[run]\npreload = ["./preload.js"]\n[test]\npreload = "./preload.js"\n',
    ".bunfig.toml": 'preload = ["./preload.js"]\n',
    ".env": variables,
    ".env.local": variables,
    ".env.production": variables,
    ".env.development": variables,
    "package.json": JSON.stringify(manifest),
    "tsconfig.json": JSON.stringify({
      compilerOptions: { baseUrl: ".", paths, plugins: [{ name: "./preload.js" }] },
    }),
    "jsconfig.json": JSON.stringify({ compilerOptions: { baseUrl: ".", paths } }),
    "preload.json": "{}",
    "preload.node": "not even a library",
    "authorities.pem": "not even a certificate",
    ...Object.fromEntries([...sources, ...entries].map((name) => [name, code(name)])),
    ...Object.fromEntries(
      packages.flatMap((name) => [
        [`node_modules/${name}/index.js`, cjs(`node_modules/${name}`)],
        [`node_modules/${name}/package.json`, JSON.stringify({ name, main: "./index.js" })],
      ]),
    ),
  };
}

/** Switches that may be set as one likes: they are without effect on which code runs. */
export function harmlessSwitches(place: {
  directory: string;
  trap: string;
}): Record<string, string> {
  const { directory, trap: folder } = place;
  return {
    NODE_OPTIONS: `--require ${folder}/preload.cjs --import ${folder}/preload.mjs`,
    NODE_PATH: join(folder, "node_modules"),
    NODE_EXTRA_CA_CERTS: join(folder, "authorities.pem"),
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_REPL_EXTERNAL_MODULE: join(folder, "preload.js"),
    BUN_INSPECT_CONNECT_TO: `unix://${directory}/inspector.sock`,
    BUN_INSPECT_NOTIFY: `unix://${directory}/inspector.sock`,
    BUN_CONFIG_FILE: join(folder, "bunfig.toml"),
    BUN_CONFIG_PRELOAD: join(folder, "preload.js"),
    BUN_CONFIG_REGISTRY: "http://127.0.0.1:1/",
    BUN_PRELOAD: join(folder, "preload.js"),
    BUN_INSTALL: folder,
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: join(folder, "cache"),
    BUN_JSC_useJIT: "1",
    XDG_CONFIG_HOME: folder,
    BUN_TMPDIR: folder,
    TMPDIR: folder,
    TEMP: "/nowhere",
  };
}
