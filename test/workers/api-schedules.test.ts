import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobListView } from "../../contract/job.ts";
import { FireListView, type FireView, ScheduleListView, ScheduleView } from "../../contract/schedule.ts";
import type { SubscriptionView } from "../../contract/subscription.ts";
import gateway from "../limits/gateway.ts";
import {
  answerOf,
  call,
  evict,
  freshName,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  request,
  shards,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow, faultyShards } from "./faults.ts";

const MINUTE = 60_000;

/** Tests begin just after a full minute, so that how many instants a stretch of time has does not depend on when they run. */
beforeEach(() => passTime(MINUTE - (Date.now() % MINUTE) + 1));
afterEach(resetClock);

interface Over {
  [field: string]: unknown;
  job?: Record<string, unknown>;
}

function bodyOf(queue: string, over: Over = {}) {
  return { cron: "* * * * *", ...over, job: { queue, payload: { report: "daily" }, ...over.job } };
}

/** A schedule of every minute on a new queue. */
async function newSchedule(
  over: Over = {},
  partitions = 16,
): Promise<{ name: string; queue: string; view: ScheduleView }> {
  const queue = await newQueue({ partitions });
  const name = freshName("s");
  return { name, queue, view: await must("PUT", `/v1/schedules/${name}`, { body: bodyOf(queue, over) }) };
}

/** Time passes and the shards' alarms fire, until nothing is due. */
async function pass(ms: number): Promise<void> {
  passTime(ms);
  for (let n = 0; n < 5; n++) await runAlarms();
}

function read(name: string): Promise<ScheduleView> {
  return must("GET", `/v1/schedules/${name}`);
}

async function fires(name: string): Promise<FireView[]> {
  return (await must<FireListView>("GET", `/v1/schedules/${name}/fires?limit=200`)).items;
}

async function jobsIn(queue: string): Promise<string[]> {
  return (await must<JobListView>("GET", `/v1/jobs?queue=${queue}&limit=200`)).items.map(({ id }) => id);
}

async function auditIsClean(): Promise<void> {
  expect((await auditNow()).violations).toEqual([]);
}

describe("a schedule", () => {
  it("is created with 201 and its defaults, replaced with 200, read, and deleted with 204", async () => {
    const queue = await newQueue();
    const name = freshName("s");
    const body = bodyOf(queue);
    const created = await call<ScheduleView>("PUT", `/v1/schedules/${name}`, { body });
    expect(created).toMatchObject({
      status: 201,
      body: {
        name,
        cron: "* * * * *",
        timezone: "UTC",
        job: {
          queue,
          payload: { report: "daily" },
          orderingKey: null,
          priority: 4,
          timeout: null,
          retry: null,
          tags: [],
        },
        overlap: "allow",
        every: null,
        start: null,
        end: null,
        catchUp: { window: null },
        jitter: 0,
        paused: false,
        state: "active",
        version: 1,
        lastFireAt: null,
      },
    });
    expect(ScheduleView.parse(created.body)).toEqual(created.body);
    expect(Date.parse(created.body.nextFireAt ?? "")).toBe(Math.ceil(Date.now() / MINUTE) * MINUTE);
    expect(await read(name)).toEqual(created.body);
    const job = {
      queue,
      payload: [1],
      orderingKey: "k",
      timeout: 1.5,
      retry: { maxAttempts: 2, delay: 0.5 },
      tags: ["t"],
      expiresAfter: 30,
    };
    const next = {
      cron: "0 30 2 * * MON",
      timezone: "Europe/Berlin",
      job,
      overlap: "skip",
      catchUp: { window: 600 },
      jitter: 2.5,
      paused: true,
    };
    const replaced = await call<ScheduleView>("PUT", `/v1/schedules/${name}`, { body: next });
    expect(replaced).toMatchObject({ status: 200, body: { ...next, state: "paused", version: 2 } });
    expect(replaced.body).toMatchObject({ nextFireAt: null, nextInstants: [] });
    expect(replaced.body.createdAt).toBe(created.body.createdAt);
    expect((await call("DELETE", `/v1/schedules/${name}`)).status).toBe(204);
    for (const path of [`/v1/schedules/${name}`, `/v1/schedules/${name}/fires`]) {
      expect(await call("GET", path)).toMatchObject({ status: 404, body: { code: "schedule-not-found" } });
    }
    expect((await call("DELETE", `/v1/schedules/${name}`)).status).toBe(404);
    const again = await call<ScheduleView>("PUT", `/v1/schedules/${name}`, { body });
    expect(again).toMatchObject({ status: 201, body: { version: 4 } });
  });

  it("needs a queue that exists", async () => {
    const answer = await call("PUT", `/v1/schedules/${freshName("s")}`, { body: bodyOf("no-such-queue") });
    expect(answer).toMatchObject({ status: 404, body: { code: "queue-not-found" } });
    const implicit = await call<ScheduleView>("PUT", `/v1/schedules/${freshName("s")}`, {
      body: { cron: "0 0 1 1 *", job: { payload: 1 } },
    });
    expect(implicit).toMatchObject({ status: 201, body: { job: { queue: "default" } } });
  });

  it.each<[string, Over, string]>([
    ["no cron", { cron: undefined }, "/cron"],
    ["four fields", { cron: "* * * *" }, "/cron"],
    ["a nickname that is none", { cron: "@reboot" }, "/cron"],
    ["a day that no month has", { cron: "0 0 0 * *" }, "/cron"],
    ["cron and every", { every: 60 }, "/every"],
    ["an interval below a second", { cron: undefined, every: 0.5 }, "/every"],
    ["a start that is no time", { start: "tomorrow" }, "/start"],
    ["an end before its start", { start: "2027-01-02T00:00:00Z", end: "2027-01-01T00:00:00Z" }, "/end"],
    ["a minute that is none", { cron: "60 * * * *" }, "/cron"],
    ["30 February", { cron: "0 0 30 2 *" }, "/cron"],
    ["an expression without end", { cron: `${"1,".repeat(80)}1 * * * *` }, "/cron"],
    ["a zone that is none", { timezone: "Europe/Atlantis" }, "/timezone"],
    ["an offset for a zone", { timezone: "+02:00" }, "/timezone"],
    ["an overlap that is none", { overlap: "replace" }, "/overlap"],
    ["a window below alarms' own lateness", { catchUp: { window: 1 } }, "/catchUp/window"],
    ["a jitter below zero", { jitter: -1 }, "/jitter"],
    ["no payload", { job: { payload: undefined } }, "/job/payload"],
    ["a job's run-at", { job: { runAt: "2030-01-01T00:00:00Z" } }, "/job/runAt"],
    ["an idempotency key", { job: { idempotencyKey: "k" } }, "/job/idempotencyKey"],
    ["an unknown field", { interval: 5 }, "/interval"],
  ])("is refused with %s", async (_, over, pointer) => {
    const answer = await call("PUT", `/v1/schedules/${freshName("s")}`, { body: bodyOf("default", over) });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request" } });
    expect(answer.body.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  it("is refused with a job that its queue would refuse", async () => {
    const pushed = await newQueue({ target: { type: "handler", name: "noop" } });
    const long = await call("PUT", `/v1/schedules/${freshName("s")}`, {
      body: bodyOf(pushed, { job: { timeout: 3600 } }),
    });
    expect(long).toMatchObject({
      status: 422,
      body: { code: "timeout-too-long", errors: [{ pointer: "/job/timeout" }] },
    });
    const keyed = await newQueue({ partitions: 4, perKeyConcurrency: 1 });
    const both = { overlap: "queue", job: { concurrencyKey: "c" } };
    const answer = await call("PUT", `/v1/schedules/${freshName("s")}`, { body: bodyOf(keyed, both) });
    expect(answer).toMatchObject({ status: 422, body: { code: "keys-need-one-partition" } });
    const large = await call("PUT", `/v1/schedules/${freshName("s")}`, {
      body: bodyOf(keyed, { job: { payload: "x".repeat(262_144) } }),
    });
    expect(large).toMatchObject({ status: 413, body: { code: "payload-too-large" } });
  });

  it("is patched in its job, and refused with a job that its queue would refuse", async () => {
    const { name, queue } = await newSchedule({ job: { orderingKey: "k", retry: { maxAttempts: 2, delay: 1 } } });
    const path = `/v1/schedules/${name}`;
    const body = {
      timezone: "Europe/Berlin",
      job: { payload: { to: "b" }, retry: { delay: null }, orderingKey: null },
    };
    const changed = await call<ScheduleView>("PATCH", path, { body });
    expect(changed).toMatchObject({ status: 200, body: { cron: "* * * * *", timezone: "Europe/Berlin", version: 2 } });
    expect(changed.body.job).toMatchObject({
      queue,
      payload: { report: "daily", to: "b" },
      retry: { maxAttempts: 2 },
      orderingKey: null,
    });
    expect(changed.body.job.retry).not.toHaveProperty("delay");
    expect((await must<ScheduleView>("PATCH", path, { body: { job: { payload: null } } })).job.payload).toBeNull();
    const pushed = await newQueue({ target: { type: "handler", name: "noop" } });
    await must("PATCH", path, { body: { job: { timeout: 3600 } } });
    expect(await call("PATCH", path, { body: { job: { queue: pushed } } })).toMatchObject({
      status: 422,
      body: {
        code: "timeout-too-long",
        errors: [{ pointer: "/job", detail: expect.stringMatching(/^timeout is at most 900 seconds /) }],
      },
    });
    expect(await call("PATCH", path, { body: { job: { queue: "no-such-queue" } } })).toMatchObject({
      status: 404,
      body: { code: "queue-not-found", errors: [{ pointer: "/job/queue" }] },
    });
    const large = { job: { payload: "x".repeat(262_144) } };
    expect(await call("PATCH", path, { body: large })).toMatchObject({ status: 413 });
    // The refusals have changed nothing.
    expect((await read(name)).version).toBe(4);
  });

  it("that is patched fires by what it says then", async () => {
    const { name } = await newSchedule();
    expect(await must("PATCH", `/v1/schedules/${name}`, { body: { paused: true } })).toMatchObject({
      nextFireAt: null,
    });
    await pass(3 * MINUTE);
    expect(await fires(name)).toEqual([]);
    await must("PATCH", `/v1/schedules/${name}`, { body: { paused: null } });
    await pass(MINUTE);
    expect((await fires(name)).map(({ outcome }) => outcome)).toEqual(["fired"]);
  });

  it("has names like those of queues", async () => {
    const body = bodyOf("default");
    expect((await call("PUT", "/v1/schedules/Not-A-Name", { body })).status).toBe(400);
    expect((await call("GET", "/v1/schedules/Not-A-Name")).status).toBe(404);
  });

  it("is changed by admins, read by readers, and seen in its own namespace only", async () => {
    const { name, queue } = await newSchedule();
    const [reader, submitter] = await Promise.all([makeKey(["read"]), makeKey(["submit"])]);
    const put = (key: string) => call("PUT", `/v1/schedules/${name}`, { body: bodyOf(queue), key });
    expect((await put(reader.key)).status).toBe(403);
    expect((await call("DELETE", `/v1/schedules/${name}`, { key: reader.key })).status).toBe(403);
    for (const path of ["", `/${name}`, `/${name}/fires`]) {
      expect((await call("GET", `/v1/schedules${path}`, { key: reader.key })).status).toBe(200);
      expect((await call("GET", `/v1/schedules${path}`, { key: submitter.key })).status).toBe(403);
    }
    const stranger = await makeKey(["admin"], await makeNamespace("strangers"));
    expect((await call("GET", `/v1/schedules/${name}`, { key: stranger.key })).status).toBe(404);
    expect((await call<ScheduleListView>("GET", "/v1/schedules", { key: stranger.key })).body.items).toEqual([]);
  });

  it("is listed newest first, page by page", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("listing"));
    for (const name of ["one", "two", "three", "four", "five"]) {
      await must("PUT", `/v1/schedules/${name}`, { body: bodyOf("default"), key });
      passTime(1000);
    }
    await must("DELETE", "/v1/schedules/three", { key });
    const names: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const next: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: ScheduleListView = await must("GET", `/v1/schedules?limit=3${next}`, { key });
      expect(ScheduleListView.parse(page)).toEqual(page);
      names.push(...page.items.map(({ name }) => name));
      expect(page.items.every(({ nextFireAt }) => nextFireAt !== null)).toBe(true);
      cursor = page.nextCursor;
    }
    expect(names).toEqual(["five", "four", "two", "one"]);
  });
});

describe("when it fires", () => {
  async function put(over: Over): Promise<ScheduleView> {
    return must("PUT", `/v1/schedules/${freshName("s")}`, { body: bodyOf("default", over) });
  }

  // What is to come is counted from `start`: so it does not depend on today.
  it.each<[string, Over, string[]]>([
    [
      "a gap of the clock that ends at midnight is no gap in a daily schedule",
      { cron: "30 23 * * *", timezone: "America/Nuuk", start: "2027-03-27T00:00:00Z" },
      ["2027-03-27T01:30", "2027-03-28T01:00", "2027-03-29T00:30", "2027-03-30T00:30", "2027-03-31T00:30"],
    ],
    [
      "a day field that begins with `*` is a limit beside the other, as crontab has it",
      { cron: "0 0 */2 * 1", start: "2027-01-01T00:00:00Z" },
      ["2027-01-11T00:00", "2027-01-25T00:00", "2027-02-01T00:00", "2027-02-15T00:00", "2027-03-01T00:00"],
    ],
    [
      "nicknames",
      { cron: "@yearly", timezone: "Europe/Berlin", start: "2027-06-01T00:00:00Z" },
      ["2027-12-31T23:00", "2028-12-31T23:00", "2029-12-31T23:00", "2030-12-31T23:00", "2031-12-31T23:00"],
    ],
    [
      "every so many seconds, from its start on",
      { cron: undefined, every: 5400, start: "2027-01-01T06:00:00+01:00" },
      ["2027-01-01T05:00", "2027-01-01T06:30", "2027-01-01T08:00", "2027-01-01T09:30", "2027-01-01T11:00"],
    ],
    [
      "no later than its end",
      { cron: "0 12 * * *", start: "2027-01-01T00:00:00Z", end: "2027-01-02T12:00:00Z" },
      ["2027-01-01T12:00", "2027-01-02T12:00"],
    ],
  ])("%s", async (_, over, expected) => {
    const view = await put(over);
    expect(view.nextInstants?.map((at) => at.slice(0, 16))).toEqual(expected);
    expect(view.nextFireAt).toBe(view.nextInstants?.[0]);
    expect(ScheduleView.parse(view)).toEqual(view);
    expect(await read(view.name)).toEqual(view);
    const changed = await must<ScheduleView>("PATCH", `/v1/schedules/${view.name}`, { body: { overlap: "skip" } });
    expect(changed.nextInstants).toEqual(view.nextInstants);
    const { items } = await must<ScheduleListView>("GET", "/v1/schedules?limit=200");
    expect(items.find(({ name }) => name === view.name)).not.toHaveProperty("nextInstants");
    await must("DELETE", `/v1/schedules/${view.name}`);
  });

  it("changes from cron to every and back by a patch that takes the other away", async () => {
    const { name } = await put({ start: "2027-01-01T00:00:00Z" });
    const patch = (body: object) => call<ScheduleView>("PATCH", `/v1/schedules/${name}`, { body });
    expect(await patch({ every: 60 })).toMatchObject({ status: 400, body: { errors: [{ pointer: "/every" }] } });
    expect(await patch({ cron: null })).toMatchObject({ status: 400, body: { errors: [{ pointer: "/cron" }] } });
    expect(await patch({ cron: null, every: 60 })).toMatchObject({ status: 200, body: { cron: null, every: 60 } });
    const back = await patch({ cron: "@daily", every: null, start: null });
    expect(back).toMatchObject({ status: 200, body: { cron: "@daily", every: null, start: null, version: 3 } });
    expect((await patch({ catchUp: { window: 600 } })).body.catchUp).toEqual({ window: 600 });
    expect((await patch({ catchUp: { window: null } })).body.catchUp).toEqual({ window: null });
    expect((await patch({ catchUp: { window: 600 } })).body.catchUp).toEqual({ window: 600 });
    expect((await patch({ catchUp: null })).body.catchUp).toEqual({ window: null });
  });

  it("ends with its end, says so, and stays", async () => {
    const end = new Date(Date.now() + 2 * MINUTE).toISOString();
    const { name } = await put({ end });
    await pass(MINUTE);
    await pass(MINUTE);
    await pass(10 * MINUTE);
    expect(await read(name)).toMatchObject({ state: "ended", nextFireAt: null, nextInstants: [], end });
    expect((await fires(name)).map(({ outcome }) => outcome)).toEqual(["fired", "fired"]);
    await auditIsClean();
    const more = { end: new Date(Date.now() + 2 * MINUTE).toISOString() };
    expect(await must("PATCH", `/v1/schedules/${name}`, { body: more })).toMatchObject({ state: "active" });
    await must("DELETE", `/v1/schedules/${name}`);
  });
});

describe("an instant that falls into an outage", () => {
  it("runs once as long as the next one is not due; those before it are missed, and told of", async () => {
    const { name, queue } = await newSchedule({ job: { tags: ["nightly"] } });
    const daily = await newSchedule({ cron: undefined, every: 3600 });
    await must("PUT", `/v1/subscriptions/${name}`, {
      body: { events: ["schedule.missed"], filter: { queue }, target: { type: "queue", binding: "NOWHERE" } },
    });
    await evict();
    await pass(3600_000 + 75_000);
    const found = await fires(name);
    expect(found.map(({ outcome, count }) => [outcome, count])).toEqual([
      ["fired", 1],
      ["missed", 60],
    ]);
    expect(found[0]?.lateSeconds).toBeLessThan(60);
    expect(await jobsIn(queue)).toHaveLength(1);
    const [late, ...others] = await fires(daily.name);
    expect([late?.outcome, others]).toEqual(["fired", []]);
    expect(late?.lateSeconds).toBeGreaterThan(60);
    const { delivery } = await must<SubscriptionView>("GET", `/v1/subscriptions/${name}`);
    expect(delivery.pending).toBe(1);
    await must("DELETE", `/v1/subscriptions/${name}`);
  });
});

describe("fires", () => {
  it("make a job at every instant, whatever is evicted between", async () => {
    const { name, queue } = await newSchedule({ catchUp: { window: 3600 }, job: { tags: ["nightly"] } });
    await pass(3 * MINUTE);
    await evict();
    await pass(2 * MINUTE);
    const found = await fires(name);
    expect(found.map(({ outcome }) => outcome)).toEqual(Array(5).fill("fired"));
    expect(found.map(({ jobId }) => jobId)).toEqual(await jobsIn(queue));
    const [last] = found;
    expect(FireListView.parse({ items: found, nextCursor: null }).items).toEqual(found);
    expect(last?.lateSeconds).toBeGreaterThanOrEqual(0);
    expect(last?.lateSeconds).toBeLessThan(180);
    expect(await read(name)).toMatchObject({ lastFireAt: last?.scheduledAt });
    const job = await getJob(last?.jobId ?? "");
    expect(job).toMatchObject({ queue, state: "queued", payload: { report: "daily" }, tags: ["nightly"] });
    expect(job.runAt).toBe(last?.scheduledAt);
    await auditIsClean();
  });

  it("are listed newest first, page by page", async () => {
    const { name } = await newSchedule({ catchUp: { window: 3600 } });
    await pass(5 * MINUTE);
    const first = await must<FireListView>("GET", `/v1/schedules/${name}/fires?limit=3`);
    const rest = await must<FireListView>("GET", `/v1/schedules/${name}/fires?limit=3&cursor=${first.nextCursor}`);
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([3, 2, null]);
    expect([...first.items, ...rest.items]).toEqual(await fires(name));
    const elsewhere = await newSchedule();
    expect((await call("GET", `/v1/schedules/${elsewhere.name}/fires?cursor=${first.nextCursor}`)).status).toBe(400);
  });

  it("that came too late are missed, and counted in /metrics", async () => {
    const { name } = await newSchedule({ catchUp: { window: 60 } });
    await pass(10 * MINUTE);
    const found = await fires(name);
    const missed = found.find(({ outcome }) => outcome === "missed");
    expect(missed).toMatchObject({ firedAt: null, lateSeconds: null, jobId: null });
    expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(10);
    const { body } = await call<string>("GET", "/metrics");
    for (const outcome of ["fired", "missed"]) {
      expect(body).toMatch(new RegExp(`dure_schedule_fires_total\\{outcome="${outcome}"\\} [1-9]`));
    }
  });

  it("stop while it is paused, and a resume starts from now", async () => {
    const { name, queue } = await newSchedule();
    await pass(MINUTE);
    await must("PUT", `/v1/schedules/${name}`, { body: bodyOf(queue, { paused: true }) });
    await pass(10 * MINUTE);
    await must("PUT", `/v1/schedules/${name}`, { body: bodyOf(queue, { paused: false }) });
    await pass(MINUTE);
    expect((await fires(name)).map(({ outcome }) => outcome)).toEqual(["fired", "fired"]);
  });

  it("go on at another shard when the schedule's place changes, none twice and none never", async () => {
    const { name, queue } = await newSchedule({ catchUp: { window: 3600 } }, 1);
    await pass(2 * MINUTE);
    // Where it lies follows its ordering key: sooner or later another shard's.
    await putQueue(queue, { partitions: 1, paused: true });
    const other = await newQueue({ partitions: 64 });
    for (let n = 0; n < 6; n++) {
      await must("PUT", `/v1/schedules/${name}`, {
        body: bodyOf(other, { catchUp: { window: 3600 }, job: { orderingKey: `k${n}` } }),
      });
      await pass(MINUTE);
    }
    const instants = (await fires(name)).map(({ scheduledAt }) => Date.parse(scheduledAt) / MINUTE);
    expect(instants).toEqual(Array.from({ length: 8 }, (_, n) => (instants[0] ?? 0) - n));
    expect((await jobsIn(other)).length + (await jobsIn(queue)).length).toBe(8);
    const counts = await Promise.all(
      shards().map(({ stub }) => stub.scheduleStates({ v: 1, epoch: 1, namespace: "default", names: [name] })),
    );
    expect(counts.flatMap(({ result }) => result).filter(({ runs }) => runs)).toHaveLength(1);
    expect(
      counts.flatMap(({ result }) => result).filter(({ lastFiredAt }) => lastFiredAt !== null).length,
    ).toBeGreaterThan(1);
  });

  it("go on when the queue's number of partitions changes", async () => {
    const { name, queue } = await newSchedule({ catchUp: { window: 3600 } }, 64);
    for (const partitions of [3, 17, 1, 64]) {
      await must(partitions > 10 ? "PATCH" : "PUT", `/v1/queues/${queue}`, { body: { partitions } });
      await pass(MINUTE);
      for (const id of await jobsIn(queue)) await call("POST", `/v1/jobs/${id}/cancel`, { body: {} });
    }
    const found = await fires(name);
    expect(found.map(({ outcome }) => outcome)).toEqual(Array(4).fill("fired"));
    expect(new Set(found.map(({ scheduledAt }) => scheduledAt)).size).toBe(4);
    await auditIsClean();
  });

  it("of a deleted queue are skipped and say so", async () => {
    const { name, queue } = await newSchedule();
    await must("DELETE", `/v1/queues/${queue}`);
    await pass(MINUTE);
    expect((await fires(name))[0]).toMatchObject({ outcome: "skipped", reason: `Its queue ${queue} was deleted.` });
  });
});

describe("when a push is lost", () => {
  it("the change is refused with 503, fires nowhere twice, and the cron brings it about", async () => {
    const { name, queue } = await newSchedule({ catchUp: { window: 3600 } });
    const faulty = { ...env, ...faultyShards({ method: "configureSchedules", when: "before" }) };
    const lost = request("PUT", `/v1/schedules/${name}`, {
      body: bodyOf(queue, { catchUp: { window: 3600 }, job: { orderingKey: "moved" } }),
    });
    expect((await answerOf((await gateway.fetch?.(lost, faulty, {} as ExecutionContext)) as Response)).status).toBe(
      503,
    );
    expect(await read(name)).toMatchObject({ version: 2, nextFireAt: null });
    await pass(MINUTE);
    await runCron();
    await pass(MINUTE);
    const instants = (await fires(name)).map(({ scheduledAt }) => scheduledAt);
    expect([instants.length, new Set(instants).size, (await jobsIn(queue)).length]).toEqual([2, 2, 2]);
    expect((await read(name)).nextFireAt).not.toBeNull();
  });

  it("a shard that has lost a schedule gets it again", async () => {
    const { name } = await newSchedule();
    await evict();
    for (const { stub } of shards()) {
      await runInDurableObject(stub, (_, state) => {
        state.storage.sql.exec("DELETE FROM schedules");
        state.storage.sql.exec("DELETE FROM schedule_settings");
      });
    }
    await runCron();
    expect((await read(name)).nextFireAt).not.toBeNull();
    await pass(MINUTE);
    expect((await fires(name))[0]).toMatchObject({ outcome: "fired" });
  });
});
