import { describe, expect, test } from "vitest";
import type { WorkItem } from "../../../../../contract/rpc.ts";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { CALL, Harness, HOUR, MINUTE, only, SECOND, START, settingsOf } from "../../../../rigs/shard-harness.ts";

/** A job whose target has taken it, and reports by itself. */

const LANE = { size: 6, consumers: 250 };
const QUEUE: Partial<QueueSettings> = {
  target: { type: "http", url: "https://later.test/work?token=***", headers: {}, async: true },
  timeoutMs: HOUR,
};
const LATER = { ok: null } as const;
const DONE = { ok: true, result: '"done"', resultTruncated: false } as const;

function running(over: Partial<QueueSettings> = {}): { h: Harness; item: WorkItem } {
  const h = new Harness({ ...QUEUE, ...over });
  h.accept();
  h.now += SECOND;
  return { h, item: only(h.work({ connections: LANE }).items) };
}

function handedOver(over: Partial<QueueSettings> = {}): { h: Harness; item: WorkItem } {
  const made = running(over);
  expect(made.h.report(made.item.lease, LATER)).toEqual({ status: "recorded" });
  return made;
}

describe("a job that was handed over", () => {
  test("runs on under the same lease, as long as its attempt may", () => {
    const { h, item } = handedOver();
    expect(h.get(item.id)).toMatchObject({
      state: "running",
      attempt: 1,
      leaseExpiresAt: START + SECOND + HOUR,
    });
    h.advance(HOUR - 1);
    expect(h.report(item.lease, DONE)).toEqual({ status: "recorded" });
    expect(h.get(item.id)).toMatchObject({ state: "succeeded", result: '"done"', attempt: 1 });
    expect(h.broken()).toEqual([]);
  });

  test("can be failed, and is tried again by its policy", () => {
    const { h, item } = handedOver();
    h.fail(item.lease);
    expect(h.get(item.id)).toMatchObject({ state: "scheduled", attempt: 1 });
    h.advance(SECOND);
    const again = only(h.work().items);
    expect([again.id, again.attempt]).toEqual([item.id, 2]);
    expect(h.explain(item.id).detail).toBe("Attempt 2 runs on executor.");
  });

  test("that nobody finishes ends with its time, and is tried again", () => {
    const { h, item } = handedOver();
    h.advance(HOUR);
    const { attempts, state } = h.get(item.id);
    expect([state, attempts[0]?.outcome, attempts[0]?.error?.code]).toEqual(["scheduled", "leaseExpired", "timeout"]);
    expect(h.report(item.lease, DONE)).toEqual({ status: "stale" });
    h.advance(SECOND);
    expect(only(h.work().items).attempt).toBe(2);
    expect(h.report(item.lease, DONE)).toEqual({ status: "stale" });
    expect(h.broken()).toEqual([]);
  });

  test("has no more time when that is told late, and none where its time was over by then", () => {
    const { h, item } = running({ timeoutMs: 10 * SECOND });
    h.advance(9 * SECOND);
    h.report(item.lease, LATER);
    expect(h.get(item.id).leaseExpiresAt).toBe(START + SECOND + 10 * SECOND);
    const late = running({ timeoutMs: 10 * SECOND });
    late.h.advance(11 * SECOND);
    expect(late.h.report(late.item.lease, LATER)).toEqual({ status: "recorded" });
    expect(late.h.report(late.item.lease, DONE)).toEqual({ status: "stale" });
    expect(late.h.get(late.item.id).attempts[0]?.error?.code).toBe("timeout");
    expect(late.h.broken()).toEqual([]);
  });

  test("cannot be extended beyond its time", () => {
    const { h, item } = handedOver();
    expect(h.extend(item.lease, 2 * HOUR)).toMatchObject({ status: "extended", leaseLeftMs: HOUR });
  });

  test("whose target extends its lease for a shorter time is missed when that is over", () => {
    const { h, item } = handedOver();
    expect(h.extend(item.lease, MINUTE)).toMatchObject({ status: "extended", leaseLeftMs: MINUTE });
    expect(h.explain(item.id).detail).toContain("was handed over to the target at later.test");
    h.advance(MINUTE);
    expect(h.get(item.id).attempts[0]?.error?.code).toBe("lease-expired");
  });

  test("is left alone by a heartbeat of the executor that was on its way", () => {
    const { h, item } = handedOver();
    const heartbeat = { lease: item.lease, leaseMs: 15 * SECOND, unlessLeftMs: 7.5 * SECOND };
    h.core.extend({ ...CALL, namespace: null, leases: [heartbeat] });
    expect(h.get(item.id).leaseExpiresAt).toBe(START + SECOND + HOUR);
    expect(h.explain(item.id).detail).toContain("handed over");
  });

  test("changes nothing when that is told twice, and keeps what its target has extended", () => {
    const { h, item } = handedOver();
    h.extend(item.lease, MINUTE);
    const before = h.get(item.id);
    expect(h.report(item.lease, LATER)).toEqual({ status: "recorded" });
    expect(h.get(item.id)).toEqual(before);
  });

  test("which its target has finished before that was told stays finished", () => {
    const { h, item } = running();
    expect(h.report(item.lease, DONE)).toEqual({ status: "recorded" });
    expect(h.report(item.lease, LATER)).toEqual({ status: "stale" });
    expect(h.get(item.id).state).toBe("succeeded");
  });

  test("says so in `explain`, with the host alone of its target, after a restart too", () => {
    const { h, item } = handedOver();
    const until = new Date(START + SECOND + HOUR).toISOString();
    const detail = `Attempt 1 was handed over to the target at later.test:443, which reports by itself. Its lease lasts until ${until}.`;
    expect(h.explain(item.id)).toMatchObject({ state: "running", reason: "running", detail });
    h.restart();
    expect(h.explain(item.id)).toMatchObject({ reason: "running", detail });
  });

  test("can be cancelled, upon which its lease is told so", () => {
    const { h, item } = handedOver();
    h.core.cancel({ ...CALL, namespace: "default", id: item.id });
    expect(h.extend(item.lease, MINUTE)).toEqual({ status: "cancelled" });
    expect(h.report(item.lease, DONE)).toEqual({ status: "stale", cancelled: true });
    expect(h.report(item.lease, LATER)).toEqual({ status: "stale", cancelled: true });
    expect(h.get(item.id).state).toBe("cancelled");
  });

  test("whose executor dies before it could say so is tried again when its lease ends", () => {
    const { h, item } = running();
    h.advance(15 * SECOND);
    expect(h.get(item.id).attempts[0]?.error?.code).toBe("lease-expired");
    expect(h.report(item.lease, LATER)).toEqual({ status: "stale" });
    expect(h.report(item.lease, DONE)).toEqual({ status: "stale" });
  });

  test("counts under the queue's limit as long as it runs", () => {
    const { h, item } = handedOver({ concurrency: 1 });
    h.accept();
    expect(h.work().items).toEqual([]);
    h.report(item.lease, DONE);
    expect(h.work().items).toHaveLength(1);
  });
});

describe("a connection", () => {
  const HOOK = settingsOf({ ...QUEUE, name: "later" });

  function full(): { h: Harness; held: WorkItem[] } {
    const h = new Harness();
    const jobs = Array.from({ length: 100 }, () => h.job({}, HOOK));
    h.submit(jobs, { queues: [HOOK] });
    const held: WorkItem[] = [];
    for (let i = 0; i < 20; i++) {
      held.push(...h.work({ room: { handler: 0, http: LANE.size }, connections: LANE }).items);
    }
    return { h, held };
  }

  test("is given back when its job is handed over, after a restart too", () => {
    const { h, held } = full();
    expect(held).toHaveLength(36);
    const room = { handler: 0, http: LANE.size };
    expect(h.work({ room, connections: LANE }).items).toEqual([]);
    for (const { lease } of held.slice(0, 4)) h.report(lease, LATER);
    expect(h.work({ room, connections: LANE }).items).toHaveLength(4);
    h.restart();
    for (const { lease } of held.slice(4, 6)) h.report(lease, LATER);
    expect(h.work({ room, connections: LANE }).items).toHaveLength(2);
    h.restart();
    expect(h.work({ room, connections: LANE }).items).toEqual([]);
    expect(h.broken()).toEqual([]);
  });
});
