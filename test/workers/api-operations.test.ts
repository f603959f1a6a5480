import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import type { JobListView } from "../../contract/job.ts";
import type { OperationListView, OperationView } from "../../contract/operation.ts";
import { primary } from "../../workers/db/client.ts";
import { deleteStep, noteStep, walkHistory } from "../../workers/db/operation-history.ts";
import { findOperation, insertOperation } from "../../workers/db/operations.ts";
import {
  call,
  claimOne,
  evict,
  existingAnywhere,
  fail,
  freshName,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  type Problem,
  shards,
  sleep,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow, brokenDatabase, callThrough, crashAt, faultyShards } from "./faults.ts";
import { finishedJobs } from "./history.ts";
import { project } from "./processor.ts";

afterEach(resetClock);

type List = z.infer<typeof OperationListView>;
type Jobs = z.infer<typeof JobListView>;

function start(body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<OperationView> {
  return must("POST", "/v1/operations", { body, headers });
}

/** The operation when it is done. */
async function finished(id: string): Promise<OperationView> {
  for (let i = 0; i < 100; i++) {
    const operation = await must<OperationView>("GET", `/v1/operations/${id}`);
    if (operation.state === "done") return operation;
    await runAlarms();
    await sleep(20);
  }
  throw new Error(`${id} does not end`);
}

async function run(body: Record<string, unknown>): Promise<OperationView> {
  return finished((await start(body)).id);
}

async function statusOf(id: string): Promise<number> {
  return (await call("GET", `/v1/jobs/${id}`)).status;
}

async function listed(queue: string): Promise<string[]> {
  return (await must<Jobs>("GET", `/v1/jobs?queue=${queue}`)).items.map(({ id }) => id);
}

describe("POST /v1/operations", () => {
  test("cancels what waits and runs, and says how many", async () => {
    const queue = await newQueue();
    const jobs = await Promise.all(Array.from({ length: 12 }, () => submit({ queue, delay: 3600 })));
    const other = await submit({ queue: await newQueue(), delay: 3600 });
    const started = await call<OperationView>("POST", "/v1/operations", {
      body: { action: "cancel", filter: { queue } },
    });
    expect(started.status).toBe(202);
    expect(started.body).toMatchObject({ action: "cancel", filter: { queue }, state: "running", finishedAt: null });
    expect(started.body.id).toMatch(/^op_[0-9a-f]{32}$/);
    const done = await finished(started.body.id);
    expect(done).toMatchObject({ state: "done", progress: { matched: 12, changed: 12 }, ratePerSecond: null });
    expect(done.finishedAt).not.toBeNull();
    const after = await Promise.all(jobs.map(({ id }) => getJob(id)));
    expect(new Set(after.map(({ state }) => state))).toEqual(new Set(["cancelled"]));
    expect((await getJob(other.id)).state).toBe("scheduled");
  });

  test("retries failed jobs, and again only those that have failed", async () => {
    const queue = await newQueue({ target: { type: "pull" } });
    const job = await submit({ queue });
    await fail((await claimOne(queue)).lease, { retryable: false });
    expect(await run({ action: "retry", filter: { queue, errorCode: "other" } })).toMatchObject({
      progress: { changed: 0 },
    });
    expect(await run({ action: "retry", filter: { queue, errorCode: "broken" } })).toMatchObject({
      progress: { matched: 1, changed: 1 },
    });
    expect((await getJob(job.id)).state).toBe("queued");
  });

  test("deletes final jobs everywhere: get, list, explain, retry, stats; before and after history has heard", async () => {
    const queue = await newQueue();
    const [kept, dead, won] = [await submit({ queue, delay: 3600 }), await submit({ queue }), await submit({ queue })];
    for (let i = 0; i < 2; i++) {
      const { id, lease } = await claimOne(queue);
      await (id === dead.id ? fail(lease, { retryable: false }) : succeed(lease));
    }
    await project();
    expect((await listed(queue)).sort()).toEqual([kept.id, dead.id, won.id].sort());
    expect(await run({ action: "delete", filter: { queue } })).toMatchObject({ progress: { matched: 2, changed: 2 } });
    for (const told of [false, true]) {
      if (told) await project();
      await evict();
      for (const { id } of [dead, won]) {
        expect(await statusOf(id)).toBe(404);
        expect((await call("GET", `/v1/jobs/${id}/explain`)).status).toBe(404);
        expect((await call("POST", `/v1/jobs/${id}/retry`)).status).toBe(404);
      }
      expect(await listed(queue)).toEqual([kept.id]);
      const stats = await must<{ counts: Record<string, number> }>("GET", `/v1/queues/${queue}/stats`);
      if (told) expect(stats.counts).toMatchObject({ failed: 0, succeeded: 0, scheduled: 1 });
    }
    const rows = await finishedJobs(queue);
    expect(rows.map(({ state, payload }) => ({ state, payload }))).toEqual([
      { state: "discarded", payload: "null" },
      { state: "discarded", payload: "null" },
    ]);
    expect((await auditNow()).ok).toBe(true);
  });

  test("deletes what history alone has, with its idempotency key", async () => {
    const queue = await newQueue();
    const body = { queue, idempotencyKey: "order-1" };
    const first = await submit(body);
    await succeed((await claimOne(queue)).lease);
    await project();
    passTime(2 * 3_600_000);
    await settle();
    expect(await existingAnywhere([first.id])).toEqual([]);
    const dry = await run({ action: "delete", filter: { queue }, dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, progress: { matched: 1, changed: 0 } });
    expect((await submit(body)).id).toBe(first.id);
    const done = await run({ action: "delete", filter: { queue, state: "succeeded" } });
    expect(done.progress).toMatchObject({ matched: 1, changed: 1 });
    expect(await listed(queue)).toEqual([]);
    expect((await submit(body)).id).not.toBe(first.id);
  });

  test("retries what history alone has, at its pace", async () => {
    const queue = await newQueue({ retention: 1, partitions: 1 });
    const jobs = [await submit({ queue, payload: 1 }), await submit({ queue, payload: 2 })];
    for (const _ of jobs) await fail((await claimOne(queue)).lease, { retryable: false });
    await project();
    passTime(120_000);
    await settle();
    expect(await existingAnywhere(jobs.map(({ id }) => id))).toEqual([]);
    const done = await run({ action: "retry", filter: { queue }, ratePerSecond: 0.001 });
    expect(done.progress).toMatchObject({ matched: 2, changed: 2 });
    const after = await Promise.all(jobs.map(({ id }) => getJob(id)));
    expect(after.map(({ state, payload }) => [state, payload])).toEqual([
      ["queued", 1],
      ["scheduled", 2],
    ]);
    expect((await claimOne(queue)).attempt).toBe(2);
  });

  test("ends though its shards are evicted and one dies in the middle of a step", async () => {
    const queue = await newQueue({ partitions: 8 });
    const jobs = await Promise.all(Array.from({ length: 40 }, () => submit({ queue, delay: 3600 })));
    const [victim] = shards();
    if (victim === undefined) throw new Error("no shard");
    const statements = await crashAt(victim.stub, 30, "throws-after");
    const { id } = await start({ action: "cancel", filter: { queue } });
    await expect.poll(statements, { timeout: 15_000 }).toBeGreaterThanOrEqual(30);
    await evict();
    passTime(31_000);
    await runCron();
    const { progress } = await finished(id);
    expect(progress.changed).toBe(jobs.length);
    const after = await Promise.all(jobs.map((job) => getJob(job.id)));
    expect(new Set(after.map(({ state }) => state))).toEqual(new Set(["cancelled"]));
  });

  test("is accepted though a shard cannot be reached: cron sends it again", async () => {
    const queue = await newQueue();
    const job = await submit({ queue, delay: 3600 });
    const broken = { ...env, ...pick(faultyShards({ method: "operate", when: "before" })) };
    const answer = await callThrough<OperationView>(broken, ["POST", "/v1/operations"], {
      body: { action: "cancel", filter: { queue } },
    });
    expect(answer.status).toBe(202);
    expect((await getJob(job.id)).state).toBe("scheduled");
    await runCron();
    await settle();
    await runCron();
    expect((await getJob(job.id)).state).toBe("cancelled");
    const row = env.DB.prepare("SELECT finished_at FROM operations WHERE id = ?").bind(answer.body.id);
    expect(await row.first("finished_at")).not.toBeNull();
  });

  test("is refused (503) when it cannot be stored", async () => {
    const answer = await callThrough<Problem>({ ...env, DB: brokenDatabase() }, ["POST", "/v1/operations"], {
      body: { action: "retry" },
    });
    expect(answer.status).toBe(503);
  });

  test("with an idempotency key answers the same operation; another body is refused", async () => {
    const queue = await newQueue();
    const key = { "idempotency-key": freshName("key") };
    const body = { action: "cancel", filter: { queue } };
    const first = await start(body, key);
    await submit({ queue, delay: 3600 });
    const again = await call<OperationView>("POST", "/v1/operations", { body, headers: key });
    expect([again.status, again.headers.get("dure-replayed")]).toEqual([200, "true"]);
    expect(again.body.id).toBe(first.id);
    expect((await finished(first.id)).progress.changed).toBe(0);
    const other = await call("POST", "/v1/operations", { body: { action: "retry" }, headers: key });
    expect([other.status, other.body.code]).toEqual([422, "idempotency-mismatch"]);
  });

  test.each([
    ["cancel of everything", { action: "cancel" }, "/filter"],
    ["delete of everything", { action: "delete", filter: {} }, "/filter"],
    ["an unknown action", { action: "explode", filter: { queue: "q" } }, "/action"],
    ["an unknown field", { action: "cancel", filter: { queue: "q", colour: "red" } }, "/filter/colour"],
    ["a state that the action leaves alone", { action: "delete", filter: { state: "queued" } }, "/filter/state"],
    [
      "a rate where nothing is retried",
      { action: "cancel", filter: { queue: "q" }, ratePerSecond: 1 },
      "/ratePerSecond",
    ],
    ["a time that is none", { action: "retry", filter: { createdAfter: "yesterday" } }, "/filter/createdAfter"],
  ])("refuses %s", async (_, body, pointer) => {
    const answer = await call("POST", "/v1/operations", { body });
    expect([answer.status, answer.body.code]).toEqual([400, "invalid-request"]);
    expect(answer.body.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  test("bounds how many run at once", async () => {
    const namespace = await makeNamespace(freshName("busy"));
    const inside = { "dure-namespace": namespace };
    const insert = env.DB.prepare("INSERT INTO operations (id, namespace, request, created_at) VALUES (?, ?, '{}', ?)");
    await env.DB.batch(
      Array.from({ length: 20 }, (_, i) => insert.bind(`op_${namespace}_${i}`, namespace, Date.now())),
    );
    const answer = await call("POST", "/v1/operations", { body: { action: "retry" }, headers: inside });
    expect([answer.status, answer.body.code]).toEqual([429, "too-many-operations"]);
    expect(answer.headers.get("retry-after")).toBe("10");
    await env.DB.prepare("DELETE FROM operations WHERE namespace = ?").bind(namespace).run();
  });

  test("needs admin; reading needs read, and sees its own namespace alone", async () => {
    const namespace = await makeNamespace(freshName("space"));
    const own = await start({ action: "retry" });
    const [submitter, reader] = [await makeKey(["submit"]), await makeKey(["read"])];
    const stranger = await makeKey(["admin"], namespace);
    const body = { action: "retry" };
    expect((await call("POST", "/v1/operations", { body, key: reader.key })).status).toBe(403);
    expect((await call("GET", `/v1/operations/${own.id}`, { key: submitter.key })).status).toBe(403);
    expect((await call("GET", `/v1/operations/${own.id}`, { key: reader.key })).status).toBe(200);
    const foreign = await call("GET", `/v1/operations/${own.id}`, { key: stranger.key });
    expect([foreign.status, foreign.body.code]).toEqual([404, "operation-not-found"]);
    expect(await must<List>("GET", "/v1/operations", { key: stranger.key })).toEqual({ items: [], nextCursor: null });
  });
});

test("operations are listed newest first, in pages, and forgotten seven days after their end", async () => {
  const namespace = await makeNamespace(freshName("list"));
  const { key } = await makeKey(["admin"], namespace);
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    ids.unshift((await must<OperationView>("POST", "/v1/operations", { body: { action: "retry" }, key })).id);
    passTime(10);
  }
  const first = await must<List>("GET", "/v1/operations?limit=2", { key });
  const second = await must<List>("GET", `/v1/operations?limit=2&cursor=${first.nextCursor}`, { key });
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
  expect(second.nextCursor).toBeNull();
  await settle();
  await runCron();
  const page = await must<List>("GET", "/v1/operations", { key });
  expect(page.items.map(({ state }) => state)).toEqual(["done", "done", "done"]);
  passTime(7 * 86_400_000 + 1000);
  await runCron();
  await settle();
  expect((await must<List>("GET", "/v1/operations", { key })).items).toEqual([]);
});

test("a step over history that comes twice counts once, and leaves what has changed since", async () => {
  const queue = await newQueue();
  const ids = [(await submit({ queue, delay: 3600 })).id, (await submit({ queue, delay: 3600 })).id].sort();
  for (const id of ids) await must("POST", `/v1/jobs/${id}/cancel`, { body: {} });
  await project();
  const db = primary(env.DB);
  const { records, last } = await walkHistory(db, { namespace: "default", queue, after: "", limit: 10 });
  expect(records.map(({ id }) => id)).toEqual(ids);
  const [first, second] = records;
  if (first === undefined || second === undefined) throw new Error("two jobs are in history");
  const operation = `op_${queue}`;
  const row = { id: operation, namespace: "nobody", request: "{}", createdAt: Date.now(), after: "" };
  expect(await insertOperation(db, row, 1)).toBe(true);
  expect(await insertOperation(db, { ...row, id: `${operation}-2` }, 1)).toBe(false);
  const counts = { scanned: 2, matched: 2, changed: 0 };
  const victims = [first, { ...second, version: second.version - 1 }];
  const step = { operation, namespace: "default", after: "", next: last, counts, victims, now: Date.now() };
  expect([await deleteStep(db, step), await deleteStep(db, step), await noteStep(db, step)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(await findOperation(db, "nobody", operation)).toMatchObject({
    scanned: 2,
    matched: 2,
    changed: 1,
    after: last,
  });
  expect((await finishedJobs(queue)).map(({ state }) => state)).toEqual(["discarded", "cancelled"]);
  await env.DB.prepare("DELETE FROM operations WHERE id = ?").bind(operation).run();
});

/** Fires the alarms until what is due is done. */
async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await runAlarms();
}

function pick({ SHARD }: { SHARD: Env["SHARD"] }): { SHARD: Env["SHARD"] } {
  return { SHARD };
}
