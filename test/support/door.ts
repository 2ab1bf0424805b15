// An admission with a clock of its own and short words for what happens at a listener.

import { expect } from "bun:test";

import { Admission, type Verdict } from "../../src/transport/admission.ts";

export const go = (...ids: number[]): Verdict<number>[] => ids.map((id) => ({ kind: "go", id }));

export class Door {
  readonly admission = new Admission<number>();
  now = 1_000_000;
  #nextId = 0;

  open(address: string): { id: number; verdicts: Verdict<number>[] } {
    const id = (this.#nextId += 1);
    return { id, verdicts: this.admission.opened(id, address, this.now) };
  }

  openMany(address: string, count: number): Verdict<number>[] {
    return Array.from({ length: count }, () => this.open(address).verdicts).flat();
  }

  authenticated(id: number): Verdict<number>[] {
    return this.admission.authenticated(id, this.now);
  }

  failed(id: number): Verdict<number>[] {
    return this.admission.failed(id, this.now);
  }

  closed(id: number): Verdict<number>[] {
    return this.admission.closed(id, this.now);
  }

  /** Lets time pass as a caller with one timer does. */
  pass(ms: number): Verdict<number>[] {
    const end = this.now + ms;
    const verdicts: Verdict<number>[] = [];
    for (let due = this.admission.nextDueMs(); due !== null && due <= end;) {
      // Later than now, or the caller would spin.
      expect(due).toBeGreaterThan(this.now);
      this.now = due;
      verdicts.push(...this.admission.due(this.now));
      due = this.admission.nextDueMs();
    }
    this.now = end;
    return verdicts;
  }

  /** One more from there goes at once, and fails. */
  fail(address: string): void {
    const { id, verdicts } = this.open(address);
    expect(verdicts).toEqual(go(id));
    this.failed(id);
  }

  /** How long one more from there waits; it leaves without a trace. */
  waitOf(address: string): number {
    const { id, verdicts } = this.open(address);
    const before = this.now;
    const began = verdicts.some((verdict) => verdict.kind === "go" && verdict.id === id);
    const due = began ? before : (this.admission.nextDueMs() ?? Number.NaN);
    this.closed(id);
    return due - before;
  }
}
