import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { Dure, defineQueue, JobFailedError, JobPendingError, ValidationError } from "../../../client/src/index.ts";
import { type Answer, FakeClock, fakeServer, problemBody, type SeenRequest } from "../../rigs/client-fakes.ts";

const mails = defineQueue<{ to: string }, { messageId: string }>("mails");
const dated = defineQueue("dated", {
  payload: z.object({ at: z.string().transform((text) => new Date(text)) }),
  result: z.object({ days: z.number() }),
});

const job = (over: Record<string, unknown> = {}) => ({
  id: "job_1",
  state: "succeeded",
  result: null,
  error: null,
  resultTruncated: false,
  ...over,
});

/** A client of a server that accepts every job, and answers reads as `read` says. */
function start(read: (request: SeenRequest) => Answer = () => ({ body: job() })) {
  const { fetch, seen } = fakeServer((request) =>
    request.method === "POST" ? { status: 202, body: job({ state: "queued" }) } : read(request),
  );
  return { dure: new Dure({ url: "http://dure", key: "k", fetch, clock: new FakeClock() }), seen };
}

describe("a submission to a typed queue", () => {
  test("carries the queue, the payload and the options, and is a promise of the accepted job", async () => {
    const { dure, seen } = start();
    const accepted = await dure.queue(mails).submit({ to: "a@b" }, { idempotencyKey: "order-991", delay: 5 });
    expect(accepted).toMatchObject({ id: "job_1", state: "queued" });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.body).toEqual({ queue: "mails", payload: { to: "a@b" }, idempotencyKey: "order-991", delay: 5 });
  });

  test("gives the result of the job, with its type", async () => {
    const { dure, seen } = start(() => ({ body: job({ result: { messageId: "m1" } }) }));
    const result = await dure.queue(mails).submit({ to: "a@b" }).result();
    expect(result.messageId).toBe("m1");
    expectTypeOf(result).toEqualTypeOf<{ messageId: string }>();
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /v1/jobs", "GET /v1/jobs/job_1"]);
  });

  test.each([
    ["failed", { code: "smtp", message: "mailbox full", retryable: false }, "smtp", "mailbox full"],
    ["cancelled", null, "cancelled", "the job job_1 is cancelled"],
  ])("throws when the job is %s, with its last error", async (state, error, code, message) => {
    const { dure } = start(() => ({ body: job({ state, error }) }));
    const thrown: unknown = await dure
      .queue(mails)
      .submit({ to: "a@b" })
      .result()
      .catch((caught) => caught);
    expect(thrown).toBeInstanceOf(JobFailedError);
    expect(thrown).toMatchObject({ code, message, error, job: { id: "job_1", state } });
  });

  test("throws when the job is not final in time", async () => {
    const { dure } = start(() => ({ body: job({ state: "running" }) }));
    const thrown: unknown = await dure
      .queue(mails)
      .result("job_1", { timeoutSeconds: 0 })
      .catch((caught) => caught);
    expect(thrown).toBeInstanceOf(JobPendingError);
    expect(thrown).toMatchObject({ message: "the job job_1 is running after 0 s", job: { state: "running" } });
  });

  test("throws what the submission threw, from the job and from its result", async () => {
    const { fetch } = fakeServer(() => problemBody(404, "queue-not-found"));
    const dure = new Dure({ url: "http://dure", key: "k", fetch });
    await expect(dure.queue(mails).submit({ to: "a@b" })).rejects.toMatchObject({ code: "queue-not-found" });
    await expect(dure.queue(mails).submit({ to: "a@b" }).result()).rejects.toMatchObject({ code: "queue-not-found" });
  });

  test("throws for a result of which only a part was kept", async () => {
    const { dure } = start(() => ({ body: job({ result: "abc", resultTruncated: true }) }));
    await expect(dure.queue(mails).result("job_1")).rejects.toThrow("it was too large to be kept whole");
  });
});

describe("a queue with validators", () => {
  test("sends the payload as it was given, and has its types from them", async () => {
    const { dure, seen } = start(() => ({ body: job({ result: { days: 3 } }) }));
    const { days } = await dure.queue(dated).submit({ at: "2026-11-29" }).result();
    expect(days).toBe(3);
    expectTypeOf(days).toEqualTypeOf<number>();
    expect(seen[0]?.body).toEqual({ queue: "dated", payload: { at: "2026-11-29" } });
  });

  test("refuses a payload before it is sent, and says where it is wrong", async () => {
    const { dure, seen } = start();
    const thrown: unknown = await dure
      .queue(dated)
      .submit({ at: JSON.parse("7") })
      .catch((caught) => caught);
    expect(thrown).toBeInstanceOf(ValidationError);
    expect(String(thrown)).toMatch(/^ValidationError: the payload does not fit the queue dated: at: /);
    expect(seen).toHaveLength(0);
  });

  test("refuses a result that is read", async () => {
    const { dure } = start(() => ({ body: job({ result: { days: "three" } }) }));
    await expect(dure.queue(dated).result("job_1")).rejects.toThrow(
      /^the result of the job job_1 does not fit the queue dated: days: /,
    );
  });
});

test("what does not fit the types of a queue does not compile", () => {
  const { dure } = start();
  const queue = dure.queue(mails);
  expectTypeOf(queue.submit).parameter(0).toEqualTypeOf<{ to: string }>();
  expectTypeOf(dure.queue(dated).submit).parameter(0).toEqualTypeOf<{ at: string }>();
  expectTypeOf(dure.queue("any").submit).parameter(0).toBeUnknown();
});
