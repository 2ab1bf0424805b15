// The environment that every process starts with: built, never inherited, so that an experiment does not depend on who
// started the daemon and how. What the request gives comes on top.

export interface Account {
  user: string;
  home: string;
  shell: string;
}

export interface BaseEnvironment {
  account: Account;
  /** As the user typed it, or the host's name. */
  node: string;
  /** The process's id. */
  id: string;
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** NAME=VALUE as bytes; a name in `given` replaces the built one, and the last of several wins. */
export function environmentOf(base: BaseEnvironment, given: readonly Uint8Array[]): Uint8Array[] {
  const { account } = base;
  const built = [
    `PATH=${defaultPath}`,
    `HOME=${account.home}`,
    `USER=${account.user}`,
    `LOGNAME=${account.user}`,
    `SHELL=${account.shell}`,
    "LANG=C.UTF-8",
    "TMPDIR=/tmp",
    `CTL_NODE=${base.node}`,
    `CTL_ID=${base.id}`,
  ].map((entry) => Buffer.from(entry));
  const byName = new Map<string, Uint8Array>();
  for (const entry of [...built, ...given]) byName.set(nameOf(entry), entry);
  return [...byName.values()];
}

/** Latin-1 keeps every byte apart, so names that are not UTF-8 stay distinct. */
function nameOf(entry: Uint8Array): string {
  const at = entry.indexOf(0x3d);
  return Buffer.from(at < 0 ? entry : entry.subarray(0, at)).toString("latin1");
}
