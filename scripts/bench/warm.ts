// The measuring side of warm-session.ts: one process with one open session, asked for some execs at a time.

import { join } from "node:path";

export interface WarmSession extends AsyncDisposable {
  /** Microseconds of each exec. */
  run(count: number, atOnce: number): Promise<number[]>;
}

export async function openWarmSession(rig: { port: number }): Promise<WarmSession> {
  const program = join(import.meta.dir, "warm-session.ts");
  const child = Bun.spawn([process.execPath, program, "127.0.0.1", String(rig.port)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = linesIn(child.stdout);
  return {
    run: async (count, atOnce) => {
      await child.stdin.write(`${count} ${atOnce}\n`);
      await child.stdin.flush();
      const answer = await answers.next();
      if (answer.done) throw new Error("The measured session has ended");
      const took: number[] = JSON.parse(answer.value);
      return took;
    },
    [Symbol.asyncDispose]: async () => {
      await child.stdin.end();
      await child.exited;
    },
  };
}

async function* linesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + Buffer.from(chunk).toString()).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
