// The last line about several nodes.

import { expect, test } from "bun:test";

import { type Outcome, outcomeOf } from "../../../src/capability/process/outcome.ts";
import type { NodeEnd } from "../../../src/cli/node-end.ts";
import { summaryText } from "../../../src/cli/render/summary.ts";
import { endOf, notFound, refusedBy, unknownEnd } from "../node-ends.ts";

const ends = (...outcomes: [string, Outcome?][]): NodeEnd[] =>
  outcomes.map(([node, outcome]) => endOf(node, outcome));

const exit3 = outcomeOf(3 << 8, "app");
const refused = refusedBy("connect-refused", "Connection refused");

test("is left out when all is well, and for one node", () => {
  expect(summaryText(ends(["a"], ["b"]), false)).toBe(null);
  expect(summaryText(ends(["a", exit3]), false)).toBe(null);
});

test("is there for everybody with -v", () => {
  expect(summaryText(ends(["a"], ["b"]), true)).toBe("2/2 ok");
  expect(summaryText(ends(["a", exit3]), true)).toBe("0/1 ok · a exit 3");
});

test("groups nodes of one fate, in the order in which they were typed", () => {
  const line = summaryText(
    ends(
      ["n1"],
      ["n7", exit3],
      ["n9", outcomeOf(9, "oom")],
      ["n12", refused],
      ["n13", refused],
      ["n2", exit3],
    ),
    false,
  );
  expect(line).toBe("1/6 ok · n7,n2 exit 3 · n9 SIGKILL (oom) · n12,n13 connection refused");
});

test.each<[Outcome, string]>([
  [outcomeOf(15, "timeout"), "time limit"],
  [outcomeOf(0, "timeout"), "time limit"],
  [outcomeOf(15, "user"), "SIGTERM"],
  [unknownEnd, "unknown"],
  [notFound(Buffer.from("x")), "not found"],
  [{ ...notFound(Buffer.from("x")), errno: 13 } as Outcome, "not executable"],
  [{ ...notFound(Buffer.from("x")), phase: "chdir" } as Outcome, "chdir ENOENT"],
  [refusedBy("refused", "The node is full"), "refused"],
])("%j is called %s", (outcome, words) => {
  expect(summaryText(ends(["a"], ["b", outcome]), false)).toBe(`1/2 ok · b ${words}`);
});

test("tells lost output", () => {
  const lossy = { written: 1, gapBytes: 9, errno: null };
  const end = endOf("b", undefined, { streams: { stdout: lossy, stderr: lossy } });
  expect(summaryText([endOf("a"), end], false)).toBe("1/2 ok · b exit 0, output lost");
});

test("counts what would be too many names", () => {
  const many = Array.from({ length: 64 }, (_, index): [string, Outcome] => [`n${index}`, exit3]);
  expect(summaryText(ends(...many), false)).toBe(
    "0/64 ok · n0,n1,n2,n3,n4,n5,n6,n7 and 56 more exit 3",
  );
});
