// Programs of the operating system that the gate and the benchmarks use, and that a fresh machine may lack. Installs what is
// missing where that is possible without asking (root on Debian and its kin); elsewhere says what is missing and why.

export interface SystemProgram {
  program: string;
  /** Its name for apt. */
  package: string;
  usedBy: "gate" | "bench";
  reason: string;
}

export const systemPrograms: readonly SystemProgram[] = [
  {
    program: "gcc",
    package: "gcc",
    usedBy: "gate",
    reason: "rebuilds the launcher and compares it with the committed bytes",
  },
  {
    program: "flatc",
    package: "flatbuffers-compiler",
    usedBy: "gate",
    reason: "compares the generated code with the schema",
  },
  {
    program: "gcc",
    package: "gcc",
    usedBy: "gate",
    reason: "compiles the wrong clock that nodes must live with",
  },
  {
    program: "ip",
    package: "iproute2",
    usedBy: "gate",
    reason: "makes the network between two machines on one",
  },
  { program: "gcc", package: "gcc", usedBy: "bench", reason: "compiles the C references" },
  {
    program: "ssh",
    package: "openssh-client",
    usedBy: "bench",
    reason: "is what ctl is compared to",
  },
  {
    program: "sshd",
    package: "openssh-server",
    usedBy: "bench",
    reason: "is what ssh is measured against",
  },
];

/** What `user` would use and does not find. */
export function missingFor(user: SystemProgram["usedBy"]): SystemProgram[] {
  return systemPrograms.filter((entry) => entry.usedBy === user && pathOf(entry.program) === null);
}

/** Daemons lie outside of an ordinary user's PATH. */
export function pathOf(program: string): string | null {
  return Bun.which(program, { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` });
}

/** Installs what is missing if that can be done without a question; what is missing still. */
export async function installFor(user: SystemProgram["usedBy"]): Promise<SystemProgram[]> {
  const missing = missingFor(user);
  if (missing.length === 0 || process.getuid?.() !== 0 || pathOf("apt-get") === null)
    return missing;
  const packages = missing.map((entry) => entry.package);
  // C programs need the headers, which the compiler's package only recommends.
  if (packages.includes("gcc")) packages.push("libc6-dev");
  if (!(await apt(["install", ...packages]))) {
    // A fresh machine has no lists of packages.
    await apt(["update"]);
    await apt(["install", ...packages]);
  }
  return missingFor(user);
}

async function apt(words: readonly string[]): Promise<boolean> {
  const command = ["apt-get", "-q", "-y", "--no-install-recommends", ...words];
  const child = Bun.spawn(command, {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "ignore"],
  });
  return (await child.exited) === 0;
}
