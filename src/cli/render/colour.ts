// Whether a stream may carry colours, and how.

const codes = { cyan: 36, red: 31 };

/** NO_COLOR beats CLICOLOR_FORCE beats CLICOLOR; without them a terminal that is not dumb has colours. */
export function usesColour(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  const { NO_COLOR: none = "", CLICOLOR_FORCE: force = "", CLICOLOR: wanted, TERM: kind } = env;
  if (none !== "") return false;
  if (force !== "" && force !== "0") return true;
  if (wanted === "0" || kind === "dumb") return false;
  return isTerminal;
}

export function coloured(text: string, colour: keyof typeof codes): string {
  return `\u001b[${codes[colour]}m${text}\u001b[0m`;
}
