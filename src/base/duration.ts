// Durations as people write them: 500ms, 10s, 1.5m, 2h. Whole milliseconds, exact arithmetic, and always a unit: a bare number
// has meant seconds here and milliseconds there, and both have hurt.

/** 24 days: timers of the runtime hold 31 bits of milliseconds, which is a little more. */
export const durationMsMax = 24 * 24 * 3_600_000;

/** `problem` is a phrase that goes after the quoted text, `hint` says what to write instead. */
export type Duration = { ms: number } | { problem: string; hint: string };

const units: readonly (readonly [name: string, ms: number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

const pattern = /^(\d{1,15})(?:\.(\d{1,9}))?(ms|s|m|h)$/;

export function parseDuration(text: string): Duration {
  const match = pattern.exec(text);
  if (!match) return malformed(text);
  const [, whole = "", fraction = "", name = ""] = match;
  const unitMs = units.find(([unit]) => unit === name)?.[1] ?? 1;
  const scale = 10n ** BigInt(fraction.length);
  const scaledMs = BigInt(whole + fraction) * BigInt(unitMs);
  if (scaledMs % scale !== 0n) {
    return { problem: "is not a whole number of milliseconds", hint: "write 1500ms or 1.5s" };
  }
  const ms = scaledMs / scale;
  if (ms > BigInt(durationMsMax)) {
    return { problem: "is too long", hint: `the longest is ${printDuration(durationMsMax)}` };
  }
  return { ms: Number(ms) };
}

/** A short way to write whole milliseconds that parses back to the same number. */
export function printDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const [name, unitMs] of units) {
    // One decimal at most: 1.5h reads well, 1.0166m does not.
    if (ms >= unitMs && (ms * 10) % unitMs === 0) return `${ms / unitMs}${name}`;
  }
  return `${ms}ms`;
}

function malformed(text: string): { problem: string; hint: string } {
  if (/^\d+(\.\d+)?$/.test(text)) {
    return { problem: "has no unit", hint: `write ${text}s or ${text}ms` };
  }
  const problem = /^-\d/.test(text) ? "is negative" : "is not a duration";
  return { problem, hint: "write 500ms, 10s, 2m or 1h" };
}
