import { describe, expect, test } from "vitest";
import { Dure, type SubmitRequest } from "../../../client/src/index.ts";
import { MAX_BODY_BYTES } from "../../../contract/limits.ts";
import { type Answer, FakeClock, fakeServer, problemBody, type SeenRequest } from "../../rigs/client-fakes.ts";

interface Sent {
  atomic: boolean;
  jobs: SubmitRequest[];
}

/** A server that accepts every job of a batch, unless the script answers in its place. */
function start(script: (sent: Sent, call: number) => Answer | null = () => null) {
  let calls = 0;
  let jobs = 0;
  const { fetch, seen } = fakeServer(({ body }) => {
    const sent = body as Sent;
    const scripted = script(sent, ++calls);
    if (scripted !== null) return scripted;
    const items = sent.jobs.map(() => ({ id: `job_${++jobs}`, state: "queued", replayed: false }));
    return { status: 202, body: { id: `batch_${calls}`, atomic: sent.atomic, accepted: items.length, items } };
  });
  const clock = new FakeClock();
  const dure = new Dure({ url: "http://dure", key: "k", fetch, clock, retries: 0 });
  return { dure, seen, sizes: () => seen.map(({ body }) => (body as Sent).jobs.length) };
}

const jobs = (count: number, payload: unknown = null): SubmitRequest[] =>
  Array.from({ length: count }, (_, n) => ({ payload, tags: [String(n)] }));
const keyOf = ({ headers }: SeenRequest) => headers["idempotency-key"];

const invalidJob = {
  type: "/problems/invalid-request",
  title: "The request is not valid",
  status: 400,
  detail: "The job is not valid.",
  code: "invalid-request",
};

/** A part none of whose jobs was accepted, as the server answers it. */
function refusedWhole(count: number): Answer {
  const items = Array.from({ length: count }, (_, n) => ({
    problem: { ...invalidJob, errors: [{ pointer: `/jobs/${n}`, detail: "" }] },
  }));
  const document = { ...invalidJob, status: 422, code: "batch-refused", id: "batch_1", accepted: 0, items };
  return { status: 422, body: document };
}

describe("a batch", () => {
  test("that fits is one request, as it was given", async () => {
    const { dure, seen } = start();
    const batch = await dure.submitBatch({ atomic: true, jobs: jobs(1000) }, { idempotencyKey: "b" });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ path: "/v1/batches", body: { atomic: true, jobs: jobs(1000) } });
    expect(batch).toMatchObject({ id: "batch_1", accepted: 1000 });
    expect(seen.map(keyOf)).toEqual(["b"]);
  });

  test("of more jobs than a request may have goes as several, in order, and is answered as one", async () => {
    const { dure, seen, sizes } = start();
    const batch = await dure.submitBatch({ jobs: jobs(2001) }, { idempotencyKey: "b" });
    expect(sizes()).toEqual([1000, 1000, 1]);
    expect(batch).toMatchObject({ id: "batch_1", atomic: false, accepted: 2001 });
    expect(batch.items.map((item) => "id" in item && item.id)).toEqual(jobs(2001).map((_, n) => `job_${n + 1}`));
    expect(seen.map(keyOf)).toEqual(["b", "b/2", "b/3"]);
  });

  test.each([
    ["ASCII", "x".repeat(200_000)],
    ["text of three bytes a character", "\u{d55c}".repeat(70_000)],
  ])("of more bytes than a request may have goes as several, each within the limit: %s", async (_, payload) => {
    const { dure, seen, sizes } = start();
    const batch = await dure.submitBatch({ jobs: jobs(13, payload) });
    expect(batch.accepted).toBe(13);
    expect(sizes().length).toBeGreaterThan(1);
    for (const { body } of seen) expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThanOrEqual(MAX_BODY_BYTES);
  });

  test("that is atomic and too large is refused before anything is sent", async () => {
    const { dure, seen } = start();
    await expect(dure.submitBatch({ atomic: true, jobs: jobs(1001) })).rejects.toThrow(RangeError);
    expect(seen).toHaveLength(0);
  });

  test("of which one request is refused for what is in it has a problem for each of its jobs, and goes on", async () => {
    const { dure, sizes } = start((_, call) => (call === 2 ? problemBody(413, "body-too-large") : null));
    const { accepted, items } = await dure.submitBatch({ jobs: jobs(2500) });
    expect(sizes()).toEqual([1000, 1000, 500]);
    expect(accepted).toBe(1500);
    expect(items.map((item) => ("problem" in item ? item.problem.code : "ok"))).toEqual([
      ...Array(1000).fill("ok"),
      ...Array(1000).fill("body-too-large"),
      ...Array(500).fill("ok"),
    ]);
  });

  test.each<[string, Answer]>([
    ["unavailable", problemBody(503, "unavailable")],
    ["network", "no-answer"],
  ])("whose second request fails with %s sends no third, and says so of all their jobs", async (code, failure) => {
    const { dure, sizes } = start((_, call) => (call === 2 ? failure : null));
    const { accepted, items } = await dure.submitBatch({ jobs: jobs(2500) });
    expect(sizes()).toEqual([1000, 1000]);
    expect(accepted).toBe(1000);
    expect(items).toHaveLength(2500);
    expect(items.slice(1000).every((item) => "problem" in item && item.problem.code === code)).toBe(true);
  });

  test("of which nothing was taken throws the first failure", async () => {
    const { dure } = start((_, call) => problemBody(422, call === 1 ? "batch-refused" : "idempotency-mismatch"));
    await expect(dure.submitBatch({ jobs: jobs(1001) })).rejects.toMatchObject({ code: "batch-refused" });
  });

  test("has the faults of its jobs where they are in the whole batch, and not in the part that they went with", async () => {
    const errors = [
      { pointer: "/jobs/2", detail: "jobs[2] is wrong." },
      { pointer: "/jobs/2/tags/0", detail: "tags[0] is wrong." },
      { pointer: "/jobsen/2", detail: "jobsen[2] is wrong." },
    ];
    const problem = { ...invalidJob, errors };
    const { dure } = start(({ jobs: sent }) => ({
      status: 200,
      body: { id: "batch_1", atomic: false, accepted: 0, items: sent.map(() => ({ problem })) },
    }));
    const { items } = await dure.submitBatch({ jobs: jobs(1001) });
    expect(items[0]).toEqual({ problem });
    expect(items[1000]).toEqual({
      problem: {
        ...invalidJob,
        errors: [
          { pointer: "/jobs/1002", detail: "jobs[1002] is wrong." },
          { pointer: "/jobs/1002/tags/0", detail: "tags[0] is wrong." },
          { pointer: "/jobsen/2", detail: "jobsen[2] is wrong." },
        ],
      },
    });
  });

  test("of which one request is refused whole has the problem that each of its jobs was told of", async () => {
    const { dure } = start(({ jobs: sent }, call) => (call === 1 ? null : refusedWhole(sent.length)));
    const { accepted, items } = await dure.submitBatch({ jobs: jobs(1002) });
    expect(accepted).toBe(1000);
    expect(items.slice(1000)).toEqual(
      [1000, 1001].map((n) => ({ problem: { ...invalidJob, errors: [{ pointer: `/jobs/${n}`, detail: "" }] } })),
    );
  });

  test("of which one request is refused with the words on other jobs has the refusal for each of its own", async () => {
    const { dure } = start((_, call) => (call === 1 ? null : refusedWhole(3)));
    const { items } = await dure.submitBatch({ jobs: jobs(1001) });
    expect(items[1000]).toMatchObject({ problem: { code: "batch-refused" } });
  });

  test("of which every request is refused whole throws with what each job was told of", async () => {
    const { dure } = start(({ jobs: sent }) => refusedWhole(sent.length));
    const problem = await dure.submitBatch({ jobs: jobs(1001) }).catch((error) => error.problem);
    expect(problem.code).toBe("batch-refused");
    expect(problem.items).toHaveLength(1001);
    expect(problem.items[1000].problem.errors).toEqual([{ pointer: "/jobs/1000", detail: "" }]);
  });

  test("that is aborted throws the reason", async () => {
    const stop = new AbortController();
    const { dure } = start((_, call) => {
      if (call === 2) stop.abort(new Error("enough"));
      return null;
    });
    await expect(dure.submitBatch({ jobs: jobs(3000) }, { signal: stop.signal })).rejects.toThrow("enough");
  });
});
