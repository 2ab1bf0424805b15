// The status file: one JSON object per node and line. It is written beside its place and renamed, so that nobody ever reads
// half of it; pipes and devices are written to as they are.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";
import { toJson } from "../base/json-text.ts";
import { nodeFsPromises } from "../os/builtin.ts";
import { isComplete, type NodeEnd } from "./node-end.ts";
import { outcomeJson, usageJson } from "./render/outcome-json.ts";

/** The line of one node. */
export function statusJson(end: NodeEnd): string {
  const { node, result, outcome, exitCode } = end;
  const { stdout, stderr } = result.streams;
  return toJson({
    node,
    process: result.process,
    pid: result.pid,
    ...outcomeJson(outcome),
    exit_code: exitCode,
    complete: isComplete(end),
    started_ns: result.startedNs,
    ended_ns: result.endedNs,
    rusage: result.usage && usageJson(result.usage),
    bytes: { stdout: stdout.written, stderr: stderr.written },
  });
}

/** @throws CtlError("io-failed") */
export async function writeStatusFile(path: Uint8Array, ends: readonly NodeEnd[]): Promise<void> {
  const text = ends.map((end) => `${statusJson(end)}\n`).join("");
  try {
    const target = await replaceable(Buffer.from(path));
    if (target) await replace(target, text);
    else await nodeFsPromises().appendFile(Buffer.from(path), text);
  } catch (error) {
    const errno = error instanceof Error && "code" in error ? String(error.code) : "EIO";
    const hint = "choose a file in a directory that can be written to";
    const message = `Cannot write --status-file ${quote(path)}: ${errno}`;
    throw new CtlError("io-failed", message, { cause: error, errno, hint });
  }
}

/**
 * The regular file that the path names or will name. Null for what must not be replaced: a pipe, a device, or a link of
 * /dev and /proc such as /dev/stdout, even if it leads to a regular file.
 */
async function replaceable(path: Buffer): Promise<Buffer | null> {
  const found = await nodeFsPromises().lstat(path).catch(nullIfMissing);
  if (!found || found.isFile()) return path;
  if (!found.isSymbolicLink() || /^\/(dev|proc)\//.test(path.toString("latin1"))) return null;
  const target = await nodeFsPromises().realpath(path, { encoding: "buffer" }).catch(nullIfMissing);
  return target === null || (await nodeFsPromises().stat(target)).isFile()
    ? (target ?? path)
    : null;
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}

async function replace(target: Buffer, text: string): Promise<void> {
  const temporary = Buffer.concat([target, Buffer.from(`.${process.pid}.tmp`)]);
  // Exclusive: a link that somebody put there in advance leads nowhere.
  const file = await nodeFsPromises().open(temporary, "wx", 0o666);
  try {
    await file.writeFile(text);
    await file.close();
    await nodeFsPromises().rename(temporary, target);
  } catch (error) {
    await nodeFsPromises()
      .unlink(temporary)
      .catch(() => {});
    throw error;
  }
}
