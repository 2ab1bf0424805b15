// The nearest known word to one that is not known, if it is near enough to be what was meant.

/** Null when nothing is near. Of equally near words the first. */
export function nearest(word: string, known: Iterable<string>): string | null {
  // One typing error for short words, one more for every three letters; never so many that anything would do.
  const errorsMax = Math.min(3, Math.ceil(word.length / 3));
  let best: string | null = null;
  let bestErrors = errorsMax + 1;
  for (const candidate of known) {
    const errors = typingErrors(word.toLowerCase(), candidate.toLowerCase(), bestErrors);
    if (errors >= bestErrors || errors >= candidate.length) continue;
    best = candidate;
    bestErrors = errors;
  }
  return best ?? longerWord(word, known);
}

/** The only known word that begins with what was typed. */
function longerWord(word: string, known: Iterable<string>): string | null {
  if (word.length < 3) return null;
  const longer = [...known].filter((candidate) => candidate.startsWith(word));
  return longer.length === 1 ? (longer[0] ?? null) : null;
}

/** Letters added, left out, mistaken, or swapped with their neighbour. `atMost` when there are as many or more. */
function typingErrors(from: string, to: string, atMost: number): number {
  if (Math.abs(from.length - to.length) >= atMost) return atMost;
  let older: number[] = [];
  let old = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      let errors = Math.min(
        (old[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (old[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && isSwapped) {
        errors = Math.min(errors, (older[column - 2] ?? 0) + 1);
      }
      next.push(errors);
    }
    [older, old] = [old, next];
  }
  return Math.min(old[to.length] ?? atMost, atMost);
}
