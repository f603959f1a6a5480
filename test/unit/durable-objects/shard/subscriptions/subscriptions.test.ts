import { describe, expect, test } from "vitest";
import { eventId, subjectOf } from "../../../../../domain/subscription.ts";
import {
  at,
  BOOM,
  CALL,
  DAY,
  Harness,
  HOUR,
  idsOf,
  MINUTE,
  SECOND,
  START,
  settingsOf,
} from "../../../../rigs/shard-harness.ts";
import {
  drain,
  eventBells,
  failPage,
  reportOf,
  stateOf,
  subscribe,
  takePage,
  typesOf,
} from "../../../../rigs/subscription-harness.ts";

function subscribed(...args: ConstructorParameters<typeof Harness>): Harness {
  const h = new Harness(...args);
  subscribe(h);
  return h;
}

describe("a change of a job is told", () => {
  test("from its acceptance to its success, each with its version, attempt and state", () => {
    const h = subscribed();
    const id = h.accept({ tags: ["a"], orderingKey: "k" });
    h.succeed(h.takeOne().lease);
    const events = drain(h);
    const job = { id, queue: "q", orderingKey: "k", tags: ["a"], error: null };
    expect(events).toEqual([
      { type: "job.accepted", at: START, job: { ...job, state: "queued", version: 1, attempt: 0 } },
      { type: "job.started", at: START, job: { ...job, state: "running", version: 2, attempt: 1 } },
      { type: "job.succeeded", at: START, job: { ...job, state: "succeeded", version: 3, attempt: 1 } },
    ]);
    expect(eventId(at(events, 2).job)).toBe(`evt_${id.slice(4)}_3`);
  });

  test("of a failure that is retried, one for good and a redrive, with the error of the attempt", () => {
    const h = subscribed();
    const id = h.accept();
    h.fail(h.takeOne().lease);
    h.advance(SECOND);
    h.fail(h.takeOne().lease, { code: "worse", retryable: false });
    h.retry(id);
    h.succeed(h.takeOne().lease);
    const events = drain(h);
    expect(typesOf(events)).toEqual([
      "job.accepted",
      "job.started",
      "job.retrying",
      "job.started",
      "job.failed",
      "job.redriven",
      "job.started",
      "job.succeeded",
    ]);
    expect(events.map(({ job }) => job.error?.code ?? null)).toEqual([
      null,
      null,
      BOOM.code,
      null,
      "worse",
      null,
      null,
      null,
    ]);
    expect(at(events, 2).job.state).toBe("scheduled");
  });

  test.each([
    ["cancelled", ["job.accepted", "job.cancelled"], (h: Harness, id: string) => h.cancel(id)],
    ["expired", ["job.accepted", "job.failed"], (h: Harness) => h.advance(HOUR)],
    [
      "lost by its worker",
      ["job.accepted", "job.started", "job.retrying"],
      (h: Harness) => {
        h.take();
        h.advance(20 * SECOND);
      },
    ],
    [
      "purged",
      ["job.accepted", "job.cancelled"],
      (h: Harness) => h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 10 }),
    ],
  ] as const)("of a job that is %s", (_, expected, act) => {
    const h = subscribed();
    const id = h.accept({ expiresAt: START + 30 * MINUTE });
    act(h, id);
    expect(typesOf(drain(h))).toEqual(expected);
  });

  test("not of one that only becomes due, or whose lease is extended", () => {
    const h = subscribed();
    h.accept({ delayMs: MINUTE });
    h.advance(2 * MINUTE);
    h.extend(h.takeOne().lease, 30 * SECOND);
    expect(typesOf(drain(h))).toEqual(["job.accepted", "job.started"]);
  });

  test("not of a submission that is replayed, refused, or undone", () => {
    const h = subscribed();
    const job = h.job({ idempotency: { key: "k", hash: "h" } });
    h.submit([job]);
    h.submit([h.job({ idempotency: { key: "k", hash: "h" } })]);
    h.submit([h.job({ idempotency: { key: "k", hash: "other" } })]);
    const atomic = h.send([h.job(), h.job({ idempotency: { key: "k", hash: "other" } })], { atomic: true });
    expect(atomic.type).toBe("submitted");
    expect(drain(h).map((event) => event.job.id)).toEqual([job.id]);
    expect(h.broken()).toEqual([]);
  });

  test("of a deferred job that may not run: that it was accepted, and how it ended", () => {
    const h = subscribed();
    const taken = h.job();
    h.submit([taken], { deferred: true });
    h.configure({ deleted: true });
    const late = h.job();
    h.send([late], { deferred: true });
    const events = drain(h);
    expect(typesOf(events, taken.id)).toEqual(["job.accepted"]);
    expect(typesOf(events, late.id)).toEqual(["job.accepted", "job.cancelled"]);
  });

  test("in one row for a step, however many jobs changed in it", () => {
    const h = subscribed();
    h.submit(h.jobs(1000));
    expect(h.count("events")).toBe(1);
    expect(stateOf(h)?.pending).toBe(1000);
    h.take(100);
    expect(h.count("events")).toBe(2);
  });

  test("in several rows where one would be too long", () => {
    const h = subscribed();
    const tags = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(64));
    h.submit(h.jobs(1000, { tags }));
    expect(h.count("events")).toBe(2);
    const events = drain(h);
    expect(new Set(events.map(({ job }) => job.id)).size).toBe(1000);
    expect(stateOf(h)).toMatchObject({ pending: 0, delivered: 1000 });
    expect(h.count("events")).toBe(0);
  });
});

describe("rows written", () => {
  const rowsOf = (h: Harness, step: () => void) => {
    const before = h.sql.rowsWritten();
    step();
    return h.sql.rowsWritten() - before;
  };
  /** With what differs between a shard with a subscription and one without. */
  const costs = (h: Harness) => {
    h.accept();
    h.take();
    const jobs = h.jobs(100);
    const submitted = rowsOf(h, () => h.submit(jobs));
    const started = rowsOf(h, () => h.take());
    return [submitted, started];
  };

  test("none where nothing asks, one a step and subscription that asks, two for the delivery of an event alone", () => {
    const plain = costs(new Harness());
    const deaf = new Harness();
    subscribe(deaf, { events: ["job.redriven"] }, { name: "b", filter: { queue: "other", tag: null } });
    expect(costs(deaf)).toEqual(plain);
    const h = new Harness();
    subscribe(h, {}, { name: "b" });
    expect(costs(h)).toEqual(plain.map((rows) => rows + 2));
    const one = subscribed();
    one.accept();
    const { page } = takePage(one);
    if (page === null) throw new Error("no page");
    expect(rowsOf(one, () => takePage(one, { report: reportOf(page) }))).toBe(2);
    expect(rowsOf(one, () => takePage(one))).toBe(0);
  });
});

describe("who is told", () => {
  test("nobody before there is a subscription, and then nothing is written", () => {
    const h = new Harness();
    h.accept();
    subscribe(h, { events: ["job.failed"] }, { name: "other", filter: { queue: "another", tag: null } });
    h.succeed(h.takeOne().lease);
    expect(h.count("events")).toBe(0);
    expect(takePage(h)).toEqual({ type: "events", page: null, more: false });
  });

  test("those that ask for the event, the queue and the tag", () => {
    const h = new Harness();
    subscribe(
      h,
      { name: "started", events: ["job.started"] },
      { name: "tagged", filter: { queue: null, tag: "red" } },
      { name: "queue", filter: { queue: "other", tag: null } },
    );
    h.accept({ tags: ["red"] });
    h.accept({ tags: ["blue"] });
    h.queue = settingsOf({ name: "other" });
    h.accept();
    h.take();
    const pending = ["started", "tagged", "queue"].map((name) => stateOf(h, name)?.pending);
    expect(pending).toEqual([3, 2, 2]);
  });

  test("only the namespace itself: subscriptions of the same name are two", () => {
    const h = new Harness();
    subscribe(h, {}, { namespace: "theirs" });
    h.accept();
    h.queue = settingsOf({ namespace: "theirs" });
    const theirs = h.accept();
    expect(stateOf(h)?.pending).toBe(1);
    expect(stateOf(h, "all", "theirs")?.pending).toBe(1);
    const pages = [takePage(h, { worker: "a" }), takePage(h, { worker: "b" })].map(({ page }) => page);
    const page = pages.find((found) => found?.subscription.namespace === "theirs");
    expect(page?.events.map(subjectOf)).toEqual([theirs]);
  });

  test("by the newest settings: an older word that comes late changes nothing", () => {
    const h = subscribed();
    subscribe(h, { version: 3, events: ["job.failed"] });
    subscribe(h, { version: 2 });
    h.accept();
    expect(stateOf(h)?.pending).toBe(0);
  });
});

describe("a subscription that is deleted", () => {
  test("drops what it had not delivered, and tells nobody any more", () => {
    const h = subscribed();
    h.submit(h.jobs(10));
    const { page } = takePage(h);
    subscribe(h, { version: 2, deleted: true });
    expect(stateOf(h)).toBeUndefined();
    h.accept();
    expect(takePage(h).page).toBeNull();
    if (page !== null) takePage(h, { report: reportOf(page) });
    expect(h.broken()).toEqual([]);
    h.advance(SECOND);
    expect(h.count("events")).toBe(0);
    expect(h.broken()).toEqual([]);
  });

  test("and made anew has none of what was, in memory or on disk", () => {
    const h = subscribed();
    h.accept();
    drain(h);
    h.accept();
    subscribe(h, { version: 2, deleted: true });
    expect(h.broken()).toEqual([]);
    subscribe(h, { version: 3, createdAt: h.now + 1 });
    expect(stateOf(h)).toMatchObject({ pending: 0, delivered: 0, lastDeliveredAt: null });
    expect(h.broken()).toEqual([]);
    expect(takePage(h).page).toBeNull();
  });

  test("is swept a bounded number of rows a step, over a restart too, and one made anew starts anew", () => {
    const h = subscribed();
    for (let i = 0; i < 450; i++) h.accept();
    h.advance(10 * SECOND);
    subscribe(h, { version: 3, createdAt: h.now });
    h.restart();
    const id = h.accept();
    expect(stateOf(h)).toMatchObject({ pending: 1, delivered: 0, dropped: 0 });
    expect(drain(h).map(({ job }) => job.id)).toEqual([id]);
    h.advance(MINUTE);
    expect(h.count("events")).toBe(0);
    expect(h.broken()).toEqual([]);
  });
});

describe("delivery", () => {
  test("a page has the oldest events, what is reported goes, and what is not comes again", () => {
    const h = subscribed();
    const ids = Array.from({ length: 5 }, () => h.accept());
    const { page } = takePage(h, { limit: 3 });
    expect(page?.events.map(subjectOf)).toEqual(ids.slice(0, 3));
    if (page === null) throw new Error("no page");
    const delivered = reportOf(page).delivered.filter((_, i) => i !== 1);
    const second = takePage(h, { report: reportOf(page, { delivered }), limit: 3 }).page;
    expect(second?.events.map(subjectOf)).toEqual([ids[1], ids[3], ids[4]]);
    expect(stateOf(h)).toMatchObject({ delivered: 2, pending: 3, lastDeliveredAt: START, failures: 0 });
  });

  test("a page that ends inside a step's row goes on where it ended", () => {
    const h = subscribed();
    const jobs = h.jobs(250);
    h.submit(jobs);
    expect(drain(h, 100).map(({ job }) => job.id)).toEqual(idsOf(jobs));
  });

  test("a feed that is in hand is not given out again until its lease has ended", () => {
    const h = subscribed();
    h.accept();
    const first = takePage(h, { worker: "a" }).page;
    expect(takePage(h, { worker: "b" }).page).toBeNull();
    eventBells(h);
    h.advance(29 * SECOND);
    expect(eventBells(h)).toEqual([]);
    h.advance(SECOND);
    expect(eventBells(h)).toEqual([30 * SECOND]);
    expect(takePage(h, { worker: "b" }).page).toEqual(first);
  });

  test("who calls again has nothing in hand: a page that was lost on its way is handed out at once", () => {
    const h = subscribed();
    h.accept();
    const lost = takePage(h).page;
    expect(takePage(h).page).toEqual(lost);
  });

  test("after a restart a feed may be taken at once, and a late report still counts", () => {
    const h = subscribed();
    h.submit(h.jobs(2));
    const before = takePage(h, { worker: "a" }).page;
    h.restart();
    const after = takePage(h, { worker: "b" }).page;
    expect(after).toEqual(before);
    if (before === null || after === null) throw new Error("no page");
    takePage(h, { worker: "a", report: reportOf(before), limit: 0 });
    expect(stateOf(h)).toMatchObject({ delivered: 2, pending: 0 });
    takePage(h, { worker: "b", report: reportOf(after), limit: 0 });
    expect(stateOf(h)).toMatchObject({ delivered: 2, pending: 0 });
    expect(h.broken()).toEqual([]);
  });

  test("a report that comes twice counts once", () => {
    const h = subscribed();
    h.submit(h.jobs(3));
    const { page } = takePage(h);
    if (page === null) throw new Error("no page");
    for (let i = 0; i < 2; i++) takePage(h, { report: reportOf(page), limit: 0 });
    expect(stateOf(h)?.delivered).toBe(3);
  });

  test("feeds take turns", () => {
    const h = new Harness();
    subscribe(h, { name: "a" }, { name: "b" }, { name: "c" });
    for (let i = 0; i < 4; i++) h.accept();
    const names: (string | undefined)[] = [];
    let report = null;
    for (let i = 0; i < 6; i++) {
      const { page }: ReturnType<typeof takePage> = takePage(h, { report, limit: 1 });
      names.push(page?.subscription.name);
      report = page === null ? null : reportOf(page);
    }
    expect(names).toEqual(["a", "b", "c", "a", "b", "c"]);
  });

  test("says whether another feed waits", () => {
    const h = new Harness();
    subscribe(h, { name: "a" }, { name: "b" });
    h.accept();
    expect([takePage(h, { worker: "1" }).more, takePage(h, { worker: "2" }).more]).toEqual([true, false]);
  });
});

describe("a bell for deliverers", () => {
  test("is rung at once for the first event, once while it is owed, and again when nobody comes", () => {
    const h = subscribed();
    h.accept();
    h.accept();
    expect(eventBells(h)).toEqual([0]);
    h.advance(5 * SECOND);
    expect(eventBells(h)).toEqual([1.5 * SECOND, 4.5 * SECOND]);
  });

  test("is not rung while a deliverer comes back for more by itself", () => {
    const h = subscribed();
    h.submit(h.jobs(3));
    eventBells(h);
    let report = null;
    for (let i = 0; i < 3; i++) {
      const { page }: ReturnType<typeof takePage> = takePage(h, { report, limit: 1 });
      report = page === null ? null : reportOf(page);
      h.now += 2 * SECOND;
    }
    takePage(h, { report });
    expect(eventBells(h)).toEqual([]);
  });

  test("is rung after a restart, and not for a paused subscription", () => {
    const h = subscribed();
    h.accept();
    eventBells(h);
    h.restart();
    expect(eventBells(h)).toEqual([0]);
    subscribe(h, { version: 2, paused: true });
    h.accept();
    h.advance(HOUR);
    expect(eventBells(h)).toEqual([]);
    expect(stateOf(h)?.pending).toBe(2);
    subscribe(h, { version: 3 });
    expect(eventBells(h)).toHaveLength(1);
    expect(drain(h)).toHaveLength(2);
  });
});

describe("a feed that fails", () => {
  test("waits with a growing backoff, and is then tried with one event", () => {
    const h = subscribed();
    h.submit(h.jobs(3));
    expect(failPage(h)?.events).toHaveLength(3);
    expect(takePage(h).page).toBeNull();
    expect(stateOf(h)).toMatchObject({
      failures: 1,
      pending: 3,
      lastError: { code: "http-503", message: "no", at: START },
    });
    eventBells(h);
    h.advance(5 * SECOND);
    const [rung = 0] = eventBells(h);
    expect(rung).toBeGreaterThanOrEqual(SECOND);
    const { page } = takePage(h);
    expect(page?.events).toHaveLength(1);
    if (page === null) throw new Error("no page");
    expect(takePage(h, { report: reportOf(page) }).page?.events).toHaveLength(2);
    expect(stateOf(h)).toMatchObject({ failures: 0, delivered: 1, lastError: { code: "http-503" } });
  });

  test("backs off to an hour at most", () => {
    const h = subscribed();
    h.accept();
    for (let i = 0; i < 15; i++) {
      failPage(h);
      h.advance(HOUR);
    }
    expect(stateOf(h)?.failures).toBe(15);
    expect(takePage(h).page?.events).toHaveLength(1);
  });

  test("waits as long as the receiver asks for", () => {
    const h = subscribed();
    h.accept();
    failPage(h, { retryAfterMs: 2 * HOUR });
    h.advance(2 * HOUR - 1);
    expect(takePage(h).page).toBeNull();
    h.advance(1);
    expect(takePage(h).page).not.toBeNull();
  });

  test("lets others go on", () => {
    const h = new Harness();
    subscribe(h, { name: "bad" }, { name: "good" });
    h.accept();
    expect(failPage(h)?.subscription.name).toBe("bad");
    expect(drain(h)).toHaveLength(1);
    expect(stateOf(h, "good")).toMatchObject({ delivered: 1, failures: 0 });
  });

  test("is tried at once when the subscription is changed, and the old target's failure no longer counts", () => {
    const h = subscribed();
    h.accept();
    failPage(h, { retryAfterMs: HOUR });
    subscribe(h, { version: 2 });
    expect(stateOf(h)?.failures).toBe(0);
    const { page } = takePage(h);
    if (page === null) throw new Error("no page");
    subscribe(h, { version: 3 });
    const failure = { code: "x", message: "", retryAfterMs: HOUR };
    takePage(h, { report: reportOf(page, { delivered: [], failure }), limit: 0 });
    expect(stateOf(h)?.failures).toBe(0);
    expect(takePage(h).page).not.toBeNull();
  });

  test("goes on failing over a restart", () => {
    const h = subscribed();
    h.accept();
    failPage(h, { retryAfterMs: HOUR });
    h.restart();
    expect(takePage(h).page).toBeNull();
    expect(stateOf(h)).toMatchObject({ failures: 1, lastError: { code: "http-503" } });
    h.advance(HOUR);
    expect(takePage(h).page).not.toBeNull();
  });

  test("gives its first event up after three days, and goes on with the next", () => {
    const h = subscribed();
    const ids = Array.from({ length: 2 }, () => h.accept());
    let tries = 0;
    while (stateOf(h)?.dropped === 0) {
      expect(failPage(h)?.events.map(subjectOf)[0] ?? ids[0]).toBe(ids[0]);
      h.advance(HOUR);
      tries += 1;
    }
    expect(tries).toBe(73);
    expect(stateOf(h)).toMatchObject({ pending: 1, dropped: 1 });
    expect(drain(h).map(({ job }) => job.id)).toEqual([ids[1]]);
    expect(stateOf(h)).toMatchObject({ delivered: 1, dropped: 1, failures: 0 });
    expect(h.broken()).toEqual([]);
  });

  test("a clock that stepped back does not make it wait for what lies ahead", () => {
    const h = subscribed();
    h.accept();
    failPage(h);
    takePage(h, { worker: "gone" });
    h.now -= 30 * DAY;
    expect(takePage(h).page).not.toBeNull();
  });
});

test("an event that the receiver refuses is given up, and the rest goes on", () => {
  const h = subscribed();
  h.submit(h.jobs(3));
  const { page } = takePage(h);
  if (page === null) throw new Error("no page");
  const [first = "", ...others] = reportOf(page).delivered;
  const refusal = { code: "http-410", message: "gone", retryAfterMs: null };
  takePage(h, { report: reportOf(page, { delivered: others, refused: [first], refusal }), limit: 0 });
  expect(stateOf(h)).toMatchObject({
    delivered: 2,
    dropped: 1,
    pending: 0,
    failures: 0,
    lastError: { code: "http-410" },
  });
});

describe("events that nobody takes", () => {
  test("are kept for seven days, paused or not, and then dropped", () => {
    const h = new Harness();
    subscribe(h, { name: "paused", paused: true }, {});
    h.accept();
    h.advance(7 * DAY - 1);
    expect(stateOf(h, "paused")).toMatchObject({ pending: 1, oldestPendingAt: START });
    h.advance(1);
    for (const name of ["paused", "all"]) {
      expect(stateOf(h, name)).toMatchObject({ pending: 0, dropped: 1, oldestPendingAt: null });
    }
    expect(h.count("events")).toBe(0);
  });

  test("do not fill the shard: of a feed that is too long the oldest go", () => {
    const h = subscribed();
    h.feedLimits = { maxFeedBytes: 12_000, maxBytes: 1_000_000 };
    h.restart();
    const ids = Array.from({ length: 300 }, () => h.accept());
    const { pending = 0, dropped = 0 } = stateOf(h) ?? {};
    expect(pending + dropped).toBe(300);
    expect(pending).toBeGreaterThan(100);
    expect(dropped).toBeGreaterThan(100);
    expect(h.broken()).toEqual([]);
    expect(drain(h).map(({ job }) => job.id)).toEqual(ids.slice(dropped));
  });

  test("and where all are too long together, of the longest", () => {
    const h = new Harness();
    h.feedLimits = { maxFeedBytes: 1_000_000, maxBytes: 12_000 };
    h.restart();
    subscribe(h, { name: "small", filter: { queue: null, tag: "rare" } }, { name: "long" });
    h.accept({ tags: ["rare"] });
    for (let i = 0; i < 300; i++) h.accept();
    expect(stateOf(h, "small")).toMatchObject({ pending: 1, dropped: 0 });
    expect(stateOf(h, "long")?.dropped).toBeGreaterThan(100);
    expect(h.broken()).toEqual([]);
  });
});

test("a step that is undone leaves no trace in memory", () => {
  const h = subscribed();
  h.accept();
  const { page } = takePage(h);
  if (page === null) throw new Error("no page");
  h.sql.run("CREATE TRIGGER no_more BEFORE UPDATE ON subscriptions BEGIN SELECT RAISE(ABORT, 'planted'); END");
  expect(takePage(h, { report: reportOf(page) }).page).toBeNull();
  h.sql.run("DROP TRIGGER no_more");
  expect(stateOf(h)).toMatchObject({ pending: 1, delivered: 0 });
  expect(h.broken()).toEqual(["nothing-set-aside"]);
  h.advance(MINUTE);
  expect(drain(h)).toHaveLength(1);
});

test("the audit names a feed that no alarm will look at, and counts that are not the rows'", () => {
  const h = subscribed();
  h.accept();
  takePage(h);
  expect(h.broken(null)).toContain("feed-has-alarm");
  h.sql.run("DELETE FROM events");
  expect(h.broken()).toEqual(["feed-equals-rows"]);
});

test("a shard's health tells of events", () => {
  const h = subscribed();
  h.submit(h.jobs(2));
  failPage(h);
  h.advance(5 * SECOND);
  drain(h);
  h.accept();
  const { totals, pendingEvents } = h.core.wake(CALL);
  expect(totals).toMatchObject({ eventsDelivered: 2, eventsFailed: 1, eventsDropped: 0 });
  expect(pendingEvents).toBe(1);
});
