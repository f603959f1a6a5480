import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { JobListView, JobView } from "../../contract/job.ts";
import { MAX_PAYLOAD_BYTES } from "../../contract/limits.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  fail,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  ROOT,
  request,
  submit,
  succeed,
} from "./api.ts";
import { bound, thrownBy } from "./binding.ts";

/** `PATCH /v1/jobs/{id}` and `POST /v1/jobs/{id}/run-now`. */

const patch = (id: string, body: unknown, headers: Record<string, string> = {}) =>
  call<JobView>("PATCH", `/v1/jobs/${id}`, { body, headers });
const runNow = (id: string) => call<JobView>("POST", `/v1/jobs/${id}/run-now`);
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe("a job that waits", () => {
  it("is changed as a merge patch says; what is left out stays, and null is what a submission leaves out", async () => {
    const queue = await newQueue();
    const at = inAnHour();
    const job = { queue, payload: { a: 1, b: 2 }, priority: 7, tags: ["x"], runAt: at, expiresAt: inAnHour() };
    const before = await submit(job);
    const first = await patch(before.id, { payload: { a: null } });
    expect(first).toMatchObject({ status: 200, body: { ...before, payload: { a: null }, version: 2 } });
    const all = { payload: null, priority: 9, tags: ["y", "z"], runAt: null, expiresAt: null };
    const { body } = await patch(before.id, all);
    expect(body).toMatchObject({ ...all, state: "queued", runAt: body.runAt, version: 3 });
    expect(Date.parse(body.runAt)).toBeLessThanOrEqual(Date.now());
    expect((await patch(before.id, { priority: null, tags: null })).body).toMatchObject({ priority: 4, tags: [] });
    await evict();
    expect(await getJob(before.id)).toMatchObject({ payload: null, priority: 4, tags: [], version: 4 });
    const [claimed] = await claim(queue);
    expect(claimed).toMatchObject({ id: before.id, payload: null });
  });

  it("is found by its new tags and in its new state", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, tags: ["old"] });
    await patch(id, { tags: ["new"], runAt: inAnHour() });
    const listed = async (query: string) =>
      (await must<JobListView>("GET", `/v1/jobs?queue=${queue}&${query}`)).items.map((job) => job.id);
    expect([await listed("tag=new"), await listed("tag=old"), await listed("state=scheduled")]).toEqual([
      [id],
      [],
      [id],
    ]);
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { scheduled: 1, queued: 0 } });
  });

  it("has the payload's own text from then on, byte for byte", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const text = '{"id":3889108265204450030, "b":1.0,"a":-0,"b":1e400}';
    await must("PATCH", `/v1/jobs/${id}`, { text: `{"payload": ${text} }` });
    const read = await exports.default.fetch(request("GET", `/v1/jobs/${id}`));
    expect(await read.text()).toContain(`"payload":${text},`);
    expect(await bound({ key: ROOT }).get(id)).toMatchObject({ payloadText: text });
    await bound({ key: ROOT }).patch(id, { payloadText: "[1.50]" });
    expect(await bound({ key: ROOT }).get(id)).toMatchObject({ payloadText: "[1.50]" });
  });

  it("takes the content type of merge patches as well", async () => {
    const { id } = await submit({ queue: await newQueue() });
    const headers = { "content-type": "application/merge-patch+json" };
    expect(await patch(id, { priority: 1 }, headers)).toMatchObject({ status: 200, body: { priority: 1 } });
  });

  it("goes on to history as it was changed", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, payload: "old", idempotencyKey: "k" });
    await patch(id, { payload: "new", tags: ["t"] });
    const again = await call<JobView>("POST", "/v1/jobs", { body: { queue, payload: "old", idempotencyKey: "k" } });
    expect(again).toMatchObject({ status: 200, body: { id, payload: "new" } });
    expect(await call("POST", "/v1/jobs", { body: { queue, payload: "new", idempotencyKey: "k" } })).toMatchObject({
      status: 422,
    });
    await succeed((await claimOne(queue)).lease);
    expect(await getJob(id)).toMatchObject({ state: "succeeded", payload: "new", tags: ["t"] });
  });
});

describe("refused is", () => {
  it.each<[string, unknown, string]>([
    ["an unknown field", { queue: "x" }, "/queue"],
    ["a delay", { delay: 1 }, "/delay"],
    ["a priority beyond 9", { priority: 10 }, "/priority"],
    ["an expiry that has passed", { expiresAt: "2020-01-01T00:00:00Z" }, "/expiresAt"],
    ["a time too far ahead", { runAt: "2099-01-01T00:00:00Z" }, "/runAt"],
    ["no time", { runAt: "tomorrow" }, "/runAt"],
    ["an empty tag", { tags: [""] }, "/tags/0"],
  ])("%s", async (_, body, pointer) => {
    const { id } = await submit({ queue: await newQueue() });
    expect(await call("PATCH", `/v1/jobs/${id}`, { body })).toMatchObject({
      status: 400,
      body: { code: "invalid-request", errors: [{ pointer }] },
    });
    expect((await getJob(id)).version).toBe(1);
  });

  it("a payload that is too large (413)", async () => {
    const { id } = await submit({ queue: await newQueue() });
    expect((await patch(id, { payload: "x".repeat(MAX_PAYLOAD_BYTES) })).status).toBe(413);
  });

  it("a change of a job that runs, or has ended, be it in history alone (409)", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    const { lease } = await claimOne(queue);
    const running = { status: 409, body: { code: "invalid-state", detail: expect.stringContaining("running") } };
    expect(await patch(id, { priority: 1 })).toMatchObject(running);
    expect(await runNow(id)).toMatchObject(running);
    await succeed(lease);
    expect(await patch(id, { priority: 1 })).toMatchObject({ status: 409 });
    expect(await runNow(id)).toMatchObject({ status: 409 });
  });

  it("a job that is not there, or another namespace's (404)", async () => {
    const { key } = await makeKey(["submit"], await makeNamespace("changer"));
    const { id } = await submit({ queue: await newQueue() });
    for (const path of [`/v1/jobs/${id}`, "/v1/jobs/nonsense"]) {
      expect((await call("PATCH", path, { body: { priority: 1 }, key })).status).toBe(404);
      expect((await call("POST", `${path}/run-now`, { key })).status).toBe(404);
    }
  });

  it("a key without the scope submit (403); with it alone both are done", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, delay: 100 });
    const [reader, submitter] = [await makeKey(["read", "work"]), await makeKey(["submit"])];
    expect((await call("PATCH", `/v1/jobs/${id}`, { body: { priority: 1 }, key: reader.key })).status).toBe(403);
    expect((await call("POST", `/v1/jobs/${id}/run-now`, { key: reader.key })).status).toBe(403);
    expect((await call("PATCH", `/v1/jobs/${id}`, { body: { priority: 1 }, key: submitter.key })).status).toBe(200);
    expect((await call("POST", `/v1/jobs/${id}/run-now`, { key: submitter.key })).status).toBe(200);
  });
});

describe("If-Match", () => {
  it("lets a change be made of the version that the caller has seen, and of no other (412)", async () => {
    const { id } = await submit({ queue: await newQueue() });
    const read = await call("GET", `/v1/jobs/${id}`);
    const seen = { "if-match": read.headers.get("etag") ?? "" };
    const changed = await patch(id, { priority: 1 }, seen);
    expect(changed).toMatchObject({ status: 200, body: { version: 2 } });
    expect(changed.headers.get("etag")).toBe((await call("GET", `/v1/jobs/${id}`)).headers.get("etag"));
    const late = await call("PATCH", `/v1/jobs/${id}`, { body: { priority: 2 }, headers: seen });
    expect(late).toMatchObject({ status: 412, body: { code: "version-mismatch" } });
    expect(await getJob(id)).toMatchObject({ priority: 1, version: 2 });
    for (const tag of ['"2"', '"1", "3"', "*"]) {
      expect((await patch(id, { priority: 3 }, { "if-match": tag })).status).toBe(200);
    }
  });

  it.each([
    ['W/"1"', 412],
    ['"job_0.1"', 412],
    ['"1x"', 412],
    ["1", 400],
  ])("%s is answered %i", async (tag, status) => {
    const { id } = await submit({ queue: await newQueue() });
    expect((await patch(id, { priority: 1 }, { "if-match": tag })).status).toBe(status);
  });

  it("is asked before the state, of a job in history alone as well", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await claimOne(queue);
    expect((await patch(id, { priority: 1 }, { "if-match": '"1"' })).status).toBe(412);
    expect((await patch(id, { priority: 1 }, { "if-match": '"2"' })).status).toBe(409);
  });

  it("matches a job whose worker has told of its progress, by its tag and by its version", async () => {
    const queue = await newQueue({ retry: { delay: 100 } });
    const { id } = await submit({ queue });
    const { lease } = await claimOne(queue);
    const running = await call("GET", `/v1/jobs/${id}`);
    await must("POST", "/v1/leases/extend", { body: { lease, leaseSeconds: 60, progress: { percent: 50 } } });
    const told = await call("GET", `/v1/jobs/${id}`, {
      headers: { "if-none-match": running.headers.get("etag") ?? "" },
    });
    expect(told.status).toBe(200);
    await fail(lease);
    const read = await call<JobView>("GET", `/v1/jobs/${id}`);
    const tag = read.headers.get("etag") ?? "";
    expect((await patch(id, { priority: 1 }, { "if-match": tag })).status).toBe(200);
    expect((await patch(id, { priority: 1 }, { "if-match": `"${read.body.version + 1}"` })).status).toBe(200);
  });
});

describe("run-now", () => {
  it("makes a scheduled job due, one that waits for its next attempt too; a queued one stays as it is", async () => {
    const queue = await newQueue({ retry: { delay: 100 } });
    const { id: first } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    const { id: second } = await submit({ queue, delay: 1000 });
    expect(await claim(queue)).toEqual([]);
    for (const id of [first, second])
      expect(await runNow(id)).toMatchObject({ status: 200, body: { state: "queued" } });
    const again = await runNow(first);
    expect(again.body).toEqual(await getJob(first));
    await evict();
    expect((await claim(queue)).map(({ id }) => id).sort()).toEqual([first, second].sort());
  });

  it("is only done to the version that `If-Match` names", async () => {
    const { id } = await submit({ queue: await newQueue(), delay: 1000 });
    const at = (version: number) =>
      call<JobView>("POST", `/v1/jobs/${id}/run-now`, { headers: { "if-match": `"${version}"` } });
    expect(await at(2)).toMatchObject({ status: 412, body: { code: "version-mismatch" } });
    expect(await getJob(id)).toMatchObject({ state: "scheduled", version: 1 });
    expect(await at(1)).toMatchObject({ status: 200, body: { state: "queued", version: 2 } });
  });

  it("wakes those who wait for work", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, delay: 1000 });
    const waiting = claim(queue, { wait: 10 });
    await runNow(id);
    expect(await waiting).toMatchObject([{ id }]);
  });

  it("leaves a job behind its ordering key, and in a queue that is paused", async () => {
    const queue = await newQueue();
    const first = await submit({ queue, orderingKey: "k", delay: 1000 });
    const second = await submit({ queue, orderingKey: "k", delay: 1000 });
    expect(await runNow(second.id)).toMatchObject({ status: 200, body: { state: "queued" } });
    expect(await must("GET", `/v1/jobs/${second.id}/explain`)).toMatchObject({
      reason: "ordering",
      blockedBy: first.id,
    });
    await must("POST", `/v1/queues/${queue}/pause`);
    await runNow(first.id);
    expect(await claim(queue)).toEqual([]);
    expect(await must("GET", `/v1/jobs/${first.id}/explain`)).toMatchObject({ reason: "paused" });
  });
});

describe("over the service binding", () => {
  it("both are what they are over HTTP", async () => {
    const dure = bound({ namespace: "default", scopes: ["submit"] });
    const { id } = await submit({ queue: await newQueue(), delay: 1000 });
    const { meta: _, ...changed } = await dure.patch(id, { payload: { x: 1 }, tags: ["t"] }, { ifVersion: 1 });
    expect(changed).toEqual({ ...(await getJob(id)), payloadText: '{"x":1}' });
    expect(await thrownBy(() => dure.patch(id, { priority: 1 }, { ifVersion: 1 }))).toMatchObject({
      code: "version-mismatch",
    });
    expect(await thrownBy(() => dure.patch(id, { priority: 11 }))).toMatchObject({ code: "invalid-request" });
    const { meta: __, ...due } = await dure.runNow(id);
    expect(due).toEqual({ ...(await getJob(id)), payloadText: '{"x":1}' });
    expect(due).toMatchObject({ state: "queued", payload: { x: 1 }, version: 3 });
  });
});
