import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import type { QueueInput } from "../../contract/queue.ts";
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
  shard,
  shardOf,
  submit,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";

/** The calls about one attempt, with the lease in the body: the same as those with the lease in the path. */

const BODIES = {
  succeed: { result: { sent: true } },
  fail: { error: { code: "broken", message: "It broke.", retryable: false } },
  extend: { leaseSeconds: 30, progress: { percent: 5 } },
  release: { delay: 30, reason: "The relay is being moved." },
} as const;
type Action = keyof typeof BODIES;
const ACTIONS = Object.keys(BODIES) as Action[];

const inBody = (action: Action, lease: string, key?: string) =>
  call<JobView>("POST", `/v1/leases/${action}`, { body: { lease, ...BODIES[action] }, ...(key ? { key } : {}) });
const inPath = (action: Action, lease: string) =>
  call<JobView>("POST", `/v1/leases/${lease}/${action}`, { body: BODIES[action] });

async function started() {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  return { id, lease };
}

describe("a lease in the body", () => {
  it.each(ACTIONS)("does at %s what one in the path does", async (action) => {
    const [one, other] = [await started(), await started()];
    const [first, second] = [await inBody(action, one.lease), await inPath(action, other.lease)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(Object.keys(first.body)).toEqual(Object.keys(second.body));
    await evict();
    const [a, b] = [await getJob(one.id), await getJob(other.id)];
    const outcome = ({ state, result, error, progress }: JobView) => ({
      state,
      result,
      error,
      percent: progress?.percent,
    });
    expect(outcome(a)).toEqual(outcome(b));
    expect(a.state).toBe({ succeed: "succeeded", fail: "failed", extend: "running", release: "scheduled" }[action]);
  });

  it.each(ACTIONS)(
    "is stale for %s after the outcome, unknown when it never was, and refused when it is none",
    async (action) => {
      const { lease } = await started();
      expect((await inBody("succeed", lease)).status).toBe(200);
      expect(await inBody(action, lease)).toMatchObject({ status: 409, body: { code: "stale-lease" } });
      const forged = lease.slice(0, -1) + (lease.endsWith("0") ? "1" : "0");
      for (const unknown of [forged, "lease_x"]) {
        expect(await inBody(action, unknown)).toMatchObject({ status: 404, body: { code: "lease-not-found" } });
      }
      for (const none of ["", "x".repeat(513)]) {
        expect(await inBody(action, none)).toMatchObject({ status: 400, body: { errors: [{ pointer: "/lease" }] } });
      }
      const without = await call("POST", `/v1/leases/${action}`, { body: BODIES[action] });
      expect(without).toMatchObject({ status: 400, body: { errors: [{ pointer: "/lease" }] } });
    },
  );

  it.each(ACTIONS)("of another namespace is unknown to %s", async (action) => {
    const { id, lease } = await started();
    const { key } = await makeKey(["work"], await makeNamespace("stranger"));
    expect(await inBody(action, lease, key)).toMatchObject({ status: 404, body: { code: "lease-not-found" } });
    expect((await getJob(id)).state).toBe("running");
  });
});

describe("a job that its worker releases", () => {
  afterEach(resetClock);

  const release = (lease: string, body: { delay?: number; reason?: string } = {}) =>
    call<JobView>("POST", "/v1/leases/release", { body: { lease, ...body } });

  /** Two jobs of one queue, the first of which was claimed. */
  async function claimed(settings: QueueInput = {}) {
    const queue = await newQueue({ partitions: 1, ...settings });
    const [first, second] = [await submit({ queue }), await submit({ queue })];
    const { lease } = await claimOne(queue);
    return { queue, first: first.id, second: second.id, lease };
  }

  it("goes back to its place at once, has spent no attempt, and is given out under a new lease", async () => {
    const { queue, first, lease } = await claimed({ retry: { maxAttempts: 1 } });
    const asked = await release(lease, { reason: "The relay is being moved." });
    expect(asked.status).toBe(200);
    await evict();
    expect(await getJob(first)).toEqual(asked.body);
    expect(asked.body).toMatchObject({
      id: first,
      state: "queued",
      attempt: 0,
      delivery: 1,
      attempts: [],
      error: { code: "released", message: "The relay is being moved.", retryable: true },
    });
    const again = await claimOne(queue);
    expect(again).toMatchObject({ id: first, attempt: 1, delivery: 2 });
    expect(again.lease).not.toBe(lease);
    for (const action of ACTIONS) {
      expect(await inBody(action, lease)).toMatchObject({ status: 409, body: { code: "stale-lease" } });
    }
    expect((await inBody("succeed", again.lease)).status).toBe(200);
    const { state, attempts } = await getJob(first);
    expect([state, attempts?.map(({ number }) => number)]).toEqual(["succeeded", [1]]);
  });

  it("waits as long as the worker says, and lets others go first", async () => {
    const { queue, first, second, lease } = await claimed();
    const before = Date.now();
    const { body } = await release(lease, { delay: 90 });
    expect(body).toMatchObject({ state: "scheduled", attempt: 0, delivery: 1, error: { code: "released" } });
    const runAt = Date.parse(body.runAt ?? "");
    expect(runAt).toBeGreaterThanOrEqual(before + 90_000);
    expect(runAt).toBeLessThanOrEqual(Date.now() + 90_000);
    expect((await claimOne(queue)).id).toBe(second);
    passTime(91_000);
    expect(await claimOne(queue)).toMatchObject({ id: first, attempt: 1, delivery: 2 });
  });

  it("spends an attempt when it has been put back for as long as its queue lets it", async () => {
    const retry = { maxAttempts: 2, delay: 0, jitter: "none" } as const;
    const { queue, first, lease } = await claimed({ maxDeferral: 60, retry });
    expect((await release(lease)).body).toMatchObject({ state: "queued", attempt: 0 });
    passTime(59_000);
    expect((await release((await claimOne(queue)).lease)).body).toMatchObject({ state: "queued", attempt: 0 });
    await evict();
    passTime(2_000);
    const late = await release((await claimOne(queue)).lease, { reason: "It is still away." });
    expect(late.body).toMatchObject({
      state: "queued",
      attempt: 1,
      delivery: 3,
      attempts: [{ number: 1, outcome: "failed", error: { code: "released", message: "It is still away." } }],
    });
    const last = await release((await claimOne(queue)).lease);
    expect(last.body).toMatchObject({ id: first, state: "failed", attempt: 2, delivery: 4 });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ delay: -1 }, "/delay"],
    [{ delay: 86_401 }, "/delay"],
    [{ delay: "30" }, "/delay"],
    [{ reason: 7 }, "/reason"],
    [{ retryable: false }, "/retryable"],
  ])("is not released with %j, and goes on running", async (body, pointer) => {
    const { id, lease } = await started();
    for (const refused of [
      await call("POST", "/v1/leases/release", { body: { lease, ...body } }),
      await call("POST", `/v1/leases/${lease}/release`, { body }),
    ]) {
      expect(refused).toMatchObject({ status: 400, body: { code: "invalid-request", errors: [{ pointer }] } });
    }
    expect((await getJob(id)).state).toBe("running");
  });

  it("needs no body where the lease is in the path", async () => {
    const { id, lease } = await started();
    expect((await call("POST", `/v1/leases/${lease}/release`)).status).toBe(200);
    expect(await getJob(id)).toMatchObject({ state: "queued", attempt: 0, delivery: 1 });
  });
});

describe("a worker that dies with jobs in hand", () => {
  afterEach(resetClock);

  /** So long that every lease of 20 seconds has ended, and the clock has seen it. */
  async function leasesEnd(): Promise<void> {
    await evict();
    passTime(41_000);
    await runAlarms();
  }

  it("spends an attempt of the one that it had begun; the others come back unspent, twice in a row at most", async () => {
    const queue = await newQueue({ partitions: 1, retry: { maxAttempts: 1 } });
    const ids = [await submit({ queue }), await submit({ queue }), await submit({ queue })].map(({ id }) => id);
    const [first] = await claim(queue, { max: 3, begins: true, leaseSeconds: 20 });
    await must("POST", "/v1/leases/extend", { body: { lease: first?.lease, leaseSeconds: 20 } });
    await leasesEnd();
    const states = async () =>
      Promise.all(ids.map((id) => getJob(id).then(({ state, attempt, delivery }) => [state, attempt, delivery])));
    expect(first?.id).toBe(ids[0]);
    const lost: unknown[] = ["failed", 1, 1];
    // The runtime may have begun the alarm by itself: then it is not run here, and goes on beside this.
    const become = (...expected: (typeof lost)[]) => expect.poll(states, { timeout: 15_000 }).toEqual(expected);
    await become(lost, ["queued", 0, 1], ["queued", 0, 1]);
    for (const delivery of [2, 3]) {
      const claimed = await claim(queue, { max: 3, begins: true, leaseSeconds: 20 });
      expect(claimed.map((job) => [job.id, job.attempt, job.delivery])).toEqual(
        ids.slice(1).map((id) => [id, 1, delivery]),
      );
      await leasesEnd();
      // One that kills its worker before that can say a word has to end, too.
      const after = delivery === 2 ? ["queued", 0, 2] : ["failed", 1, 3];
      await become(lost, after, after);
    }
  });
});

describe("a claim of jobs whose attempts an earlier version kept whole", () => {
  /** 41 messages of 4 KB with one character beyond Latin-1: 100 jobs have more than the 32 MiB of an RPC, two bytes a character. */
  const MESSAGE = `→${"x".repeat(4_090)}`;

  it("is answered, and takes nothing that it cannot answer with", { timeout: 60_000 }, async () => {
    const queue = await newQueue({ partitions: 1, retry: { maxAttempts: 100, delay: 0, maxDelay: 0 } });
    const body = { jobs: Array.from({ length: 100 }, () => ({ queue, payload: 1 })) };
    const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body });
    const [id = ""] = items.map((item) => item.id);
    for (const { lease } of await claim(queue, { max: 100 })) await fail(lease, { code: "x", message: MESSAGE });
    await runInDurableObject(shard(shardOf(id)), (_, { storage: { sql } }) => {
      const [row] = sql.exec<{ attempts: string }>("SELECT attempts FROM jobs WHERE id = ?", id).toArray();
      const [one] = JSON.parse(row?.attempts ?? "[]") as { number: number }[];
      const many = JSON.stringify(Array.from({ length: 41 }, (_, i) => ({ ...one, number: i + 1 })));
      expect(many.length * 2 * 100).toBeGreaterThan(32 * 1024 * 1024);
      sql.exec(
        "UPDATE jobs SET attempts = ?, attempt = 41 WHERE id IN (SELECT value FROM json_each(?))",
        many,
        JSON.stringify(items.map((item) => item.id)),
      );
    });
    await evict();
    const whole = await claim(queue, { max: 100, include: ["attempts"] });
    expect(whole.length).toBeGreaterThan(10);
    expect(whole.length).toBeLessThan(100);
    expect(whole[0]?.attempts).toHaveLength(42);
    const rest = await claim(queue, { max: 100 });
    expect(whole.length + rest.length).toBe(100);
    expect(rest[0]?.attempts?.map(({ number }) => number)).toEqual([41, 42]);
    expect(new Set([...whole, ...rest].map((job) => job.id)).size).toBe(100);
  });
});
