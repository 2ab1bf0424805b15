// Programs that run while others are measured: started, waited for until they say that they are ready, ended by whoever started them.

const readyMsMax = 15_000;
const pollMs = 20;

export interface Background extends AsyncDisposable {
  /** The part of its first lines that was asked for. */
  readonly ready: string;
}

export interface BackgroundOptions {
  env?: Record<string, string | undefined>;
  /** Its first group is what `ready` becomes. */
  pattern: RegExp;
}

/** Starts `command` and reads its stdout until `pattern` is found there. */
export async function startBackground(
  command: readonly string[],
  options: BackgroundOptions,
): Promise<Background> {
  const child = Bun.spawn([...command], {
    ...(options.env ? { env: options.env } : {}),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const late = setTimeout(() => child.kill("SIGKILL"), readyMsMax);
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child.exited;
  };
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    const ready = options.pattern.exec(text)?.[1];
    if (ready === undefined) continue;
    clearTimeout(late);
    return { ready, [Symbol.asyncDispose]: stop };
  }
  const complaint = await new Response(child.stderr).text();
  throw new Error(`${command.join(" ")} did not get ready: ${text}${complaint}`);
}

/** For programs that say nothing: asks until the answer is yes. */
export async function untilReady(what: string, isReady: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyMsMax;
  while (!(await isReady())) {
    if (performance.now() > deadline) throw new Error(`${what} did not get ready`);
    await Bun.sleep(pollMs);
  }
}
