// Runs a program that prints numbers.

/** The lines of its stdout. Its stderr is shown. */
export async function linesOf(
  command: readonly string[],
  env: Record<string, string | undefined>,
): Promise<string[]> {
  const child = Bun.spawn([...command], { env, stdio: ["ignore", "pipe", "inherit"] });
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}`);
  return text.trim().split("\n");
}
