import { describe, expect, test } from "vitest";
import { fireJobId } from "../../../../../domain/schedule.ts";
import { initialMap, type SlotMap } from "../../../../../domain/slots.ts";
import { idOfEvent } from "../../../../../domain/subscription.ts";
import { firedAt, firesOf, push, scheduleOf, stateOf } from "../../../../rigs/schedule-harness.ts";
import {
  at,
  CALL,
  DAY,
  Harness,
  HOUR,
  MINUTE,
  only,
  RowHarness,
  SECOND,
  START,
} from "../../../../rigs/shard-harness.ts";
import {
  drain,
  reportOf,
  subscribe,
  stateOf as subscriptionState,
  takePage,
} from "../../../../rigs/subscription-harness.ts";

/** The object sleeps for `ms`: nothing fires, and then it wakes. */
function outage(h: Harness, ms: number): void {
  h.alarmAt = null;
  h.now += ms;
  h.restart();
  h.advance(0);
}

function jobsOf(h: Harness): string[] {
  return h
    .rows()
    .sort((a, b) => a.seq - b.seq)
    .map(({ id }) => id);
}

describe("a fire", () => {
  test("is a job, a record and the next instant, at its instant", () => {
    const h = new Harness();
    const job = { ...scheduleOf().job, tags: ["nightly"], priority: 7, timeoutMs: 5000 };
    expect(push(h, scheduleOf({ job }))).toEqual({ lastAt: null, nextAt: START + MINUTE, type: "runs" });
    expect(h.alarmAt).toBe(START + MINUTE);
    h.advance(MINUTE - 1);
    expect(h.count("jobs")).toBe(0);
    h.advance(1);
    const [id = ""] = jobsOf(h);
    expect(firesOf(h)).toEqual([
      { scheduledAt: h.now, firedAt: h.now, outcome: "fired", reason: null, jobId: id, count: 1 },
    ]);
    expect(h.get(id)).toMatchObject({ state: "queued", payload: '{"what":"report"}', tags: ["nightly"], priority: 7 });
    expect(h.get(id)).toMatchObject({ timeoutMs: 5000, runAt: h.now, retry: h.queue.retry });
    expect(stateOf(h)).toMatchObject({ nextAt: START + 2 * MINUTE, lastFiredAt: START + MINUTE });
    expect(h.rung()).toHaveLength(1);
    expect(h.broken()).toEqual([]);
  });

  test("comes at every instant, through restarts and alarms that come twice or too soon", () => {
    const h = new Harness();
    push(h, scheduleOf());
    for (let n = 0; n < 20; n++) {
      h.advance(MINUTE / 2);
      h.core.alarm();
      h.restart();
      h.core.alarm();
    }
    expect(firedAt(h)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(h.count("jobs")).toBe(10);
  });

  test("is undone whole with the step it is part of, and done again", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.now += MINUTE;
    h.sql.run("CREATE TRIGGER full BEFORE INSERT ON fires BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    h.core.alarm();
    expect([h.count("jobs"), h.count("fires"), stateOf(h).nextAt]).toEqual([0, 0, START + MINUTE]);
    h.sql.run("DROP TRIGGER full");
    h.restart();
    h.advance(0);
    expect([h.count("jobs"), firedAt(h)]).toEqual([1, [1]]);
  });

  test("is made by whoever asks the shard for work when its alarm is late", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.alarmAt = null;
    h.now += MINUTE + 3 * SECOND;
    expect(h.take()).toHaveLength(1);
    expect(only(firesOf(h))).toMatchObject({ scheduledAt: START + MINUTE, firedAt: START + MINUTE + 3 * SECOND });
  });

  test("of a paused queue accepts its job, which waits", () => {
    const h = new Harness({ paused: true });
    push(h, scheduleOf());
    h.advance(MINUTE);
    expect(firedAt(h)).toEqual([1]);
    expect(h.take()).toEqual([]);
    expect(h.explain(at(jobsOf(h), 0)).reason).toBe("paused");
  });

  test("whose job has two keys is skipped while its queue has more than one partition", () => {
    const h = new Harness();
    push(h, scheduleOf({ job: { ...scheduleOf().job, orderingKey: "o", concurrencyKey: "c" } }));
    h.advance(MINUTE);
    h.configure({ partitions: 4 });
    h.advance(MINUTE);
    expect(firesOf(h).map(({ outcome }) => outcome)).toEqual(["fired", "skipped"]);
    expect(at(firesOf(h), 1).reason).toContain("one partition");
  });

  test("of a deleted queue is skipped with the reason, and goes on when the queue is back", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.configure({ deleted: true });
    h.advance(MINUTE);
    expect(only(firesOf(h))).toMatchObject({ outcome: "skipped", reason: "Its queue q was deleted.", jobId: null });
    h.configure({ deleted: false });
    h.advance(MINUTE);
    expect(firedAt(h)).toEqual([2]);
  });

  test("waits while its queue is held for a change", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.advance(MINUTE - SECOND);
    h.core.hold({ ...CALL, namespace: "default", queue: "q", holdMs: 10 * SECOND });
    h.advance(5 * SECOND);
    expect(firesOf(h)).toEqual([]);
    h.core.hold({ ...CALL, namespace: "default", queue: "q", holdMs: 0 });
    h.advance(SECOND);
    expect(firedAt(h)).toEqual([1]);
  });

  test("whose job expires counts from its run-at, and is skipped when that is over already", () => {
    const h = new Harness();
    push(h, scheduleOf({ job: { ...scheduleOf().job, expiresAfterMs: 20 * SECOND } }));
    h.advance(MINUTE);
    expect(h.get(at(jobsOf(h), 0)).expiresAt).toBe(START + MINUTE + 20 * SECOND);
    outage(h, MINUTE + 40 * SECOND);
    expect(at(firesOf(h), 1)).toMatchObject({ outcome: "skipped", reason: expect.stringContaining("expired") });
    expect(jobsOf(h)).toHaveLength(1);
  });

  test("has its job run up to `jitter` later, at a time that a retry does not change", () => {
    const h = new Harness();
    push(h, scheduleOf({ jitterMs: 30 * SECOND }));
    h.advance(5 * MINUTE + 30 * SECOND);
    const delays = jobsOf(h).map((id) => h.get(id).runAt - START - (jobsOf(h).indexOf(id) + 1) * MINUTE);
    expect(delays).toHaveLength(5);
    expect(new Set(delays).size).toBeGreaterThan(2);
    expect(delays.every((delay) => delay >= 0 && delay <= 30 * SECOND)).toBe(true);
    expect(firesOf(h).every(({ scheduledAt, firedAt: firing }) => scheduledAt === firing)).toBe(true);
  });
});

describe("overlap", () => {
  test("allow: runs beside the job before", () => {
    const h = new Harness();
    push(h, scheduleOf({ overlap: "allow" }));
    h.advance(3 * MINUTE);
    expect(h.take()).toHaveLength(3);
  });

  test("skip: leaves out what comes while the job before is not final, and says which", () => {
    const h = new Harness({ timeoutMs: HOUR });
    push(h, scheduleOf({ overlap: "skip" }));
    h.advance(MINUTE);
    const { id, lease } = h.takeOne();
    h.extend(lease, HOUR);
    h.advance(2 * MINUTE);
    expect(firesOf(h).map(({ outcome }) => outcome)).toEqual(["fired", "skipped", "skipped"]);
    expect(at(firesOf(h), 1).reason).toContain(id);
    h.succeed(lease);
    h.advance(MINUTE);
    expect(firedAt(h)).toEqual([1, 4]);
    // A job that failed and waits for its next attempt is not final either.
    h.fail(h.takeOne().lease, {}, 2 * MINUTE);
    h.advance(MINUTE);
    expect(at(firesOf(h), 4).outcome).toBe("skipped");
  });

  test("skip: a job that the shard has forgotten was final", () => {
    const h = new Harness();
    push(h, scheduleOf({ overlap: "skip", cron: "0 0 * * *" }));
    h.advance(DAY);
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(DAY);
    expect(firesOf(h).map(({ outcome }) => outcome)).toEqual(["fired", "fired"]);
  });

  test("queue: its jobs run one after another, in the order of their instants", () => {
    const h = new Harness();
    push(h, scheduleOf({ overlap: "queue" }));
    h.advance(3 * MINUTE);
    const ran: string[] = [];
    for (let n = 0; n < 3; n++) {
      const { id, lease } = h.takeOne();
      ran.push(id);
      h.succeed(lease);
    }
    expect(ran).toEqual(jobsOf(h));
    expect(h.get(at(ran, 0)).orderingKey).toBe("schedule:nightly");
  });
});

describe("after an outage", () => {
  test("instants in the catch-up window fire late, older ones are one record of what was missed", () => {
    const h = new Harness();
    push(h, scheduleOf({ catchUpWindowMs: 3 * MINUTE }));
    h.advance(2 * MINUTE);
    outage(h, 10 * MINUTE + 30 * SECOND);
    expect(firedAt(h)).toEqual([1, 2, 10, 11, 12]);
    const missed = firesOf(h).filter(({ outcome }) => outcome === "missed");
    expect(only(missed)).toMatchObject({ scheduledAt: START + 3 * MINUTE, count: 7, firedAt: null, jobId: null });
    expect(only(missed).reason).toContain("the last at");
    expect(stateOf(h).nextAt).toBe(START + 13 * MINUTE);
    expect(h.core.wake(CALL).totals).toMatchObject({ firesFired: 3, firesSkipped: 0, firesMissed: 7 });
  });

  test("an instant exactly as old as the window still fires", () => {
    const h = new Harness();
    push(h, scheduleOf({ catchUpWindowMs: MINUTE }));
    outage(h, 2 * MINUTE);
    expect(firedAt(h)).toEqual([1, 2]);
  });

  test("a long gap of a frequent schedule is bounded work", () => {
    const h = new Harness();
    push(h, scheduleOf({ cron: "* * * * * *", catchUpWindowMs: 10 * SECOND }));
    outage(h, 30 * DAY);
    const [gap, ...rest] = firesOf(h);
    expect(gap).toMatchObject({
      outcome: "missed",
      count: 1000,
      reason: expect.stringContaining("counted no further"),
    });
    expect(rest.map(({ outcome }) => outcome)).toEqual(Array(11).fill("fired"));
    expect(stateOf(h).nextAt).toBe(h.now + SECOND);
  });

  test("whoever has much to catch up goes to the end of the line", () => {
    const h = new Harness();
    h.namespace({ firesPerSecond: null });
    const names = Array.from({ length: 25 }, (_, n) => `greedy${n}`);
    for (const name of names) push(h, scheduleOf({ name, cron: "* * * * * *", catchUpWindowMs: HOUR }));
    push(h, scheduleOf({ name: "modest" }));
    h.alarmAt = null;
    h.now += MINUTE + SECOND;
    h.core.alarm();
    expect(firedAt(h, SECOND, "greedy0")).toEqual([1, 2, 3, 4, 5]);
    expect(h.alarmAt).toBeLessThanOrEqual(h.now);
    h.core.alarm();
    expect(firedAt(h, MINUTE, "modest")).toEqual([1]);
    h.advance(0);
    for (const name of names) {
      expect(firedAt(h, SECOND, name)).toEqual(Array.from({ length: 61 }, (_, n) => n + 1));
    }
  });

  test("skipping needs no time: of what is caught up only the first runs", () => {
    const h = new Harness();
    push(h, scheduleOf({ overlap: "skip", catchUpWindowMs: HOUR }));
    outage(h, 5 * MINUTE);
    expect(firesOf(h).map(({ outcome }) => outcome)).toEqual(["fired", ...Array(4).fill("skipped")]);
  });
});

describe("after an outage, where no window is named", () => {
  const latest = { catchUp: "latest" } as const;

  test("the instant that fell into it runs once, however late", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...latest, cron: "0 0 * * *" }));
    const midnight = stateOf(h).nextAt ?? 0;
    outage(h, midnight - START + 23 * HOUR);
    expect(only(firesOf(h))).toMatchObject({ outcome: "fired", scheduledAt: midnight, firedAt: h.now });
    expect(h.count("jobs")).toBe(1);
    expect(stateOf(h).nextAt).toBe(midnight + DAY);
  });

  test("of several the last runs, and those before it are one record", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...latest }));
    outage(h, 10 * MINUTE + 30 * SECOND);
    expect(firesOf(h)).toMatchObject([
      { outcome: "missed", scheduledAt: START + MINUTE, count: 9, reason: expect.stringContaining("next instant") },
      { outcome: "fired", scheduledAt: START + 10 * MINUTE, firedAt: h.now },
    ]);
    expect(h.core.wake(CALL).totals).toMatchObject({ firesFired: 1, firesMissed: 9 });
    h.advance(MINUTE);
    expect(firedAt(h)).toEqual([10, 11]);
  });

  test("of very many too, and that is bounded work", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...latest, cron: "* * * * * *" }));
    outage(h, 30 * DAY);
    expect(firesOf(h)).toMatchObject([
      { outcome: "missed", count: 1000, reason: expect.stringContaining("counted no further") },
      { outcome: "fired", scheduledAt: h.now },
    ]);
    expect(stateOf(h).nextAt).toBe(h.now + SECOND);
  });

  test("the next one takes its place as soon as it is due, and not before", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...latest }));
    outage(h, 2 * MINUTE - 1);
    expect(firedAt(h)).toEqual([1]);
    const other = new Harness();
    push(other, scheduleOf({ ...latest }));
    outage(other, 2 * MINUTE);
    expect(firesOf(other).map(({ outcome }) => outcome)).toEqual(["missed", "fired"]);
  });

  test("a job that has to start soon after its instant is skipped when that is over", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...latest, cron: "0 * * * *", job: { ...scheduleOf().job, expiresAfterMs: MINUTE } }));
    const instant = stateOf(h).nextAt ?? 0;
    outage(h, instant - START + 2 * MINUTE);
    expect(only(firesOf(h))).toMatchObject({ outcome: "skipped", reason: expect.stringContaining("expired") });
  });

  test("overlap and jitter are as ever: what runs late runs at its own time, or at once", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...latest, overlap: "skip", jitterMs: 30 * SECOND }));
    h.advance(MINUTE);
    outage(h, 10 * MINUTE);
    expect(firesOf(h).map(({ outcome }) => outcome)).toEqual(["fired", "missed", "skipped"]);
    expect(h.get(at(jobsOf(h), 0)).runAt).toBeGreaterThanOrEqual(START + MINUTE);
  });
});

describe("missed instants", () => {
  const asks = { events: ["schedule.missed"] as const };

  function missing(over: Parameters<typeof scheduleOf>[0] = {}): Harness {
    const h = new RowHarness();
    subscribe(
      h,
      { ...asks, events: [...asks.events] },
      { name: "others", events: [...asks.events], filter: { queue: "x", tag: null } },
    );
    push(h, scheduleOf({ catchUp: "latest", ...over }));
    return h;
  }

  test("are an event for who asks, one for a run", () => {
    const h = missing();
    outage(h, 10 * MINUTE);
    const { page } = takePage(h);
    const [event, ...more] = page?.events ?? [];
    const { id, slot, reason } = only(
      h.sql.all<{ id: string; slot: number; reason: string }>(
        "SELECT j.id, f.slot, (SELECT reason FROM fires WHERE outcome = 'missed') AS reason FROM jobs AS j, fires AS f WHERE f.outcome = 'fired'",
      ),
    );
    expect(more).toEqual([]);
    const run = {
      id: fireJobId(scheduleOf(), START + MINUTE, slot),
      name: "nightly",
      queue: "q",
      scheduledAt: START + MINUTE,
    };
    expect(event).toEqual({ type: "schedule.missed", at: h.now, schedule: { ...run, count: 9, reason } });
    if (event === undefined || page === null) throw new Error("no event");
    expect(idOfEvent(event)).toBe(`evt_${run.id.slice(4)}_missed`);
    expect(run.id).not.toBe(id);
    h.core.deliver({ ...CALL, worker: "w", report: reportOf(page), limit: 0 });
    expect(subscriptionState(h)).toMatchObject({ delivered: 1, pending: 0 });
    expect(subscriptionState(h, "others")).toMatchObject({ delivered: 0, pending: 0 });
  });

  test("are told of by the tag of the jobs, and written in the slot of the schedule", () => {
    const h = new Harness();
    const ofTag = (name: string, tag: string) => ({ name, events: [...asks.events], filter: { queue: "q", tag } });
    subscribe(h, ofTag("red", "red"), ofTag("blue", "blue"));
    push(h, scheduleOf({ job: { ...scheduleOf().job, tags: ["red"] } }));
    outage(h, 10 * MINUTE);
    expect(["red", "blue"].map((name) => subscriptionState(h, name)?.pending)).toEqual([1, 0]);
    expect(h.sql.all("SELECT slot FROM events")).toEqual(h.sql.all("SELECT DISTINCT slot FROM fires"));
    h.restart();
    expect(subscriptionState(h, "red")?.pending).toBe(1);
  });

  test("are no event where nobody asks for them, and none where nothing was missed", () => {
    const h = new Harness();
    subscribe(h, {});
    push(h, scheduleOf({ catchUp: "latest" }));
    outage(h, 10 * MINUTE);
    expect(drain(h).map(({ type }) => type)).toEqual(["job.accepted"]);
    const fine = missing();
    fine.advance(3 * MINUTE);
    expect(subscriptionState(fine)?.pending).toBe(0);
  });

  test("go with the record: a step that is undone tells nothing", () => {
    const h = missing();
    h.alarmAt = null;
    h.now += 10 * MINUTE;
    h.sql.run("CREATE TRIGGER full BEFORE UPDATE ON schedules BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    h.core.alarm();
    expect([h.count("events"), h.count("fires"), subscriptionState(h)?.pending]).toEqual([0, 0, 0]);
    h.sql.run("DROP TRIGGER full");
    h.restart();
    h.advance(0);
    expect(subscriptionState(h)?.pending).toBe(1);
  });
});

describe("every", () => {
  const every = { cron: null, everyMs: 90 * SECOND } as const;

  test("fires on its grid, through restarts, and a change that leaves it alone does not move it", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...every }));
    h.advance(3 * MINUTE);
    h.restart();
    push(h, scheduleOf({ ...every, version: 2, overlap: "skip", updatedAt: h.now }));
    h.advance(3 * MINUTE);
    expect(firesOf(h).map(({ scheduledAt }) => (scheduledAt - START) / SECOND)).toEqual([90, 180, 270, 360]);
    expect(h.broken()).toEqual([]);
  });

  test("counts from its start, also where that is moved", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...every, startAt: START + 10 * SECOND }));
    expect(stateOf(h).nextAt).toBe(START + 10 * SECOND);
    h.advance(MINUTE);
    push(h, scheduleOf({ ...every, version: 2, startAt: START + 20 * SECOND, updatedAt: h.now }));
    expect(stateOf(h).nextAt).toBe(START + 110 * SECOND);
    h.advance(MINUTE);
    expect(firesOf(h).map(({ scheduledAt }) => (scheduledAt - START) / SECOND)).toEqual([10, 110]);
  });

  test("is caught up as cron is", () => {
    const h = new Harness();
    push(h, scheduleOf({ ...every, catchUpWindowMs: 3 * MINUTE }));
    outage(h, 15 * MINUTE);
    expect(firesOf(h).map(({ outcome, count }) => [outcome, count])).toEqual([
      ["missed", 7],
      ["fired", 1],
      ["fired", 1],
      ["fired", 1],
    ]);
  });
});

describe("a schedule with an end", () => {
  test("fires up to it, is over then, and the audit has nothing against it", () => {
    const h = new Harness();
    push(h, scheduleOf({ startAt: START + 90 * SECOND, endAt: START + 4 * MINUTE }));
    h.advance(10 * MINUTE);
    expect(firedAt(h)).toEqual([2, 3, 4]);
    expect(stateOf(h)).toMatchObject({ runs: true, nextAt: null });
    expect(h.broken()).toEqual([]);
    // Told again as it is: nothing is written.
    const written = h.sql.rowsWritten();
    push(h, scheduleOf({ startAt: START + 90 * SECOND, endAt: START + 4 * MINUTE }));
    expect(h.sql.rowsWritten()).toBe(written);
  });

  test("goes on from now on when its end is put off", () => {
    const h = new Harness();
    push(h, scheduleOf({ endAt: START + 2 * MINUTE }));
    h.advance(5 * MINUTE);
    push(h, scheduleOf({ version: 2, endAt: START + 7 * MINUTE, updatedAt: h.now }));
    h.advance(10 * MINUTE);
    expect(firedAt(h)).toEqual([1, 2, 6, 7]);
  });

  test("fires its last instant after an outage that began before it", () => {
    const h = new Harness();
    push(h, scheduleOf({ catchUp: "latest", endAt: START + 2 * MINUTE }));
    outage(h, 3 * DAY);
    expect(firesOf(h).map(({ outcome, scheduledAt }) => [outcome, scheduledAt - START])).toEqual([
      ["missed", MINUTE],
      ["fired", 2 * MINUTE],
    ]);
    expect(stateOf(h).nextAt).toBeNull();
  });

  test("that is over before it begins never fires", () => {
    const h = new Harness();
    push(h, scheduleOf({ endAt: START - DAY }));
    expect(stateOf(h)).toMatchObject({ runs: true, nextAt: null });
    h.advance(DAY);
    expect([firesOf(h), h.broken()]).toEqual([[], []]);
  });
});

test("a schedule of which an earlier version of the code knew no instants goes on at the next push", () => {
  const h = new Harness();
  push(h, scheduleOf({ cron: null, everyMs: MINUTE }));
  h.sql.run("UPDATE schedules SET next_at = NULL, due_at = NULL");
  h.restart();
  expect(h.broken()).toEqual(["schedule-goes-on"]);
  push(h, scheduleOf({ cron: null, everyMs: MINUTE }));
  h.advance(MINUTE);
  expect(firedAt(h)).toEqual([1]);
});

describe("the clock", () => {
  test("that steps back fires nothing a second time", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.advance(3 * MINUTE);
    h.now -= 2 * MINUTE;
    h.restart();
    h.core.alarm();
    h.advance(2 * MINUTE);
    expect(firedAt(h)).toEqual([1, 2, 3]);
    // Not after a change either: the new version goes on after what was dealt with.
    h.now -= 2 * MINUTE;
    push(h, scheduleOf({ version: 2, cron: "*/1 * * * *", updatedAt: h.now }));
    h.advance(3 * MINUTE);
    expect(firedAt(h)).toEqual([1, 2, 3, 4]);
    expect(h.count("jobs")).toBe(4);
  });
});

describe("a new version", () => {
  test("with another cron starts with the first instant after the change", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.advance(90 * SECOND);
    push(h, scheduleOf({ version: 2, cron: "*/10 * * * *", updatedAt: h.now }));
    expect(stateOf(h).nextAt).toBe(START + 10 * MINUTE);
    h.advance(10 * MINUTE);
    expect(firedAt(h)).toEqual([1, 10]);
  });

  test("with the same cron loses no instant that was due", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.now += MINUTE + 20;
    push(h, scheduleOf({ version: 2, overlap: "skip", updatedAt: h.now }));
    h.advance(0);
    expect(firedAt(h)).toEqual([1]);
  });

  test("that pauses stops it, and a resume backfills nothing", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.advance(MINUTE);
    push(h, scheduleOf({ version: 2, paused: true, updatedAt: h.now }));
    expect(stateOf(h)).toMatchObject({ runs: true, nextAt: null });
    h.advance(10 * MINUTE);
    expect(h.broken()).toEqual([]);
    h.advance(30 * SECOND);
    push(h, scheduleOf({ version: 3, updatedAt: h.now }));
    h.advance(MINUTE);
    expect(firedAt(h)).toEqual([1, 12]);
    expect(firesOf(h)).toHaveLength(2);
  });

  test("is not undone by an older one that comes late, nor by the same one again", () => {
    const h = new Harness();
    push(h, scheduleOf({ version: 2, cron: "*/5 * * * *" }));
    push(h, scheduleOf({ version: 1 }));
    const written = h.sql.rowsWritten();
    push(h, scheduleOf({ version: 2, cron: "*/5 * * * *" }));
    expect(h.sql.rowsWritten()).toBe(written);
    h.advance(5 * MINUTE);
    expect(firedAt(h)).toEqual([5]);
  });

  test("that deletes it forgets its fires; made again it does not fire an instant that was", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.advance(2 * MINUTE);
    push(h, scheduleOf({ version: 2, deleted: true }));
    expect(h.count("fires")).toBe(0);
    expect(stateOf(h)).toMatchObject({ runs: false, nextAt: null, lastFiredAt: null });
    h.advance(2 * MINUTE);
    push(h, scheduleOf({ version: 1 }));
    h.advance(MINUTE);
    expect(firesOf(h)).toEqual([]);
    push(h, scheduleOf({ version: 3, updatedAt: START }));
    h.advance(0);
    // What its updatedAt makes due and the window allows.
    expect(firedAt(h)).toEqual([4, 5]);
  });
});

/** Two shards, one after the other in time. */
function twoShards(partitions = 64): { a: Harness; b: Harness } {
  return { a: new Harness({ partitions }, initialMap(1)), b: new Harness({ partitions }, initialMap(1)) };
}

describe("a schedule that moves", () => {
  test("goes on at the new place where it stood at the old one, and no instant fires twice or never", () => {
    const { a, b } = twoShards();
    push(a, scheduleOf());
    push(b, scheduleOf(), { own: false });
    a.advance(3 * MINUTE);
    a.alarmAt = null;
    a.now += MINUTE + SECOND;
    b.now = a.now;
    // The instant of now is due at the old place and not fired yet.
    const queue = { ...a.queue, version: 2 };
    const handover = push(a, scheduleOf(), { own: false, queue });
    expect(handover).toEqual({ lastAt: START + 3 * MINUTE, nextAt: START + 4 * MINUTE, type: "stopped" });
    a.restart();
    a.core.alarm();
    expect(firedAt(a)).toEqual([1, 2, 3]);
    push(b, scheduleOf(), { handover, queue });
    b.advance(2 * MINUTE);
    expect(firedAt(b)).toEqual([4, 5, 6]);
  });

  test("does not fire at the new place what the old one has fired, though the new one's clock is behind", () => {
    const { a, b } = twoShards();
    push(a, scheduleOf());
    a.advance(3 * MINUTE);
    const moved = scheduleOf({ version: 2, cron: "*/1 * * * *", updatedAt: START + 3 * MINUTE - SECOND });
    const handover = push(a, moved, { own: false });
    b.now = a.now - SECOND;
    push(b, moved, { handover });
    b.advance(2 * MINUTE);
    expect(firedAt(b)).toEqual([4]);
  });

  test("starts nothing where an older word comes after it left", () => {
    const { a } = twoShards();
    push(a, scheduleOf());
    push(a, scheduleOf({ version: 2 }), { own: false });
    expect(push(a, scheduleOf()).type).toBe("older");
    a.advance(5 * MINUTE);
    expect(firesOf(a)).toEqual([]);
    expect(a.broken()).toEqual([]);
  });

  test("starts nothing on a shard whose own map does not have its place", () => {
    const h = new Harness({}, { epoch: 1, shards: [{ id: "shard-1", slots: [{ from: 0, to: 4095 }] }] });
    expect(push(h, scheduleOf()).type).toBe("stopped");
    h.advance(5 * MINUTE);
    expect(firesOf(h)).toEqual([]);
  });

  test("stops by itself when its queue's new partitions put it elsewhere, and its instant is kept", () => {
    const halves: SlotMap = {
      epoch: 1,
      shards: [
        { id: "shard-0", slots: [{ from: 0, to: 2047 }] },
        { id: "shard-1", slots: [{ from: 2048, to: 4095 }] },
      ],
    };
    // Found by trying: names whose place is here with one number of partitions and not with another.
    const moving = Array.from({ length: 64 }, (_, i) => `s${i}`).find((name) => {
      const h = new Harness({ partitions: 8 }, halves);
      const here = push(h, scheduleOf({ name })).type === "runs";
      h.configure({ partitions: 7 });
      return here && push(h, scheduleOf({ name, version: 2 })).type === "stopped";
    });
    if (moving === undefined) throw new Error("no name moves");
    const name = moving;
    const h = new Harness({ partitions: 8 }, halves);
    push(h, scheduleOf({ name }));
    h.configure({ partitions: 7 });
    h.advance(90 * SECOND);
    expect([firesOf(h, name), h.count("jobs")]).toEqual([[], 0]);
    expect(push(h, scheduleOf({ name }), { own: false })).toEqual({
      lastAt: null,
      nextAt: START + MINUTE,
      type: "stopped",
    });
    // Its old place is told late that it is the new one after all: the instant that was due fires.
    h.configure({ partitions: 8 });
    push(h, scheduleOf({ name }));
    h.advance(0);
    expect(firedAt(h, MINUTE, name)).toEqual([1]);
  });
});

describe("records", () => {
  test("are the last thousand of a schedule", () => {
    const h = new Harness({ paused: true });
    push(h, scheduleOf({ overlap: "skip" }));
    h.advance(1010 * MINUTE);
    expect(h.count("fires")).toBe(1000);
    expect(at(firesOf(h), 999).scheduledAt).toBe(START + 1010 * MINUTE);
    const page = h.core.fires({
      ...CALL,
      namespace: "default",
      name: "nightly",
      before: START + 500 * MINUTE,
      limit: 3,
    });
    expect(page.map(({ scheduledAt }) => (scheduledAt - START) / MINUTE)).toEqual([499, 498, 497]);
  });

  test("stay thirty days", () => {
    const h = new Harness({ paused: true });
    push(h, scheduleOf({ overlap: "skip", cron: "0 0 * * *" }));
    h.advance(29 * DAY);
    expect(h.count("fires")).toBe(29);
    push(h, scheduleOf({ overlap: "skip", cron: "0 0 * * *", paused: true, version: 2 }));
    h.advance(11 * DAY);
    h.core.wake(CALL);
    expect(h.count("fires")).toBe(19);
    h.advance(40 * DAY);
    h.core.wake(CALL);
    expect(h.count("fires")).toBe(0);
  });
});

describe("the audit finds", () => {
  test("a schedule without a next instant, one long overdue, and one that no alarm looks at", () => {
    const h = new Harness();
    push(h, scheduleOf());
    expect(h.broken()).toEqual([]);
    expect(h.broken(null)).toEqual(["schedule-has-alarm"]);
    h.now += 3 * MINUTE;
    expect(h.broken(h.now)).toEqual(["schedule-goes-on"]);
    h.now -= 3 * MINUTE;
    h.sql.run("UPDATE schedules SET due_at = NULL, next_at = NULL");
    expect(h.broken()).toEqual(["schedule-goes-on"]);
  });
});
