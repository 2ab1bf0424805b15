// Signals by name and number: Linux on x86-64 and arm64, where they are the same.

const names: readonly string[] = [
  ..."HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT".split(" "),
  ..."CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(" "),
];

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGTERM = 15;
export const SIGCONT = 18;
export const SIGWINCH = 28;

/** As the C library counts them: the kernel's first two real-time signals belong to its threads. */
const realTimeMin = 34;
const realTimeMax = 64;

const otherNames: ReadonlyMap<string, number> = new Map([
  ["IOT", 6],
  ["CLD", 17],
  ["POLL", 29],
]);

/** "SIGKILL", "SIGRTMIN+3"; "SIG99" for a number that has no name. */
export function signalName(signal: number): string {
  const name = names[signal - 1];
  if (name !== undefined) return `SIG${name}`;
  if (signal === realTimeMin) return "SIGRTMIN";
  if (signal === realTimeMax) return "SIGRTMAX";
  if (signal > realTimeMin && signal < realTimeMax) return `SIGRTMIN+${signal - realTimeMin}`;
  return `SIG${signal}`;
}

/** "KILL", "SIGKILL", "sigkill", "9", "RTMIN+3", "RTMAX-1"; null for what is none. */
export function signalNumber(text: string): number | null {
  if (/^\d{1,3}$/.test(text)) return inRange(Number(text));
  const name = text.toUpperCase().replace(/^SIG/, "");
  const index = names.indexOf(name);
  if (index >= 0) return index + 1;
  const realTime = /^RT(?:(MIN)(?:\+(\d{1,2}))?|(MAX)(?:-(\d{1,2}))?)$/.exec(name);
  if (!realTime)
    return otherNames.get(name) ?? (/^\d{1,3}$/.test(name) ? inRange(Number(name)) : null);
  const [, min, above = "0", , below = "0"] = realTime;
  const signal = min ? realTimeMin + Number(above) : realTimeMax - Number(below);
  return signal >= realTimeMin && signal <= realTimeMax ? signal : null;
}

const inRange = (signal: number): number | null =>
  signal >= 1 && signal <= realTimeMax ? signal : null;
