import { describe, expect, test } from "vitest";
import { Dure, DureError } from "../../../client/src/index.ts";
import { type Answer, FakeClock, fakeServer, problemBody, scriptedClient } from "../../rigs/client-fakes.ts";

const job = (over: Record<string, unknown> = {}) => ({ id: "job_1", state: "queued", finishedAt: null, ...over });

describe("submit", () => {
  test("sends the job with the key and the namespace", async () => {
    const { dure, seen } = scriptedClient(() => ({ status: 202, body: job() }), { namespace: "acme" });
    await expect(dure.submit({ payload: null, queue: "q" }, { waitSeconds: 5 })).resolves.toMatchObject({
      id: "job_1",
    });
    expect(seen).toMatchObject([
      {
        method: "POST",
        path: "/v1/jobs",
        body: { payload: null, queue: "q" },
        headers: {
          authorization: "Bearer dure_k_s",
          "dure-namespace": "acme",
          prefer: "wait=5",
          "content-type": "application/json",
        },
      },
    ]);
  });

  test.each<[string, string | undefined, Answer, number]>([
    ["a lost answer", undefined, "no-answer", 1],
    ["a lost answer", "key", "no-answer", 3],
    ["a 503", undefined, problemBody(503, "unavailable"), 1],
    ["a 503", "key", problemBody(503, "unavailable"), 3],
    ["a 429", undefined, problemBody(429, "rate-limited"), 3],
    ["a 422", "key", problemBody(422, "idempotency-mismatch"), 1],
  ])(
    "after %s, with idempotency key %s: the third call succeeds only if there is one",
    async (_, idempotencyKey, failure, calls) => {
      const { dure, clock, seen } = scriptedClient((_request, call) =>
        call < 3 ? failure : { status: 202, body: job() },
      );
      const submitted = dure.submit({ payload: 1, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }).then(
        () => "ok",
        (error: unknown) => error,
      );
      await clock.advance(60_000);
      expect(seen).toHaveLength(calls);
      if (calls === 3) expect(await submitted).toBe("ok");
      else expect(await submitted).toBeInstanceOf(DureError);
    },
  );

  test("gives up after its retries and throws the problem", async () => {
    const { dure, clock, seen } = scriptedClient(() => ({
      ...problemBody(503, "unavailable"),
      headers: { "retry-after": "2" },
    }));
    const failure = dure.submit({ payload: 1, idempotencyKey: "k" }).catch((error: unknown) => error);
    await clock.advance(120_000);
    expect(await failure).toMatchObject({ code: "unavailable", status: 503, retryAfterMs: 2000 });
    expect(seen).toHaveLength(5);
  });

  test("a retry waits for what Retry-After asks, and a jitter", async () => {
    const { dure, clock, seen } = scriptedClient((_, call) =>
      call === 1 ? { ...problemBody(429, "rate-limited"), headers: { "retry-after": "3" } } : { body: job() },
    );
    const submitted = dure.submit({ payload: 1 });
    await clock.advance(3099);
    expect(seen).toHaveLength(1);
    await clock.advance(1);
    await submitted;
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["a key on the batch", { idempotencyKey: "b" }, [{ payload: 1 }], 2],
    ["a key on every job", {}, [{ payload: 1, idempotencyKey: "a" }], 2],
    ["a job without a key", {}, [{ payload: 1, idempotencyKey: "a" }, { payload: 2 }], 1],
  ])("a batch with %s", async (_, options, jobs, calls) => {
    const { dure, clock, seen } = scriptedClient((_request, call) =>
      call === 1 ? "no-answer" : { status: 202, body: { id: "b", atomic: false, accepted: 1, items: [] } },
    );
    const done = dure.submitBatch({ jobs }, options).catch(() => null);
    await clock.advance(10_000);
    await done;
    expect(seen).toHaveLength(calls);
  });
});

describe("reads", () => {
  test("wait asks until the job is final", async () => {
    const { dure, clock, seen } = scriptedClient((_, call) => ({
      body: call < 3 ? job() : job({ state: "succeeded", finishedAt: "x" }),
    }));
    const done = dure.wait("job_1");
    await clock.advance(5000);
    expect(await done).toMatchObject({ state: "succeeded" });
    expect(seen).toHaveLength(3);
    expect(seen[0]?.headers).toMatchObject({ prefer: "wait=60" });
  });

  test("wait goes on for a job that is accepted and not in its shard yet", async () => {
    const states = ["accepted", "accepted", "queued", "cancelled"];
    const { dure, clock, seen } = scriptedClient((_, call) => ({ body: job({ state: states[call - 1] }) }));
    const done = dure.wait("job_1");
    await clock.advance(5000);
    expect(await done).toMatchObject({ state: "cancelled" });
    expect(seen).toHaveLength(4);
  });

  test("wait ends with the job as it is", async () => {
    const { dure, clock } = scriptedClient(() => ({ body: job() }));
    const done = dure.wait("job_1", { timeoutSeconds: 2 });
    await clock.advance(2500);
    expect(await done).toMatchObject({ state: "queued" });
  });

  test("listAll walks every page", async () => {
    const { dure, seen } = scriptedClient(({ path }) =>
      path.includes("cursor=n")
        ? { body: { items: [job({ id: "2" })], nextCursor: null } }
        : { body: { items: [job({ id: "1" })], nextCursor: "n" } },
    );
    const ids: string[] = [];
    for await (const { id } of dure.listAll({ queue: "q", include: ["payload", "result"], limit: 1 })) ids.push(id);
    expect(ids).toEqual(["1", "2"]);
    expect(seen[0]?.path).toBe("/v1/jobs?queue=q&limit=1&include=payload%2Cresult");
  });

  test("an answer that is no problem document still throws a DureError", async () => {
    const { dure } = scriptedClient(() => ({ status: 404, body: "a proxy's page" }));
    await expect(dure.get("x")).rejects.toMatchObject({ name: "DureError", status: 404, code: "unknown" });
  });

  test("an aborted call throws the signal's reason and is not sent again", async () => {
    const { dure, clock, seen } = scriptedClient(() => "no-answer");
    const abort = new AbortController();
    const failure = dure.get("x", { signal: abort.signal }).catch((error: unknown) => error);
    await clock.advance(50);
    abort.abort(new Error("enough"));
    await clock.advance(60_000);
    expect(await failure).toMatchObject({ message: "enough" });
    expect(seen).toHaveLength(1);
  });
});

test("a full backlog is an error that keeps what the server asked for", async () => {
  const { fetch, seen } = fakeServer(() => ({ ...problemBody(429, "backlog-full"), headers: { "retry-after": "37" } }));
  const clock = new FakeClock();
  const dure = new Dure({ url: "http://dure", key: "k", fetch, clock, retries: 1, random: () => 0 });
  const refused = dure.submit({ payload: 1 }).catch((error: DureError) => error);
  await clock.advance(36_000);
  expect(seen).toHaveLength(1);
  await clock.advance(2_000);
  expect(seen).toHaveLength(2);
  expect(await refused).toMatchObject({ code: "backlog-full", status: 429, retryAfterMs: 37_000 });
});
