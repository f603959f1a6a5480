import { describe, expect, test } from "vitest";
import type { ServiceHold, ServiceOffer } from "../../../../../contract/rpc/service.ts";
import type { Outcome, WorkItem, WorkReply } from "../../../../../contract/rpc.ts";
import { PUSH_TYPES } from "../../../../../domain/target.ts";
import { Harness, MINUTE, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";

const MAILER = { type: "service", service: "mailer", path: "/send" } as const;
const DONE: Outcome = { ok: true, result: null, resultTruncated: false };
const OPEN: ServiceHold["refusal"] = { reason: "service-open", nextMs: 10 * SECOND };
const FULL: ServiceHold["refusal"] = { reason: "bulkhead", nextMs: SECOND, inUse: 20, limit: 20 };

function held(refusal: ServiceHold["refusal"]): Outcome {
  const error = { code: "service-held", message: "not now", retryable: true };
  return { ok: false, error, retryAfterMs: 0, putBack: "released", hold: { service: "mailer", refusal } };
}

interface Visit {
  reports?: [WorkItem, Outcome][];
  services?: ServiceOffer[];
}

/** An executor comes with room for six jobs, and says this. */
function come(h: Harness, { reports = [], services = [] }: Visit = {}): WorkReply {
  return h.work({
    types: PUSH_TYPES,
    room: { handler: 0, http: 6 },
    reports: reports.map(([{ lease }, outcome]) => ({ lease, outcome })),
    services,
  });
}

/** It has asked a service, which has given this. */
function has(permits: number, refusal?: ServiceOffer["refusal"], service = "mailer"): Visit {
  return { services: [{ namespace: "default", service, permits, ...(refusal === undefined ? {} : { refusal }) }] };
}

const asks = (jobs: number, service = "mailer") => [{ namespace: "default", service, jobs }];

function rig(over = {}): Harness {
  return new Harness({ name: "mails", target: MAILER, ...over });
}

describe("a job of a service", () => {
  test("is given to nobody without a permit: an executor is told whom to ask", () => {
    const h = rig();
    h.submit(h.jobs(20));
    expect(come(h)).toMatchObject({ items: [], services: asks(6) });
    const { items, services } = come(h, has(2, null));
    expect(items).toHaveLength(2);
    expect(services).toEqual(asks(4));
    expect(come(h, has(6)).items).toHaveLength(6);
  });

  test("costs no row as long as there is none, and is not delivered", () => {
    const h = rig({ retry: { maxAttempts: 1, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" } });
    const id = h.accept();
    come(h);
    const visit = () => {
      come(h, has(0, OPEN));
      h.advance(10 * SECOND);
      expect(come(h).services).toEqual(asks(1));
    };
    // Whatever an object writes once.
    visit();
    const before = h.sql.rowsWritten();
    for (let i = 0; i < 30; i++) visit();
    expect(h.sql.rowsWritten() - before).toBe(0);
    expect(come(h, has(1, null)).items).toMatchObject([{ id, attempt: 1, delivery: 1 }]);
  });

  test("whose permit was lost on the way goes back unspent, however often", () => {
    const h = rig({
      maxDeferralMs: 0,
      retry: { maxAttempts: 1, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" },
    });
    const id = h.accept();
    for (let i = 0; i < 30; i++) {
      const [item] = come(h, has(1)).items;
      expect(item).toMatchObject({ id, attempt: 1, delivery: i + 1 });
      come(h, { reports: [[item as WorkItem, held(OPEN)]] });
      expect(h.state(id)).toBe("queued");
    }
    const [item] = come(h, has(1)).items;
    come(h, { reports: [[item as WorkItem, DONE]] });
    expect(h.state(id)).toBe("succeeded");
  });

  test("takes its turn with others before there is a permit: room is left for it, and given to them while it is asked for", () => {
    const h = rig();
    h.submit(h.jobs(20));
    const hook = settingsOf({ name: "hooks", target: { type: "http", url: "https://a.example/", headers: {} } });
    h.submit(
      Array.from({ length: 20 }, () => h.job({}, hook)),
      { queues: [hook] },
    );
    const first = come(h);
    expect(first.items.map(({ queue }) => queue)).toEqual(Array(3).fill("hooks"));
    expect(first.services).toEqual(asks(3));
    const [offer] = has(0).services ?? [];
    const meanwhile = come(h, { services: [{ ...(offer as ServiceOffer), asking: true }] });
    expect(meanwhile.items).toHaveLength(6);
    expect(meanwhile.services).toBeUndefined();
    const both = come(h, has(6, null));
    expect(both.items.filter(({ queue }) => queue === "mails").length).toBeGreaterThanOrEqual(3);
  });
});

describe("a service that takes no jobs", () => {
  test("is asked by nobody until it may take them, then by one, and by all when it does", () => {
    const h = rig();
    h.submit(h.jobs(40));
    expect(come(h, has(0, OPEN))).toMatchObject({ items: [] });
    expect(come(h).services).toBeUndefined();
    h.advance(9 * SECOND);
    expect(come(h).services).toBeUndefined();
    h.advance(SECOND);
    expect(come(h).services).toEqual(asks(1));
    expect(come(h).services).toBeUndefined();
    const { items, services } = come(h, has(1, null));
    expect([items.length, services]).toEqual([1, asks(5)]);
    expect(come(h).services).toEqual(asks(6));
  });

  test("is held whatever jobs that it took come to: what it says counts", () => {
    const h = rig();
    h.submit(h.jobs(20));
    const { items } = come(h, has(2, FULL));
    expect(items).toHaveLength(2);
    const { services } = come(h, { reports: items.map((item) => [item, DONE]) });
    expect(services).toBeUndefined();
    // Who has permits needs to ask nobody.
    expect(come(h, has(2)).items).toHaveLength(2);
  });

  test("is asked once a second at most for the whole shard, however many executors come", () => {
    const h = rig();
    h.submit(h.jobs(500));
    let asked = 0;
    for (let ms = 0; ms < 60 * SECOND; ms += 20) {
      const { items, services = [] } = come(h);
      expect(items).toEqual([]);
      asked += services.length;
      if (services.length > 0) come(h, has(0, FULL));
      h.advance(20);
    }
    expect(asked).toBeGreaterThan(50);
    expect(asked).toBeLessThanOrEqual(60);
    expect(h.rows().map(({ attempt, returned }) => attempt + returned)).toEqual(Array(500).fill(0));
  });

  test("leaves the others alone: another service, a URL, and the same name elsewhere", () => {
    const h = rig();
    h.submit(h.jobs(2));
    const other = settingsOf({ name: "texts", target: { ...MAILER, service: "texter" } });
    const neighbour = settingsOf({ name: "mails", namespace: "acme", target: MAILER });
    h.submit([h.job({}, other)], { queues: [other] });
    h.submit([h.job({}, neighbour)], { queues: [neighbour] });
    const { services = [] } = come(h, has(0, OPEN));
    expect(services.map(({ namespace, service }) => `${namespace} ${service}`).sort()).toEqual([
      "acme mailer",
      "default texter",
    ]);
  });

  test("holds each of its queues", () => {
    const h = rig();
    h.submit(h.jobs(1));
    const more = settingsOf({ name: "more", target: { ...MAILER, path: "/other" } });
    h.submit([h.job({}, more)], { queues: [more] });
    expect(come(h, has(0, FULL)).services).toBeUndefined();
    for (const { id } of h.rows()) expect(h.explain(id).reason).toBe("bulkhead");
  });

  test("rings when it may take jobs, and not before", () => {
    const h = rig();
    h.submit(h.jobs(3));
    come(h, has(0, OPEN));
    const rung = h.bells.length;
    h.advance(9 * SECOND);
    expect(h.bells).toHaveLength(rung);
    h.advance(2 * SECOND);
    expect(h.bells.length).toBeGreaterThan(rung);
  });

  test("is asked by another executor where nothing is heard of the one that was told to", () => {
    const h = rig();
    h.submit(h.jobs(5));
    come(h, has(0, FULL));
    h.advance(SECOND);
    expect(come(h).services).toEqual(asks(1));
    h.advance(SECOND);
    expect(come(h).services).toBeUndefined();
    h.advance(SECOND);
    expect(come(h).services).toEqual(asks(1));
  });

  test("is forgotten by a restart: the next executor asks the service itself", () => {
    const h = rig();
    const id = h.accept();
    come(h, has(0, OPEN));
    expect(h.explain(id).reason).toBe("service-open");
    h.restart();
    expect(h.explain(id).reason).toBe("ready");
    expect(come(h).services).toEqual(asks(1));
  });

  test("is not believed for more than a minute, nor over a clock that steps back", () => {
    const h = rig();
    h.submit(h.jobs(2));
    come(h, has(0, { reason: "service-open", nextMs: 1e12 }));
    h.advance(MINUTE);
    expect(come(h).services).toEqual(asks(1));
    const back = rig();
    back.submit(back.jobs(1));
    come(back, has(0, OPEN));
    back.now -= MINUTE;
    expect(come(back).services).toEqual(asks(1));
  });
});

test("a job of a service goes out with its ordering key, which its instance may be chosen by; others go without", () => {
  const h = rig();
  h.submit([h.job({ orderingKey: "customer-7" })]);
  expect(come(h, has(1)).items).toMatchObject([{ orderingKey: "customer-7" }]);
  h.submit([h.job()]);
  expect(come(h, has(1)).items[0]).not.toHaveProperty("orderingKey");
  const hook = new Harness({ target: { type: "http", url: "https://a.example/", headers: {} } });
  hook.submit([hook.job({ orderingKey: "customer-7" })]);
  expect(come(hook).items[0]).not.toHaveProperty("orderingKey");
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
  come(h, has(0, refusal));
  const at = h.now + refusal.nextMs;
  for (const { id } of h.rows()) {
    expect(h.explain(id)).toMatchObject({
      state: "queued",
      reason,
      detail: `${detail}${new Date(at).toISOString()}.`,
      estimatedStartAt: at,
    });
  }
  expect(h.core.audit({ v: 1, epoch: 1 }, h.alarmAt).violations).toEqual([]);
});
