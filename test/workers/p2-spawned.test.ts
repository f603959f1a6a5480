import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { JobListView } from "../../contract/job.ts";
import type { SucceededView } from "../../contract/pull.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import { call, claimOne, evict, getJob, must, newQueue, putQueue, shard, shards, sleep, submit } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { auditNow, CRASHES, crashAt, faultyShards, type When } from "./faults.ts";
import { turn } from "./lane.ts";

afterEach(resetClock);

const MAP = initialMap(Number(env.SHARDS));
const ownerOfQueue = (queue: string) => ownerOf(MAP, slotOf("default", queue, 0));

/** Makes every hand-over between shards fail, until the objects are evicted. */
async function breakHandovers(when: When): Promise<() => number> {
  const { SHARD, calls } = faultyShards({ method: "receive", when });
  for (const { stub } of shards()) {
    await runInDurableObject(stub, (instance) => {
      Object.defineProperty(instance, "env", { value: { ...env, SHARD }, configurable: true });
    });
  }
  return calls;
}

let made = 0;
/** A queue of one partition, on the shard `on` or on any other. */
async function queueOn(on: string, there: boolean): Promise<string> {
  for (;;) {
    const name = `spawned-${made++}`;
    if ((ownerOfQueue(name) === on) !== there) continue;
    await putQueue(name, { partitions: 1 });
    return name;
  }
}

/** A pair of queues on different shards, and a job of the first that runs. */
async function pair(): Promise<{ from: string; to: string }> {
  const from = await newQueue({ partitions: 1 });
  return { from, to: await queueOn(ownerOfQueue(from), false) };
}

async function start(queue: string): Promise<{ id: string; lease: string }> {
  const { id } = await submit({ queue });
  return { id, lease: (await claimOne(queue)).lease };
}

/** Lets time pass until nothing is on its way. */
async function arrive(): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const left = await Promise.all(
      shards().map(({ stub }) =>
        runInDurableObject(stub, (_, { storage }) => {
          return storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM spawn_outbox").one().n;
        }),
      ),
    );
    if (left.every((n) => n === 0)) return;
    passTime(2_000);
    await runAlarms();
    await sleep(10);
  }
  throw new Error("spawned jobs are on their way for ever");
}

const jobsOf = async (queue: string) => (await must<JobListView>("GET", `/v1/jobs?queue=${queue}&limit=200`)).items;

describe("jobs that a success has brought are not lost, and not doubled", () => {
  it.each(["before", "after"] as const)(
    "when the hand-over fails (%s), the object goes, and comes again",
    async (when) => {
      const { from, to } = await pair();
      const { id, lease } = await start(from);
      const calls = await breakHandovers(when);
      const { spawned = [] } = await must<SucceededView>("POST", `/v1/leases/${lease}/succeed`, {
        body: { spawn: [{ queue: to, payload: 1 }] },
      });
      expect(calls()).toBeGreaterThan(0);
      expect((await call("GET", `/v1/jobs/${spawned[0]}`)).status).toBe(when === "before" ? 404 : 200);
      await evict();
      await arrive();
      await evict();
      expect((await jobsOf(to)).map((job) => [job.id, job.parent])).toEqual([[spawned[0], id]]);
      expect((await auditNow()).violations).toEqual([]);
    },
  );

  it("and their queue neither goes nor is divided anew while they are on their way", async () => {
    const { from, to } = await pair();
    const { lease } = await start(from);
    await breakHandovers("before");
    await must("POST", `/v1/leases/${lease}/succeed`, { body: { spawn: [{ queue: to, payload: 1 }] } });
    expect((await call("DELETE", `/v1/queues/${to}`)).body.code).toBe("queue-has-jobs");
    expect((await call("PUT", `/v1/queues/${to}`, { body: { partitions: 4 } })).body.code).toBe("queue-has-jobs");
    await evict();
    await arrive();
    const { lease: child } = await claimOne(to);
    await must("POST", `/v1/leases/${child}/succeed`, { body: {} });
    expect((await call("DELETE", `/v1/queues/${to}`)).status).toBe(204);
  });

  it("a queue that is deleted when its report comes refuses it, and the lease stands", async () => {
    const { from, to } = await pair();
    const { id, lease } = await start(from);
    const settings = await runInDurableObject(shard(ownerOfQueue(from)), (_, { storage }) => {
      const row = storage.sql.exec<{ settings: string }>("SELECT settings FROM queues WHERE name = ?", to).one();
      return JSON.parse(row.settings);
    });
    // The gateway's copy is older than the shard's: as when the deletion overtakes the report.
    const queues = [{ ...settings, deleted: true, version: settings.version + 1 }];
    await shard(ownerOfQueue(from)).configure({ v: 1, epoch: 1, queues });
    const body = { reports: [{ lease, ok: true, spawn: [{ queue: to, payload: 1 }] }] };
    const { items } = await must<{ items: { status: string; problem?: { code: string; errors: unknown } }[] }>(
      "POST",
      "/v1/reports",
      { body },
    );
    expect(items).toMatchObject([
      { status: "refused", problem: { code: "queue-not-found", errors: [{ pointer: "/reports/0/spawn/0/queue" }] } },
    ]);
    const one = await call("POST", `/v1/leases/${lease}/succeed`, { body: { spawn: [{ queue: to, payload: 1 }] } });
    expect([one.status, one.body.code]).toEqual([404, "queue-not-found"]);
    expect((await getJob(id)).state).toBe("running");
  });
});

describe("a crash at any statement", () => {
  /** What there is of a parent and its children: everything or nothing. */
  async function outcome(parent: string, queues: string[]): Promise<{ state: string; children: number }> {
    const children = (await Promise.all(queues.map(jobsOf))).flat().filter((job) => job.parent === parent);
    return { state: (await getJob(parent)).state, children: children.length };
  }

  it.each(turn(CRASHES))(
    "of the report (%s) leaves the success with its jobs, or neither",
    async (crash) => {
      const from = await newQueue({ partitions: 1 });
      const here = await queueOn(ownerOfQueue(from), true);
      const there = await queueOn(ownerOfQueue(from), false);
      const holder = () => shard(ownerOfQueue(from));
      const spawn = [here, there].map((queue) => ({ queue, payload: 1 }));
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(60);
        const { id, lease } = await start(from);
        const statements = await crashAt(holder(), n, crash);
        await call("POST", `/v1/leases/${lease}/succeed`, { body: { spawn } });
        await evict();
        await arrive();
        const { state, children } = await outcome(id, [here, there]);
        expect([n, children]).toEqual([n, state === "succeeded" ? 2 : 0]);
        if (state === "running") {
          await must("POST", `/v1/leases/${lease}/succeed`, { body: { spawn } });
          await arrive();
          expect(await outcome(id, [here, there])).toEqual({ state: "succeeded", children: 2 });
        }
        if (statements() >= n) continue;
        expect(n).toBeGreaterThan(8);
        break;
      }
      expect((await auditNow()).violations).toEqual([]);
    },
    120_000,
  );

  it.each(turn(CRASHES))(
    "of the hand-over (%s) neither loses nor doubles a job",
    async (crash) => {
      const { from, to } = await pair();
      const spawn = [1, 2].map((payload) => ({ queue: to, payload, orderingKey: "k" }));
      for (let n = 1; ; n++) {
        expect(n).toBeLessThan(60);
        const { id, lease } = await start(from);
        const statements = await crashAt(shard(ownerOfQueue(to)), n, crash);
        await must("POST", `/v1/leases/${lease}/succeed`, { body: { spawn } });
        await evict();
        await arrive();
        expect([n, await outcome(id, [to])]).toEqual([n, { state: "succeeded", children: 2 }]);
        await must("POST", `/v1/queues/${to}/purge`);
        if (statements() >= n) continue;
        expect(n).toBeGreaterThan(5);
        break;
      }
      expect((await auditNow()).violations).toEqual([]);
    },
    120_000,
  );
});
