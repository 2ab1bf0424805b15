import { expect, test } from "bun:test";

import { requestKinds } from "../../src/capability/messages.ts";
import { servedKinds } from "../../src/capability/services.ts";

test("every request has a service, and nothing else opens an operation", () => {
  expect([...servedKinds].toSorted()).toEqual([...requestKinds].toSorted());
});
