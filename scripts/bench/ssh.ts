// A private sshd on loopback and open connections to it, with keys, configuration and home of their own: nothing of the user's is
// read or written. Two masters: one with OpenSSH's own choice of cipher, one with its fastest.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { pathOf } from "../system-packages.ts";
import { untilReady } from "./background.ts";

export interface Ssh extends AsyncDisposable {
  /** What comes before the command, to run it over an open connection. */
  readonly overMaster: readonly string[];
  readonly overFastMaster: readonly string[];
  /** A connection of its own for each command. */
  readonly cold: readonly string[];
}

export async function startSsh(directory: string): Promise<Ssh> {
  const sshd = pathOf("sshd");
  if (sshd === null || pathOf("ssh-keygen") === null) throw new Error("sshd is not installed");
  const port = freePort();
  await writeKeys(directory);
  await writeConfigurations(directory, port);
  // The place where sshd of Debian puts its unprivileged half; fixed when it was compiled.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });

  await using owned = new AsyncDisposableStack();
  // sshd starts itself anew for each connection, so it must be called by its full path.
  keep(owned, [sshd, "-D", "-e", "-f", join(directory, "sshd_config")]);
  const configuration = join(directory, "ssh_config");
  const ssh = (...options: string[]): string[] =>
    ["ssh", "-F", configuration].concat(options, "bench-node");
  await untilReady("sshd", () => succeeds([...ssh(), "true"]));

  const master = ["-S", join(directory, "master")];
  const fast = ["-S", join(directory, "fast")];
  keep(owned, ssh("-M", "-N", ...master));
  keep(owned, ssh("-M", "-N", "-c", "aes128-gcm@openssh.com", ...fast));
  await untilReady("the ssh master", () => succeeds(ssh("-O", "check", ...master)));
  await untilReady("the fast ssh master", () => succeeds(ssh("-O", "check", ...fast)));

  const held = owned.move();
  return {
    overMaster: ssh(...master),
    overFastMaster: ssh(...fast),
    cold: ssh(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Starts it and adopts it: it ends with the stack. */
function keep(owner: AsyncDisposableStack, command: readonly string[]): void {
  const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "ignore"] });
  owner.adopt(child, async () => {
    child.kill("SIGTERM");
    await child.exited;
  });
}

async function writeKeys(directory: string): Promise<void> {
  for (const name of ["host", "user"]) {
    const path = join(directory, name);
    const words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path];
    if (!(await succeeds(words))) throw new Error("ssh-keygen failed");
  }
}

async function writeConfigurations(directory: string, port: number): Promise<void> {
  const home = join(directory, "home");
  mkdirSync(home);
  const hostKey = await Bun.file(join(directory, "host.pub")).text();
  await Bun.write(join(directory, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}`);
  await Bun.write(join(directory, "authorized_keys"), Bun.file(join(directory, "user.pub")));
  await Bun.write(
    join(directory, "sshd_config"),
    `ListenAddress 127.0.0.1:${port}
HostKey ${directory}/host
AuthorizedKeysFile ${directory}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
PrintLastLog no
UseDNS no
# An empty home: the shell that runs the command would read the user's start-up files otherwise.
SetEnv HOME=${home}
`,
  );
  await Bun.write(
    join(directory, "ssh_config"),
    `Host bench-node
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${directory}/user
  IdentitiesOnly yes
  UserKnownHostsFile ${directory}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
`,
  );
}

/** Free a moment ago, which is good enough here. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function succeeds(command: readonly string[]): Promise<boolean> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "ignore"] });
  return (await child.exited) === 0;
}
