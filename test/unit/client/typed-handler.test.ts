import { expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { defineQueue, type HandlerContext, NonRetryable, type TypedJob } from "../../../client/src/index.ts";
import { typedHandler } from "../../../client/src/typed-handler.ts";
import { claimedJob } from "../../rigs/client-fakes.ts";

const dated = defineQueue("dated", {
  payload: z.object({ at: z.string().transform((text) => new Date(text)) }),
  result: z.object({ days: z.number() }),
});

const context: HandlerContext = {
  signal: new AbortController().signal,
  progress: async () => undefined,
  spawn: () => undefined,
  release: () => {
    throw new Error("nobody gives a job back here");
  },
};
const jobOf = (payload: unknown) => claimedJob("a", { payload }) as unknown as TypedJob;

test("a handler is given what the validator made of the payload, and its own result is reported", async () => {
  const handler = typedHandler(dated, ({ payload }) => {
    expectTypeOf(payload).toEqualTypeOf<{ at: Date }>();
    return { days: payload.at.getUTCDate() };
  });
  expect(await handler(jobOf({ at: "2026-11-29T00:00:00Z" }), context)).toEqual({ days: 29 });
});

test("a payload that does not fit fails the job for good, and the handler never sees it", async () => {
  let ran = false;
  const handler = typedHandler(dated, () => {
    ran = true;
    return { days: 1 };
  });
  const thrown: unknown = await Promise.resolve(handler(jobOf({ at: 7 }), context)).catch((caught) => caught);
  expect(thrown).toBeInstanceOf(NonRetryable);
  expect(thrown).toMatchObject({ code: "invalid-payload", message: /^the payload does not fit the queue dated: at: / });
  expect(ran).toBe(false);
});

test("a result that does not fit fails the job for good", async () => {
  const handler = typedHandler(dated, () => JSON.parse('{"days": "three"}'));
  await expect(handler(jobOf({ at: "2026-11-29" }), context)).rejects.toMatchObject({ code: "invalid-result" });
});

test("without validators the job is handed on as it is, and what the handler throws too", async () => {
  const failure = new Error("no luck");
  const handler = typedHandler(defineQueue("q"), ({ payload }) => {
    if (payload === null) throw failure;
    return payload;
  });
  expect(await handler(jobOf({ n: 1 }), context)).toEqual({ n: 1 });
  await expect(handler(jobOf(null), context)).rejects.toBe(failure);
});
