import { describe, expect, test } from "vitest";
import { parseTargetBindings } from "../../../../domain/target-bindings.ts";
import { Bindings, isMissing } from "../../../../workers/processor/bindings.ts";

const MAILER = { fetch: async () => new Response(), process: async () => null };
const OUT = { send: async () => undefined, sendBatch: async () => undefined };

const bindings = new Bindings(
  { MAILER, OUT, HIDDEN: MAILER, TEXT: "x", SHARD: { getByName: () => MAILER } },
  parseTargetBindings("MAILER:worker, OUT:queue, GONE:worker, TEXT:worker, ALSO:queue"),
);

describe("a binding", () => {
  test("that is listed and there is given", () => {
    expect(bindings.worker("MAILER")).toBe(MAILER);
    expect(bindings.queue("OUT")).toBe(OUT);
  });

  test.each(["HIDDEN", "GONE", "OUT", "TEXT", "SHARD", "constructor", "__proto__"])(
    "%s is none to a Worker that targets may name",
    (name) => {
      const found = bindings.worker(name);
      expect(isMissing(found)).toBe(true);
      expect(found).toMatchObject({
        message: `the processor has no service binding ${name} that TARGET_BINDINGS lists`,
      });
    },
  );

  test.each(["MAILER", "ALSO", "SHARD"])("%s is none to a Queue", (name) => {
    expect(isMissing(bindings.queue(name))).toBe(true);
  });

  test("to a Worker is no Queue, though it takes any name for a method", () => {
    const anything = new Proxy({}, { has: () => true, get: () => () => undefined });
    const only = new Bindings({ OUT: anything }, parseTargetBindings("OUT:queue"));
    expect(isMissing(only.queue("OUT"))).toBe(true);
  });
});
