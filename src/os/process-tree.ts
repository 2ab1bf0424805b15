// Who lives below a process, from /proc. A snapshot: whoever forks meanwhile may be missing.

const commandBytesMax = 80;
/** A tree that forks faster than we look is never seen whole. */
const looksMax = 10;

export interface TreeMember {
  pid: number;
  /** The command line, shortened; in brackets the bare name of one that has none. */
  command: string;
}

/**
 * Living descendants of `root`, itself left out, parents before their children; at most `most` of them. With a root that
 * adopts orphans nobody is missed because a parent ends while we look: the root is looked at again.
 */
export function descendantsOf(root: number, most: number): TreeMember[] {
  const seen = new Set<number>();
  const found: TreeMember[] = [];
  for (let looks = 0; looks < looksMax; looks++) {
    const before = seen.size;
    const queue = [root];
    for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
      for (const child of childrenOf(pid).filter((each) => !seen.has(each))) {
        seen.add(child);
        queue.push(child);
        if (found.length === most) return found;
        const command = commandOf(child);
        if (command !== null) found.push({ pid: child, command });
      }
    }
    if (seen.size === before) break;
  }
  return found;
}

/** Every thread has children of its own. */
function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const thread of namesIn(`/proc/${pid}/task`)) {
    const text = textOf(`/proc/${pid}/task/${thread}/children`) ?? "";
    children.push(...text.split(" ").filter(Boolean).map(Number));
  }
  return children;
}

/** Null when it is dead: a zombie has neither memory nor command line. */
function commandOf(pid: number): string | null {
  const status = textOf(`/proc/${pid}/status`);
  if (status === null) return null;
  const state = /^State:\t(\S)/m.exec(status)?.[1];
  const threads = Number(/^Threads:\t(\d+)/m.exec(status)?.[1] ?? 0);
  if (state === "X" || (state === "Z" && threads <= 1)) return null;
  const line = textOf(`/proc/${pid}/cmdline`)?.replace(/\0+$/, "").replaceAll("\0", " ");
  const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? "?";
  return shortened(line === undefined || line === "" ? `[${name}]` : line);
}

function shortened(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= commandBytesMax) return text;
  // A character that is cut in two is left out.
  const head = new TextDecoder().decode(bytes.subarray(0, commandBytesMax - 3), { stream: true });
  return `${head}…`;
}

// Files of Node's are loaded when somebody asks, which is seldom: loading them costs 2 ms.
const files = () => process.getBuiltinModule("node:fs");

/** Null when the process has gone. */
function textOf(path: string): string | null {
  try {
    return files().readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function namesIn(path: string): string[] {
  try {
    return files().readdirSync(path);
  } catch {
    return [];
  }
}
