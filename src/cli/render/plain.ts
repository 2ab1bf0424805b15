// The two simplest ways to show output: as it is, and not at all.

import type { NodeOutput, Renderer, Shown } from "./renderer.ts";

/** One node: its bytes untouched. */
export class RawRenderer implements Renderer {
  begin(): null {
    return null;
  }

  output({ stream, piece }: NodeOutput): Shown {
    return { to: stream, bytes: piece.bytes };
  }

  news(): null {
    return null;
  }

  ended(): Shown[] {
    return [];
  }
}

/** Output is taken and forgotten, so that the command is never blocked. */
export class QuietRenderer implements Renderer {
  begin(): null {
    return null;
  }

  output(): null {
    return null;
  }

  news(): null {
    return null;
  }

  ended(): Shown[] {
    return [];
  }
}
