import { expect, test } from "bun:test";

import { type Message, requestKinds } from "../../src/capability/messages.ts";
import { serve, type Services } from "../../src/capability/services.ts";
import { Operation } from "../../src/session/operation.ts";

test("every request is served by somebody, and nothing else is", () => {
  for (const kind of [...requestKinds, "output", "hello"]) {
    const sent: Message[] = [];
    const operation = new Operation<Message>(1, {
      send: (_operation, message) => sent.push(message),
      ended: () => {},
    });
    const touched: string[] = [];
    // Whatever a service does first, it looks at what it was given.
    const services = new Proxy<Partial<Services>>(
      {},
      {
        get: (_target, name) => {
          touched.push(String(name));
          throw new Error("A service was asked");
        },
      },
    );
    try {
      serve(operation, { kind } as Message, services as Services);
    } catch (error) {
      expect(String(error)).toContain("A service was asked");
    }
    expect(touched.length).toBe(requestKinds.has(kind as Message["kind"]) ? 1 : 0);
    if (touched.length === 0)
      expect(sent).toMatchObject([{ kind: "refusal", code: "unknown-request" }]);
  }
});
