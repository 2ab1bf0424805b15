// Text in 80 columns: paragraphs and two-column lists. Pure; knows nothing of commands.

export const columnsMax = 80;

/** Breaks at blanks; every line begins with `indent` blanks. A word that is too long gets a line of its own. */
export function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (indent + width(longer) <= columnsMax || line === "") line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line);
  return lines.map((one) => " ".repeat(indent) + one);
}

export interface Row {
  left: string;
  right: string;
}

const indent = 2;
const gap = 2;

/** Left column as wide as it must be, but at most `leftMax`; what is wider has the right column below it. */
export function columns(rows: readonly Row[], leftMax: number): string[] {
  const fitting = rows.map((row) => width(row.left)).filter((left) => left <= leftMax);
  const start = indent + Math.max(0, ...fitting) + gap;
  return rows.flatMap(({ left, right }) => {
    const lines = wrap(right, start);
    if (width(left) > leftMax) return [" ".repeat(indent) + left, ...lines];
    const [first = "", ...others] = lines;
    return [" ".repeat(indent) + left.padEnd(start - indent) + first.trimStart(), ...others];
  });
}

/** In columns of a terminal: every character that help uses is one unit long and one column wide. */
const width = (text: string): number => text.length;
