import { describe, expect, test } from "vitest";
import { type DureError, defineQueue, type SubmitRequest } from "../../../client/src/index.ts";
import { type Answer, problemBody, type SeenRequest, scriptedClient, settle } from "../../rigs/client-fakes.ts";

interface Sent {
  atomic: boolean;
  jobs: SubmitRequest[];
}

const viewOf = (payload: unknown) => ({ id: `job_${JSON.stringify(payload)}`, state: "queued", payload });
const accepted = (payload: unknown) => ({ ...idOf(payload), replayed: false, job: viewOf(payload) });
const idOf = (payload: unknown) => ({ id: viewOf(payload).id, state: "queued" });

/** A server that accepts every job, in a batch or alone, unless the script answers in its place. */
function start(
  script: (request: SeenRequest, call: number) => Answer | null = () => null,
  options: { joinSubmits?: boolean; retries?: number } = {},
) {
  return scriptedClient((request, call) => {
    const scripted = script(request, call);
    if (scripted !== null) return scripted;
    if (request.path === "/v1/jobs") return { status: 202, body: viewOf((request.body as SubmitRequest).payload) };
    return batchOf((request.body as Sent).jobs.map(({ payload }) => accepted(payload)));
  }, options);
}

function batchOf(items: unknown[]): Answer {
  return { status: 202, body: { id: "batch_1", atomic: false, accepted: items.length, items } };
}

function problem(status: number, code: string, more: object = {}): { problem: object } {
  return { problem: { ...(problemBody(status, code).body as object), ...more } };
}

const codeOf = (error: unknown) => (error as DureError).code;
const paths = (seen: SeenRequest[]) => seen.map(({ path }) => path);
const payloads = (seen: SeenRequest[]) =>
  seen.map(({ body }) =>
    ("jobs" in (body as Sent) ? (body as Sent).jobs : [body as SubmitRequest]).map((job) => job.payload),
  );

describe("the submissions of one tick", () => {
  test("go as one batch, and each is answered with its own job", async () => {
    const { dure, seen } = start();
    const jobs = await Promise.all([1, 2, 3].map((payload) => dure.submit({ queue: "q", payload })));
    expect(jobs).toEqual([1, 2, 3].map((payload) => ({ ...viewOf(payload), payloadText: String(payload) })));
    expect(seen).toMatchObject([
      {
        method: "POST",
        path: "/v1/batches?include=job",
        body: { atomic: false, jobs: [{ payload: 1 }, { payload: 2 }, { payload: 3 }] },
      },
    ]);
    expect(seen[0]?.headers["idempotency-key"]).toBeUndefined();
  });

  test("are joined whether or not they come past a validator", async () => {
    const { dure, seen } = start();
    const queue = dure.queue(defineQueue<number, null>("q"));
    await Promise.all([queue.submit(1), dure.submit({ queue: "q", payload: 2 }), queue.submit(3)]);
    expect(seen).toHaveLength(1);
    expect(payloads(seen)[0]?.toSorted()).toEqual([1, 2, 3]);
  });

  test("of which there is one go as it always did", async () => {
    const { dure, seen } = start();
    await dure.submit({ payload: 1 });
    expect(seen).toMatchObject([{ path: "/v1/jobs", body: { payload: 1 } }]);
  });

  test("of two ticks go apart", async () => {
    const { dure, seen } = start();
    const first = [dure.submit({ payload: 1 }), dure.submit({ payload: 2 })];
    await settle();
    await Promise.all([...first, dure.submit({ payload: 3 })]);
    expect(payloads(seen)).toEqual([[1, 2], [3]]);
  });

  test("go each by itself where they are not to be joined", async () => {
    const { dure, seen } = start(undefined, { joinSubmits: false });
    await Promise.all([1, 2].map((payload) => dure.submit({ payload })));
    expect(paths(seen)).toEqual(["/v1/jobs", "/v1/jobs"]);
  });

  test("go by themselves when they wait, have a signal, or are deduplicated", async () => {
    const { dure, seen } = start();
    const { signal } = new AbortController();
    await Promise.all([
      dure.submit({ payload: 1 }, { waitSeconds: 5 }),
      dure.submit({ payload: 2 }, { signal }),
      dure.submit({ payload: 3, dedup: { key: "k" } }),
      dure.submit({ payload: 4 }),
      dure.submit({ payload: 5 }),
    ]);
    expect(payloads(seen).toSorted()).toEqual([[1], [2], [3], [4, 5]]);
  });

  test("are sent as they were when they were submitted", async () => {
    const { dure, seen } = start();
    const payload = { n: 1 };
    const both = [dure.submit({ payload }), dure.submit({ payload })];
    payload.n = 2;
    await Promise.all(both);
    expect(payloads(seen)).toEqual([[{ n: 1 }, { n: 1 }]]);
  });

  test("that cannot be written as JSON cost only themselves", async () => {
    const { dure, seen } = start();
    const [good, bad] = await Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 1n })]);
    expect(good.status).toBe("fulfilled");
    expect(bad).toMatchObject({ status: "rejected", reason: expect.any(TypeError) });
    expect(payloads(seen)).toEqual([[1]]);
  });

  test("that are more than a batch may have go as several", async () => {
    const { dure, seen } = start();
    await Promise.all(Array.from({ length: 1001 }, (_, payload) => dure.submit({ payload })));
    expect(payloads(seen).map(({ length }) => length)).toEqual([1000, 1]);
    expect(paths(seen)).toEqual(["/v1/batches?include=job", "/v1/jobs"]);
  });
});

describe("a refusal", () => {
  test("of one job is its own problem, as if it had been sent by itself", async () => {
    const errors = [{ pointer: "/jobs/1/priority", detail: "jobs[1].priority is from 0 to 9." }];
    const { dure } = start(() => batchOf([accepted(1), problem(400, "invalid-request", { errors })]));
    const [good, bad] = await Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 2 })]);
    expect(good).toMatchObject({ value: viewOf(1) });
    expect(bad).toMatchObject({
      reason: {
        code: "invalid-request",
        problem: { errors: [{ pointer: "/priority", detail: "priority is from 0 to 9." }] },
      },
    });
  });

  test("of a job as a whole has no place in a batch, and is said once", async () => {
    const { problem: whole } = problem(404, "queue-not-found");
    const items = [0, 1].map((n) => ({
      problem: { ...whole, errors: [{ pointer: `/jobs/${n}`, detail: "queue-not-found" }] },
    }));
    const { dure } = start(() => ({
      status: 422,
      body: { ...(problemBody(422, "batch-refused").body as object), items },
    }));
    const [first] = await Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 2 })]);
    expect(first).toMatchObject({ reason: { code: "queue-not-found", status: 404, message: "queue-not-found" } });
    expect((first as PromiseRejectedResult).reason.problem.errors).toBeUndefined();
  });

  test("of the whole batch for what is in it sends each by itself", async () => {
    const { dure, seen } = start(({ path, body }) => {
      if (path !== "/v1/jobs") return problemBody(400, "invalid-request");
      return (body as SubmitRequest).payload === 2 ? problemBody(413, "payload-too-large") : null;
    });
    const [good, bad] = await Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 2 })]);
    expect(good).toMatchObject({ value: viewOf(1) });
    expect(bad).toMatchObject({ reason: { code: "payload-too-large" } });
    expect(payloads(seen)).toEqual([[1, 2], [1], [2]]);
  });

  test.each([401, 403])("of the caller (%s) is that of each", async (status) => {
    const { dure, seen } = start(() => problemBody(status, "forbidden"));
    const both = await Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 2 })]);
    expect(both).toMatchObject([{ reason: { status } }, { reason: { status } }]);
    expect(seen).toHaveLength(1);
  });

  test("that passes (429) costs its job a pause, and no other one", async () => {
    const full = problem(429, "backlog-full", { retryAfter: 3 });
    const { dure, clock, seen } = start((_, call) => (call === 1 ? batchOf([accepted(1), full, full]) : null));
    const done: unknown[] = [];
    for (const payload of [1, 2, 3]) void dure.submit({ payload }).then((job) => done.push(job.payload));
    await clock.advance(3099);
    expect(done).toEqual([1]);
    expect(seen).toHaveLength(1);
    await clock.advance(1);
    expect(done).toEqual([1, 2, 3]);
    expect(payloads(seen)).toEqual([
      [1, 2, 3],
      [2, 3],
    ]);
  });

  test("that does not pass is given up after the retries, with the word of the server", async () => {
    const full = problem(429, "backlog-full", { retryAfter: 2 });
    const { dure, clock, seen } = start(
      ({ path }) => (path === "/v1/jobs" ? { ...problemBody(429, "backlog-full") } : batchOf([full, full])),
      { retries: 2 },
    );
    const both = Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 2 })]);
    await clock.advance(60_000);
    expect(await both).toMatchObject([{ reason: { retryAfterMs: 2000 } }, { reason: { code: "backlog-full" } }]);
    expect(seen).toHaveLength(3);
  });
});

describe("an idempotency key", () => {
  test.each<[string, Answer, number[]]>([
    ["a lost answer", "no-answer", [2, 1, 2]],
    ["a 503", problemBody(503, "unavailable"), [2, 1, 2]],
    ["a 429", problemBody(429, "rate-limited"), [2, 1, 2, 1]],
  ])("decides whether a job is sent again after %s, whatever else is in its tick", async (_, failure, sizes) => {
    const { dure, clock, seen } = start((__, call) => (call <= 2 ? failure : null));
    const all = Promise.allSettled([
      dure.submit({ payload: 1, idempotencyKey: "a" }),
      dure.submit({ payload: 2 }),
      dure.submit({ payload: 3, idempotencyKey: "b" }),
    ]);
    await clock.advance(60_000);
    const [first, second, third] = await all;
    expect(first).toMatchObject({ value: viewOf(1) });
    expect(third).toMatchObject({ value: viewOf(3) });
    expect(second.status).toBe(sizes.length === 4 ? "fulfilled" : "rejected");
    expect(payloads(seen).map(({ length }) => length)).toEqual(sizes);
  });

  test("for which an earlier job answers gives that job, whole", async () => {
    const { dure, seen } = start(({ path }) => {
      if (path === "/v1/jobs") return { status: 200, body: { ...viewOf("earlier"), state: "succeeded" } };
      return batchOf([{ ...idOf(1), replayed: true }, accepted(2)]);
    });
    const [earlier, fresh] = await Promise.all([
      dure.submit({ payload: 1, idempotencyKey: "a" }),
      dure.submit({ payload: 2, idempotencyKey: "b" }),
    ]);
    expect(earlier).toMatchObject({ state: "succeeded", payload: "earlier" });
    expect(fresh).toMatchObject(viewOf(2));
    expect(payloads(seen)).toEqual([[1, 2], [1]]);
  });

  test("that is missing keeps a job from being sent again when its answer does not have it", async () => {
    const { dure, seen } = start(() => batchOf([idOf(1), accepted(2)]));
    const [lost] = await Promise.allSettled([dure.submit({ payload: 1 }), dure.submit({ payload: 2 })]);
    expect(codeOf((lost as PromiseRejectedResult).reason)).toBe("network");
    expect(seen).toHaveLength(1);
  });
});
