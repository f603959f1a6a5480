import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { ExplainView } from "../../contract/job.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  freshName,
  getJob,
  must,
  type Problem,
  putQueue,
  shard,
  shards,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { auditNow } from "./faults.ts";

/** Rows over which work throws, in a shard on the real runtime: they harm no other, say so, and come on when they are mended. */

afterEach(resetClock);

const SHARD = "shard-0";

/** A new pull queue that lies on the shard as a whole. */
async function queueThere(): Promise<string> {
  for (;;) {
    const name = freshName("there");
    if (ownerOf(initialMap(shards().length), slotOf("default", name, 0)) !== SHARD) continue;
    await putQueue(name, { partitions: 1, retry: { delay: 1, maxDelay: 1, jitter: "none" } });
    return name;
  }
}

async function sql<Row extends Record<string, SqlStorageValue>>(query: string, ...params: string[]): Promise<Row[]> {
  return runInDurableObject(shard(SHARD), (_, { storage }) => storage.sql.exec<Row>(query, ...params).toArray());
}

const explain = (id: string) => must<ExplainView>("GET", `/v1/jobs/${id}/explain`);

async function setAside(): Promise<string[]> {
  const { ok, violations } = await auditNow();
  const details = violations.filter(({ rule }) => rule === "nothing-set-aside").map(({ detail }) => detail);
  expect(ok, JSON.stringify(violations)).toBe(violations.length === 0);
  return details;
}

/** Another queue of the shard lives on: a job ends, one comes due, and one whose lease ends comes back. */
async function expectLifeGoesOn(): Promise<void> {
  const queue = await queueThere();
  const [soon, later] = [await submit({ queue }), await submit({ queue, delay: 20 })];
  expect((await succeed((await claimOne(queue)).lease)).status).toBe(200);
  expect((await getJob(soon.id)).state).toBe("succeeded");
  passTime(21_000);
  await runAlarms();
  expect((await claimOne(queue, { leaseSeconds: 5 })).id).toBe(later.id);
  passTime(7_000);
  await runAlarms();
  passTime(2_000);
  await runAlarms();
  const again = await claimOne(queue);
  expect(again).toMatchObject({ id: later.id, attempt: 2 });
  await succeed(again.lease);
}

interface Plant {
  plant(id: string): Promise<unknown>;
  mend(id: string): Promise<unknown>;
  /** Whether the job can be shown meanwhile. */
  shows: boolean;
}

let spec = "";
const PLANTS: Record<string, Plant> = {
  "a row that is no JSON": {
    async plant(id) {
      spec = (await sql<{ spec: string }>("SELECT spec FROM jobs WHERE id = ?", id))[0]?.spec ?? "";
      await sql("UPDATE jobs SET spec = '{no JSON' WHERE id = ?", id);
    },
    mend: (id) => sql("UPDATE jobs SET spec = ? WHERE id = ?", spec, id),
    shows: false,
  },
  "a value that is too large to be written again": {
    plant: (id) =>
      sql(
        `UPDATE jobs SET returns = json_object('unbegun', 0, 'leases', json_array(json_array(0, hex(zeroblob(1050000))))) WHERE id = ?`,
        id,
      ),
    mend: (id) => sql("UPDATE jobs SET returns = NULL WHERE id = ?", id),
    shows: true,
  },
  "a change at which a subsystem throws": {
    plant: (id) =>
      sql(
        `CREATE TRIGGER planted_${id} BEFORE UPDATE ON jobs WHEN OLD.id = '${id}' BEGIN SELECT RAISE(ABORT, 'planted'); END`,
      ),
    mend: (id) => sql(`DROP TRIGGER IF EXISTS planted_${id}`),
    shows: true,
  },
};

/** A test that fails leaves nothing that is in the way of the others. */
function mendAtTheEnd(mend: () => Promise<unknown>): void {
  onTestFinished(async () => {
    await mend();
    await evict();
  });
}

/**
 * The clock comes over the row, sets it aside, and then passes it over. Were it not held the clock would come over it without end, and every
 * call to the shard fail late and for no reason that could be seen.
 */
async function expectHeld(id: string): Promise<void> {
  await runAlarms();
  const fewTimes = new RegExp(`^jobs ${id} is set aside: work on it has thrown [1-3] times`);
  expect(await setAside()).toEqual([expect.stringMatching(fewTimes)]);
}

describe.each(Object.entries(PLANTS))("%s", (_, { plant, mend, shows }) => {
  it("is set aside, tells so, harms no other, and is tried again when somebody asks for it", {
    timeout: 120_000,
  }, async () => {
    const queue = await queueThere();
    const { id } = await submit({ queue, orderingKey: "k" });
    const { lease } = await claimOne(queue, { leaseSeconds: 5 });
    const { id: behind } = await submit({ queue, orderingKey: "k" });
    mendAtTheEnd(() => mend(id));
    await plant(id);
    passTime(6_000);
    await expectHeld(id);
    await expectLifeGoesOn();
    expect(await explain(id)).toMatchObject({ state: "running", reason: "quarantined" });
    expect(await explain(behind)).toMatchObject({ reason: "ordering", blockedBy: id });
    expect(await setAside()).toEqual([expect.stringContaining(id)]);
    const shown = await call("GET", `/v1/jobs/${id}`);
    expect([shown.status, shown.status === 200 ? null : shown.body.code]).toEqual(
      shows ? [200, null] : [503, "job-quarantined"],
    );
    if (!shows) expect(Number(shown.headers.get("retry-after"))).toBeGreaterThan(0);
    const report = await call<Problem>("POST", `/v1/leases/${lease}/fail`, { body: { error: { code: "late" } } });
    expect([report.status, report.headers.get("retry-after")]).toEqual([503, "5"]);

    // Nothing of it is in the rows: an object that starts anew finds it again.
    await evict();
    await runAlarms();
    await expectLifeGoesOn();
    expect(await setAside()).toEqual([expect.stringContaining(id)]);

    await mend(id);
    passTime(2_000);
    const job = await getJob(id);
    expect(job).toMatchObject({ state: "scheduled" });
    expect(job.attempts?.at(-1)).toMatchObject({ outcome: "leaseExpired" });
    expect(await setAside()).toEqual([]);
    passTime(2_000);
    await runAlarms();
    for (const next of [id, behind]) {
      const claimed = await claimOne(queue);
      expect(claimed.id).toBe(next);
      await succeed(claimed.lease);
    }
  });

  it("can be cancelled where that writes nothing of it, and then lets its ordering key go", {
    timeout: 60_000,
  }, async () => {
    const queue = await queueThere();
    const [{ id }, { id: behind }] = [
      await submit({ queue, orderingKey: "k", delay: 60 }),
      await submit({ queue, orderingKey: "k" }),
    ];
    mendAtTheEnd(() => mend(id));
    await plant(id);
    const cancelled = await call("POST", `/v1/jobs/${id}/cancel`);
    if (cancelled.status === 503) {
      expect(cancelled.body.code).toBe("job-quarantined");
      await mend(id);
      passTime(2_000);
      await must("POST", `/v1/jobs/${id}/cancel`);
    } else {
      expect(cancelled).toMatchObject({ status: 200, body: { id, state: "cancelled" } });
      await mend(id);
    }
    expect((await getJob(id)).state).toBe("cancelled");
    expect((await claimOne(queue)).id).toBe(behind);
  });
});

describe("settings of a queue and of a subscription that cannot be read", () => {
  it("hold up nothing else of the shard, are said, and are good again once they are sent", {
    timeout: 120_000,
  }, async () => {
    const queue = await queueThere();
    const subscription = freshName("told");
    const body = {
      events: ["job.succeeded"],
      target: { type: "http", url: "https://example.com/" },
      filter: { queue },
    };
    await must("PUT", `/v1/subscriptions/${subscription}`, { body });
    const { id } = await submit({ queue });
    for (const [table, name] of [
      ["queues", queue],
      ["subscriptions", subscription],
    ] as const) {
      const [row] = await sql<{ settings: string }>(`SELECT settings FROM ${table} WHERE name = ?`, name);
      const write = (settings: string) => sql(`UPDATE ${table} SET settings = ? WHERE name = ?`, settings, name);
      mendAtTheEnd(() => write(row?.settings ?? ""));
      await write("{no JSON");
    }
    await evict();
    await expectLifeGoesOn();
    expect(await claim(queue)).toEqual([]);
    expect(await explain(id)).toMatchObject({ state: "queued", reason: "quarantined" });
    expect(await setAside()).toEqual([
      expect.stringContaining("settings of queue"),
      expect.stringContaining("subscriptions"),
    ]);

    // As whoever changes anything of them does, and for a queue whoever submits to it.
    await must("PATCH", `/v1/subscriptions/${subscription}`, { body: { paused: true } });
    const { id: behind } = await submit({ queue });
    expect(await setAside()).toEqual([]);
    for (const next of [id, behind]) {
      const claimed = await claimOne(queue);
      expect(claimed.id).toBe(next);
      await succeed(claimed.lease);
    }
  });
});
