// A tree that is hard to get rid of, and who of it is alive.

import { descendants } from "./processes.ts";

export interface StubbornTree {
  /** For `sh -c`: starts the tree, says "ready" and stays, as its last process. */
  script: string;
  /** How many processes it has while nothing has ended. */
  size: number;
  /** Those that are alive. */
  alive(): number[];
  /** KILL to all of it. */
  kill(): void;
}

/**
 * Four processes: the command itself, a harmless one, one that ignores all polite signals, and one that does so as an orphan in a
 * session of its own. They sleep for times that no other tree has.
 */
export function stubbornTree(): StubbornTree {
  const mark = 100_000 + Math.floor(Math.random() * 900_000);
  const sleeps = ["1", "2", "3", "4"].map((index) => `sleep ${mark}.${index}`);
  const [own, harmless, deaf, orphan] = sleeps;
  const alive = (): number[] =>
    descendants().flatMap((entry) => (sleeps.includes(entry.command) ? entry.pid : []));
  const lines = [
    `${harmless} &`,
    `(trap "" TERM INT HUP; exec ${deaf}) &`,
    // setsid and a parent that ends at once: a daemon of the old school.
    `setsid sh -c 'trap "" TERM INT HUP; ${orphan} & exit 0'`,
    "echo ready",
    `exec ${own}`,
  ];
  return {
    script: lines.join("\n"),
    size: sleeps.length,
    alive,
    kill: () => {
      for (const pid of alive()) process.kill(pid, "SIGKILL");
    },
  };
}
