// A pseudo-terminal whose other side does only what the test wants: reads late, types, hangs up.

import { closeSync, constants, openSync } from "node:fs";

import { libc, must } from "../../src/os/libc.ts";

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const OPOST = 1;

export interface Terminal {
  /** What the person in front of it reads from and types into. */
  readonly masterFd: number;
  /** What a program is given as stdin or stdout. */
  readonly slaveFd: number;
  close(): void;
}

/** Output passes unchanged; input comes in whole lines. */
export function openTerminal(): Terminal {
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const masterFd = openSync("/dev/ptmx", flags);
  must("ioctl", libc().ioctl(masterFd, TIOCSPTLCK, new Int32Array(1)));
  const number = new Int32Array(1);
  must("ioctl", libc().ioctl(masterFd, TIOCGPTN, number));
  const slaveFd = openSync(`/dev/pts/${number[0]}`, flags);
  const settings = new Uint32Array(16);
  must("ioctl", libc().ioctl(slaveFd, TCGETS, settings));
  // c_oflag: without it the terminal writes "\r\n" for "\n".
  settings[1] = (settings[1] ?? 0) & ~OPOST;
  must("ioctl", libc().ioctl(slaveFd, TCSETS, settings));
  return {
    masterFd,
    slaveFd,
    close: () => {
      closeSync(masterFd);
      closeSync(slaveFd);
    },
  };
}
