import { expect, test } from "bun:test";

import { descriptorBudget } from "../../src/daemon/descriptor-budget.ts";

const wanted = { sessions: 256, connections: 1_024 };

test.each([
  [1_048_576n, { sessions: 256, connections: 1_024 }],
  [(1n << 64n) - 1n, { sessions: 256, connections: 1_024 }],
  [1_280n, { sessions: 256, connections: 1_024 }],
  [1_024n, { sessions: 256, connections: 768 }],
  [768n, { sessions: 256, connections: 512 }],
  [512n, { sessions: 128, connections: 256 }],
  [260n, { sessions: 2, connections: 4 }],
  // The owner must get in even then.
  [64n, { sessions: 1, connections: 1 }],
])("with a limit of %s open files", (nofile, budget) => {
  expect(descriptorBudget(nofile, wanted)).toEqual(budget);
});

test("never more than was asked for", () => {
  expect(descriptorBudget(4_096n, { sessions: 3, connections: 5 })).toEqual({
    sessions: 3,
    connections: 5,
  });
});
