// Everything of a start that can be done before there are orders: a launcher that waits for them, and the two pipes of
// its child's output.

import { closeOutputPipe, openOutputPipe, type OutputPipe } from "./child-pipes.ts";
import type { LauncherProcess } from "./launcher-process.ts";
import { refusedIn } from "./refusal.ts";

export interface Preparation {
  readonly launcher: LauncherProcess;
  readonly stdout: OutputPipe;
  readonly stderr: OutputPipe;
}

/** @throws StartRefused */
export function prepare(startLauncher: () => LauncherProcess): Preparation {
  using undo = new DisposableStack();
  const stdout = refusedIn("stdio", openOutputPipe);
  undo.defer(() => closeOutputPipe(stdout));
  const stderr = refusedIn("stdio", openOutputPipe);
  undo.defer(() => closeOutputPipe(stderr));
  const launcher = refusedIn("clone", startLauncher);
  undo.move();
  return { launcher, stdout, stderr };
}

/** For a preparation that nobody will use. */
export function discard({ launcher, stdout, stderr }: Preparation): void {
  launcher.release();
  closeOutputPipe(stdout);
  closeOutputPipe(stderr);
}
