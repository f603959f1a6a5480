import { describe, expect, test } from "vitest";
import type { ServiceHold } from "../../../../../contract/rpc/service.ts";
import type { Outcome, WorkItem } from "../../../../../contract/rpc.ts";
import { PUSH_TYPES } from "../../../../../domain/target.ts";
import { Harness, MINUTE, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";

const MAILER = { type: "service", service: "mailer", path: "/send" } as const;
const DONE: Outcome = { ok: true, result: null, resultTruncated: false };
const OPEN: ServiceHold["refusal"] = { reason: "service-open", nextMs: 10 * SECOND };
const FULL: ServiceHold["refusal"] = { reason: "bulkhead", nextMs: SECOND, inUse: 20, limit: 20 };

function held(refusal: ServiceHold["refusal"], service = "mailer"): Outcome {
  const error = { code: "service-held", message: "not now", retryable: true };
  return { ok: false, error, retryAfterMs: 0, putBack: "released", hold: { service, refusal } };
}

/** An executor comes with room for six jobs, and reports these. */
function come(h: Harness, reports: [WorkItem, Outcome][] = []): WorkItem[] {
  return h.work({
    types: PUSH_TYPES,
    room: { handler: 0, http: 6 },
    reports: reports.map(([{ lease }, outcome]) => ({ lease, outcome })),
  }).items;
}

function rig(over = {}): Harness {
  return new Harness({ name: "mails", target: MAILER, ...over });
}

describe("a service that takes no jobs", () => {
  test("is passed over by claims, of the same step too, until it may take them", () => {
    const h = rig();
    h.submit(h.jobs(20));
    const items = come(h);
    expect(items).toHaveLength(6);
    expect(
      come(
        h,
        items.map((item) => [item, held(OPEN)]),
      ),
    ).toEqual([]);
    h.advance(9 * SECOND);
    expect(come(h)).toEqual([]);
    h.advance(SECOND);
    // One goes ahead, and the others wait for what comes of it.
    const [probe, ...others] = come(h);
    expect(others).toEqual([]);
    expect(come(h)).toEqual([]);
    expect(come(h, [[probe as WorkItem, DONE]])).toHaveLength(6);
  });

  test("costs its jobs no attempt and no deferral, however often", () => {
    const h = rig({
      maxDeferralMs: 0,
      retry: { maxAttempts: 1, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" },
    });
    const id = h.accept();
    for (let i = 0; i < 30; i++) {
      const [item] = come(h);
      expect(item).toMatchObject({ id, attempt: 1, delivery: i + 1 });
      come(h, [[item as WorkItem, held(OPEN)]]);
      expect(h.state(id)).toBe("queued");
      h.advance(10 * SECOND);
    }
    const [item] = come(h);
    come(h, [[item as WorkItem, DONE]]);
    expect(h.state(id)).toBe("succeeded");
  });

  test("leaves the others alone: another service, a URL, and the same name elsewhere", () => {
    const h = rig();
    h.submit(h.jobs(2));
    const [first] = come(h);
    const other = settingsOf({ name: "texts", target: { ...MAILER, service: "texter" } });
    const neighbour = settingsOf({ name: "mails", namespace: "acme", target: MAILER });
    h.submit([h.job({}, other)], { queues: [other] });
    h.submit([h.job({}, neighbour)], { queues: [neighbour] });
    const items = come(h, [[first as WorkItem, held(OPEN)]]);
    expect(items.map(({ queue, namespace }) => `${namespace} ${queue}`).sort()).toEqual([
      "acme mails",
      "default texts",
    ]);
  });

  test("holds each of its queues", () => {
    const h = rig();
    h.submit(h.jobs(1));
    const [first] = come(h);
    const more = settingsOf({ name: "more", target: { ...MAILER, path: "/other" } });
    h.submit([h.job({}, more)], { queues: [more] });
    expect(come(h, [[first as WorkItem, held(FULL)]])).toEqual([]);
    expect(h.explain(h.rows().find(({ state }) => state === "queued")?.id ?? "").reason).toBe("bulkhead");
  });

  test("rings when it may take jobs, and not before", () => {
    const h = rig();
    h.submit(h.jobs(3));
    const items = come(h);
    come(
      h,
      items.map((item) => [item, held(OPEN)]),
    );
    const rung = h.bells.length;
    h.advance(9 * SECOND);
    expect(h.bells).toHaveLength(rung);
    h.advance(2 * SECOND);
    expect(h.bells.length).toBeGreaterThan(rung);
  });

  test("gives the next job a way after a moment where nothing is heard of the one that went ahead", () => {
    const h = rig();
    h.submit(h.jobs(5));
    const items = come(h);
    come(
      h,
      items.map((item) => [item, held(FULL)]),
    );
    h.advance(SECOND);
    expect(come(h)).toHaveLength(1);
    h.advance(SECOND);
    expect(come(h)).toEqual([]);
    h.advance(SECOND);
    expect(come(h)).toHaveLength(1);
  });

  test("is forgotten by a restart: the next job asks the service itself", () => {
    const h = rig();
    const id = h.accept();
    const [item] = come(h);
    come(h, [[item as WorkItem, held(OPEN)]]);
    expect(h.explain(id).reason).toBe("service-open");
    h.restart();
    expect(h.explain(id).reason).toBe("ready");
    expect(come(h)).toHaveLength(1);
  });

  test("is not believed for more than a minute, nor over a clock that steps back", () => {
    const h = rig();
    h.submit(h.jobs(2));
    const items = come(h);
    come(
      h,
      items.map((item) => [item, held({ reason: "service-open", nextMs: 1e12 })]),
    );
    h.advance(MINUTE);
    expect(come(h)).toHaveLength(1);
    const back = rig();
    back.submit(back.jobs(1));
    const [item] = come(back);
    come(back, [[item as WorkItem, held(OPEN)]]);
    back.now -= MINUTE;
    expect(come(back)).toHaveLength(1);
  });
});

test("a job of a service goes out with its ordering key, which its instance may be chosen by; others go without", () => {
  const h = rig();
  h.submit([h.job({ orderingKey: "customer-7" })]);
  expect(come(h)).toMatchObject([{ orderingKey: "customer-7" }]);
  h.submit([h.job()]);
  expect(come(h)[0]).not.toHaveProperty("orderingKey");
  const hook = new Harness({ target: { type: "http", url: "https://a.example/", headers: {} } });
  hook.submit([hook.job({ orderingKey: "customer-7" })]);
  expect(come(hook)[0]).not.toHaveProperty("orderingKey");
});

test.each<[ServiceHold["refusal"], string, string]>([
  [OPEN, "service-open", "The breaker of service mailer is open. A job of it is tried at "],
  [
    { reason: "unreachable", nextMs: 5_000 },
    "service-open",
    "Service mailer could not be asked. A job of it is tried at ",
  ],
  [FULL, "bulkhead", "Service mailer has 20 of 20 requests under way. A job of it is tried at "],
  [
    { reason: "rate", nextMs: 5_000 },
    "rate",
    "Service mailer has started as many requests as its rate lets it. A job of it is tried at ",
  ],
])("explain says why: %j", (refusal, reason, detail) => {
  const h = rig();
  h.submit(h.jobs(2));
  const items = come(h);
  come(
    h,
    items.map((item) => [item, held(refusal)]),
  );
  const at = h.now + refusal.nextMs;
  for (const { id } of items) {
    expect(h.explain(id)).toMatchObject({
      state: "queued",
      reason,
      detail: `${detail}${new Date(at).toISOString()}.`,
      estimatedStartAt: at,
    });
  }
  expect(h.core.audit({ v: 1, epoch: 1 }, h.alarmAt).violations).toEqual([]);
});
