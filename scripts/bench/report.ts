// Measurements as text: one line each, and ratios beside their goals.

import { summaryOf } from "./statistics.ts";

export interface Row {
  label: string;
  unit: string;
  samples: number[];
  /** Why it could not be measured here; null where it could. */
  missing: string | null;
}

export interface Goal {
  label: string;
  /** Of the medians: this one … */
  of: Row;
  /** … over this one. */
  over: Row;
  atMost?: number;
  atLeast?: number;
}

const labelWidth = 52;

export function rowOf(label: string, unit: string): Row {
  return { label, unit, samples: [], missing: null };
}

export function printRows(title: string, rows: readonly Row[]): void {
  console.log(`\n${title.padEnd(labelWidth)}      median       p95     n`);
  for (const { label, unit, samples, missing } of rows) {
    const { median, p95, count } = summaryOf(samples);
    const numbers = `${number(median)}${number(p95)}${String(count).padStart(6)}  ${unit}`;
    const text = missing === null ? numbers : `  not measured: ${missing}`;
    console.log(`  ${label.padEnd(labelWidth)}${text}`);
  }
}

export interface Cost {
  label: string;
  /** The medians of this one … */
  of: Row;
  /** … minus those of this one, in their unit. */
  without: Row;
  atMost: number;
}

export function printCosts(costs: readonly Cost[]): void {
  console.log(
    `\n${"differences of the medians of this run".padEnd(labelWidth)}    measured      goal`,
  );
  for (const { label, of, without, atMost } of costs) {
    const difference = summaryOf(of.samples).median - summaryOf(without.samples).median;
    const verdict = difference <= atMost ? "" : "  MISSED";
    const bound = `<= ${atMost} ${of.unit}`.padStart(10);
    console.log(`  ${label.padEnd(labelWidth)}${number(difference)}${bound}${verdict}`);
  }
}

export function printGoals(goals: readonly Goal[]): void {
  console.log(`\n${"ratios of the medians of this run".padEnd(labelWidth)}    measured      goal`);
  for (const goal of goals) {
    const { label, of, over, atMost, atLeast } = goal;
    const ratio = summaryOf(of.samples).median / summaryOf(over.samples).median;
    const bound = (atMost === undefined ? `>= ${atLeast}` : `<= ${atMost}`).padStart(10);
    const isMissing = of.missing !== null || over.missing !== null;
    const isMet = ratio <= (atMost ?? Infinity) && ratio >= (atLeast ?? 0);
    const measured = isMissing ? "     not measured" : number(ratio);
    const verdict = isMissing || isMet ? "" : "  MISSED";
    console.log(`  ${label.padEnd(labelWidth)}${measured}${bound}${verdict}`);
  }
}

function number(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits).padStart(10);
}
