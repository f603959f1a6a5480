import { afterEach, describe, expect, it, vi } from "vitest";
import type { QueueView } from "../../contract/queue.ts";
import { call, evict, fail, getJob, makeKey, must, newQueue, type Problem, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { work } from "./processor.ts";

/** An HTTP target that takes a job, and finishes it later under the lease that it was sent. */

const TARGET = { type: "http" as const, url: "https://later.example/work", async: true };
const RETRY = { maxAttempts: 2, backoff: "constant", delay: 0, jitter: "none" } as const;

/** A target that answers 202 to whatever it is sent: the leases that it was given of a job. */
function taking(headers: Record<string, string> = { "dure-async": "true" }): (job: string) => string[] {
  const sent: { job: string | null; lease: string }[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (_, init) => {
    const given = new Headers(init?.headers);
    sent.push({ job: given.get("dure-job-id"), lease: given.get("dure-lease") ?? "" });
    return new Response("taken", { status: 202, headers });
  });
  // Jobs of earlier tests may come again.
  return (id) => sent.filter(({ job }) => job === id).map(({ lease }) => lease);
}

async function handedOver(settings: object = {}): Promise<{ id: string; lease: string; leases: () => string[] }> {
  const queue = await newQueue({ target: TARGET, retry: RETRY, ...settings });
  const leasesOf = taking();
  const { id } = await submit({ queue });
  await work();
  const leases = () => leasesOf(id);
  return { id, lease: leases()[0] ?? "", leases };
}

const explained = (id: string) => must<{ reason: string; detail: string }>("GET", `/v1/jobs/${id}/explain`);

afterEach(() => {
  resetClock();
  vi.restoreAllMocks();
});

describe("a target that answers 202 with `dure-async: true`", () => {
  it("keeps the job running after the processor has gone, and succeeds it by its lease", async () => {
    const { id, lease, leases } = await handedOver();
    expect(await getJob(id)).toMatchObject({ state: "running", attempt: 1, result: null });
    expect(await explained(id)).toMatchObject({
      reason: "running",
      detail: expect.stringContaining("was handed over to the target at later.example:443"),
    });
    await evict();
    // Three leases of the processor long: nobody extends it, and it is not lost.
    passTime(45_000);
    await runAlarms();
    await work();
    expect(leases()).toHaveLength(1);
    const { key } = await makeKey(["work"]);
    const body = { reports: [{ lease, ok: true, result: { made: 1 } }] };
    expect((await must<{ items: unknown[] }>("POST", "/v1/reports", { body, key })).items).toEqual([
      { status: "recorded" },
    ]);
    await evict();
    expect(await getJob(id)).toMatchObject({ state: "succeeded", attempt: 1, result: { made: 1 } });
    expect((await succeed<Problem>(lease)).body.code).toBe("stale-lease");
  });

  it("fails it by its lease, upon which it is sent again under another one", async () => {
    const { id, lease, leases } = await handedOver();
    expect((await fail(lease, { message: "no paper" })).status).toBe(200);
    await work();
    expect(leases()).toHaveLength(2);
    expect(leases()[1]).not.toBe(lease);
    expect((await succeed<Problem>(lease)).status).toBe(409);
    expect((await succeed(leases()[1] ?? "", 2)).status).toBe(200);
    expect(await getJob(id)).toMatchObject({ state: "succeeded", attempt: 2, result: 2 });
  });

  it("loses it when it does not finish it within its timeout, and is refused with 409 after that", async () => {
    const { id, lease } = await handedOver({ timeout: 60 });
    passTime(60_001);
    await runAlarms();
    const { attempts } = await getJob(id);
    expect(attempts[0]).toMatchObject({ outcome: "leaseExpired", error: { code: "timeout" } });
    const late = await succeed<Problem>(lease);
    expect([late.status, late.body.code]).toEqual([409, "stale-lease"]);
  });

  it("learns that it was cancelled by extending its lease", async () => {
    const { id, lease } = await handedOver();
    const extend = () => call("POST", "/v1/leases/extend", { body: { lease, leaseSeconds: 30 } });
    expect((await extend()).body).toMatchObject({ cancelled: false });
    await must("POST", `/v1/jobs/${id}/cancel`);
    expect((await extend()).body).toEqual({ leaseExpiresAt: null, cancelled: true });
    expect((await succeed<Problem>(lease)).status).toBe(409);
    expect((await getJob(id)).state).toBe("cancelled");
  });

  it("that reports before its answer is noted has finished it", async () => {
    const queue = await newQueue({ target: TARGET });
    vi.spyOn(globalThis, "fetch").mockImplementation(async (_, init) => {
      expect((await succeed(new Headers(init?.headers).get("dure-lease") ?? "", "early")).status).toBe(200);
      return new Response(null, { status: 202, headers: { "dure-async": "true" } });
    });
    const { id } = await submit({ queue });
    await work();
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: "early", attempt: 1 });
  });

  it("may finish it within an hour or a day, as no other that is pushed", async () => {
    const { id, lease } = await handedOver({ timeout: 86_400 });
    passTime(7_200_000);
    await runAlarms();
    expect((await succeed(lease)).status).toBe(200);
    expect((await getJob(id)).state).toBe("succeeded");
    const body = { target: { ...TARGET, async: false }, timeout: 901 };
    expect((await call("PUT", "/v1/queues/short", { body })).status).toBe(400);
  });
});

describe("the same answer", () => {
  it("without the header is a success", async () => {
    const queue = await newQueue({ target: TARGET });
    taking({});
    const { id } = await submit({ queue });
    await work();
    const { state, result, attempts } = await getJob(id);
    expect([state, result]).toEqual(["succeeded", "taken"]);
    expect(attempts[0]).not.toHaveProperty("warning");
  });

  it("of a target that may not finish jobs later is a success with a warning", async () => {
    const queue = await newQueue({ target: { type: "http", url: TARGET.url } });
    taking();
    const { id } = await submit({ queue });
    await work();
    expect(await getJob(id)).toMatchObject({
      state: "succeeded",
      result: "taken",
      attempts: [{ outcome: "succeeded", warning: { code: "async-refused" } }],
    });
  });
});

it("`async` is kept, shown and changed as any setting of the target", async () => {
  const queue = await newQueue({ target: TARGET });
  const path = `/v1/queues/${queue}`;
  const shown = async () => (await must<QueueView>("GET", path)).target;
  expect(await shown()).toMatchObject({ async: true });
  await must("PATCH", path, { body: { target: { url: "https://other.example/" } } });
  expect(await shown()).toMatchObject({ url: "https://other.example/", async: true });
  await must("PATCH", path, { body: { target: { async: null } } });
  expect(await shown()).not.toHaveProperty("async");
  expect((await call("PUT", path, { body: { target: { ...TARGET, async: "yes" } } })).status).toBe(400);
});
