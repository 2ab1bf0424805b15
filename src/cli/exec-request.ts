// What `ctl exec` asks of a node, from its options and the command's words.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import type { ExecRequest } from "../capability/process/call.ts";
import { startBytes, type StartStrings, stringBytes } from "../capability/process/start-size.ts";
import { nodeFs } from "../os/builtin.ts";
import { argvEnvBytesMax, frameBytesMax } from "../wire/limits.ts";
import { wordsOf } from "./argv.ts";
import type { ExecOptions } from "./syntax/exec.ts";

/** Everything but the key, which every node gets its own of. @throws CtlError("usage") */
export async function requestOf(
  options: ExecOptions,
  command: readonly Uint8Array[],
): Promise<Omit<ExecRequest, "key">> {
  const request = {
    argv: options.shell ? throughShell(command) : [...command],
    env: await environment(options),
    directory: options.directory ?? new Uint8Array(),
    timeoutMs: options.timeoutMs,
    graceMs: options.graceMs,
    onDisconnect: options.onDisconnect.policy,
    leaseMs: options.onDisconnect.leaseMs,
    tree: options.tree,
  };
  refuseTooLong(request);
  return request;
}

function throughShell(words: readonly Uint8Array[]): Uint8Array[] {
  const blank = Buffer.from(" ");
  const line = Buffer.concat(words.flatMap((word, at) => (at === 0 ? [word] : [blank, word])));
  return [Buffer.from("/bin/sh"), Buffer.from("-c"), line];
}

/** Loaded only when there is something to do: most commands give no variables. */
async function environment(options: ExecOptions): Promise<Uint8Array[]> {
  const { exported, envFiles, env } = options;
  if (exported.kind === "none" && envFiles.length === 0 && env.length === 0) return [];
  const { requestedEnvironment } = await import("./request-environment.ts");
  return requestedEnvironment(options, {
    caller: () =>
      wordsOf(nodeFs().readFileSync("/proc/self/environ")).filter((word) => word.includes(0x3d)),
    readFile,
  });
}

function readFile(path: Uint8Array): Uint8Array {
  try {
    return nodeFs().readFileSync(Buffer.from(path));
  } catch (error) {
    const errno = error instanceof Error && "code" in error ? String(error.code) : "EIO";
    throw new CtlError("usage", `Cannot read --env-file ${quote(path)}: ${errno}`, {
      cause: error,
      errno,
    });
  }
}

/** By what Linux counts, and by what a frame holds: many short words meet the second limit first. */
function refuseTooLong(request: StartStrings): void {
  const { argv, env } = request;
  const counted = stringBytes(request);
  if (counted > argvEnvBytesMax) {
    throw tooLong(`arguments and environment have ${counted} bytes`, argvEnvBytesMax);
  }
  const sent = startBytes(request);
  if (sent > frameBytesMax) {
    const count = argv.length + env.length;
    throw tooLong(`${count} arguments and variables take ${sent} bytes to send`, frameBytesMax);
  }
}

function tooLong(what: string, bytesMax: number): CtlError {
  return new CtlError("usage", `request: E2BIG: ${what}, at most ${bytesMax} are possible`, {
    hint: "send long lists through a file or stdin, for example with xargs",
    errno: "E2BIG",
  });
}
