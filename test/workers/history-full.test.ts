import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ReadyView } from "../../contract/admin.ts";
import { call, claimOne, evict, existingAnywhere, getJob, newQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow, callThrough, fullDatabase } from "./faults.ts";
import { finishedJobs } from "./history.ts";
import { PROCESSOR_ENV, project } from "./processor.ts";

beforeEach(() => project());
afterEach(resetClock);

const HOUR_MS = 3_600_000;

/** What every isolate says that is made anew: none remembers an answer. */
const readyz = async (bindings: Partial<Env> = {}) =>
  (await callThrough<ReadyView>({ ...env, ...bindings }, ["GET", "/readyz"])).body;
const metrics = async () => (await callThrough<string>({ ...env }, ["GET", "/metrics"])).body;

async function later(ms: number): Promise<void> {
  passTime(ms);
  for (let i = 0; i < 6; i++) await runAlarms();
}

describe("a full database of history", () => {
  it("costs history and nothing else: jobs come, run and stay in their shard, and go to history when there is room", async () => {
    let full = true;
    const bindings = { ...PROCESSOR_ENV, DB: fullDatabase(() => full) };
    const lines = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const queue = await newQueue({ partitions: 1, retention: 7200 });
    const ids: string[] = [];
    const finish = async () => {
      const { id } = await submit({ queue, payload: { n: ids.length } });
      await succeed((await claimOne(queue)).lease, { done: true });
      ids.push(id);
    };
    await finish();
    await project(bindings);
    expect(lines.mock.calls.flat().join("\n")).toContain('"event":"history-full"');
    lines.mockRestore();
    for (let i = 0; i < 3; i++) {
      await later(3 * HOUR_MS);
      await finish();
      await project(bindings);
    }
    expect(await finishedJobs(queue)).toEqual([]);
    expect(await existingAnywhere(ids)).toHaveLength(ids.length);
    expect(await getJob(ids[0] ?? "")).toMatchObject({ state: "succeeded", payload: { n: 0 }, result: { done: true } });

    await runCron();
    const { status, checks } = await readyz();
    expect(status).toBe("degraded");
    expect(checks.history).toMatchObject({ ok: false, refusedSeconds: expect.any(Number) });
    expect(checks.history.refusedSeconds).toBeGreaterThanOrEqual((3 * HOUR_MS) / 1000);
    expect([checks.d1.ok, checks.shards.ok]).toEqual([true, true]);
    expect(await metrics()).toMatch(/dure_history_full_seconds [1-9]/);
    const { ok, violations } = await auditNow();
    expect({ ok, violations }).toMatchObject({ ok: false, violations: [{ rule: "history-has-room" }] });

    full = false;
    await project(bindings);
    expect((await finishedJobs(queue)).map(({ id }) => id)).toEqual(ids.toSorted());
    expect((await readyz()).checks.history).toMatchObject({ ok: true, refusedSeconds: null });
    expect(await auditNow()).toMatchObject({ ok: true, violations: [] });
    expect(await metrics()).toContain("dure_history_full_seconds 0\n");
    await later(3 * HOUR_MS);
    expect(await existingAnywhere(ids)).toEqual([]);
  });

  it("is told by who tries next after the object died", async () => {
    const queue = await newQueue({ partitions: 1 });
    await submit({ queue });
    await succeed((await claimOne(queue)).lease);
    const bindings = { ...PROCESSOR_ENV, DB: fullDatabase() };
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    await project(bindings);
    await evict();
    expect(await auditNow()).toMatchObject({ violations: [] });
    await project(bindings);
    expect(await auditNow()).toMatchObject({ violations: [{ rule: "history-has-room" }] });
  });
});

describe("a database that has little room left", () => {
  it("is told by readyz from 80 percent on, which stays up, and by metrics at any size", async () => {
    const text = await metrics();
    const bytes = Number(/dure_database_bytes\{database="DB"\} (\d+)/.exec(text)?.[1]);
    expect(bytes).toBeGreaterThan(50_000);
    expect(text).toContain('dure_database_limit_bytes{database="DB"} 10000000000\n');
    const at = async (part: number) => {
      const bindings = { ...env, D1_MAX_BYTES: String(Math.floor(bytes / part)) };
      const { status, body } = await callThrough<ReadyView>(bindings, ["GET", "/readyz"]);
      return { http: status, status: body.status, ...body.checks.history };
    };
    expect(await at(0.79)).toMatchObject({ http: 200, status: "ok", ok: true, usedPercent: 79 });
    expect(await at(0.81)).toMatchObject({ http: 200, status: "degraded", ok: false, usedPercent: 81 });
    expect((await call("GET", "/readyz")).status).toBe(200);
  });

  it("refuses to serve with a limit that is no number", async () => {
    const { status, body } = await callThrough<{ detail: string }>({ ...env, D1_MAX_BYTES: "10 GB" }, [
      "GET",
      "/v1/queues",
    ]);
    expect([status, body.detail]).toEqual([503, expect.stringContaining("D1_MAX_BYTES")]);
  });
});
