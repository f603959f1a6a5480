import { describe, expect, test } from "vitest";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { DEMAND } from "../../../../../durable-objects/shard/doorbells/demand.ts";
import { QUEUES } from "../../../../../durable-objects/shard/queues/queue-store.ts";
import { FEEDS } from "../../../../../durable-objects/shard/subscriptions/feed-store.ts";
import { at, CALL, Harness, only, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";
import { subscribe } from "../../../../rigs/subscription-harness.ts";

const HTTP = { type: "http", url: "https://other.example/", headers: {} } as const;
const PULL = { type: "pull" } as const;

/** Queues of every kind that bells count: by their number, by a limit, by a rate, by their connections. */
const KINDS: Partial<QueueSettings>[] = [
  {},
  { concurrency: 1 },
  { rate: { limit: 1, periodMs: 10 * SECOND } },
  { target: HTTP },
  { target: { type: "consumer" } },
  { target: PULL, rate: { limit: 1, periodMs: 10 * SECOND } },
];

/** A shard with `others` queues of another namespace, with a ready job and a subscription that has an event each. */
function crowded(others: number): Harness {
  const h = new Harness({ target: PULL });
  for (let i = 0; i < others; i++) {
    const namespace = "others";
    const queue = settingsOf({ ...KINDS[i % KINDS.length], namespace, name: `other-${i}` });
    const filter = { queue: queue.name, tag: null };
    subscribe(h, { namespace, name: queue.name, filter });
    h.submit([h.job({}, queue), h.job({}, queue)], { queues: [queue] });
  }
  subscribe(h, { name: "own", filter: { queue: null, tag: null } });
  return h;
}

/** How many queues and feeds are looked at, and how many statements run, while `work` is done. */
function looksDuring(h: Harness, work: () => void): { queues: number; feeds: number; statements: number } {
  const looks = { queues: 0, feeds: 0, statements: 0 };
  const counting = (target: object, method: string, note: (answer: unknown) => void) => {
    const real = Reflect.get(target, method).bind(target);
    const counted = (...args: unknown[]) => {
      const answer = real(...args);
      note(answer);
      return answer;
    };
    Object.defineProperty(target, method, { value: counted, configurable: true });
    return () => Reflect.deleteProperty(target, method);
  };
  const queues = h.core.engine.get(QUEUES);
  const feeds = h.core.engine.get(FEEDS);
  const manyOf = (answer: unknown) => (Array.isArray(answer) ? answer.length : 1);
  const undo = [
    counting(queues, "get", () => looks.queues++),
    counting(queues, "all", (all) => (looks.queues += manyOf(all))),
    counting(feeds, "get", () => looks.feeds++),
    counting(feeds, "all", (all) => (looks.feeds += manyOf(all))),
    counting(feeds, "of", (all) => (looks.feeds += manyOf(all))),
    counting(h.sql, "all", () => looks.statements++),
    counting(h.sql, "run", () => looks.statements++),
  ];
  work();
  for (const one of undo) one();
  return looks;
}

describe("a step looks at the queues and feeds that it touched", () => {
  test.each([
    ["a submission", (h: Harness) => void h.accept()],
    ["a claim", (h: Harness) => void h.claim()],
    ["a report", (h: Harness) => void h.succeed(at(h.claim(), 0).lease)],
    ["a failure", (h: Harness) => void h.fail(at(h.claim(), 0).lease)],
    ["a cancellation", (h: Harness) => void h.cancel(h.accept())],
    ["new settings", (h: Harness) => h.configure({ concurrency: 3 })],
    ["a watch of a lane", (h: Harness) => void h.core.awaitLane({ ...CALL, lane: "slow", waitMs: 0 })],
  ])("%s, with ten queues that have work and with two hundred", (_, work) => {
    const looks = [10, 200].map((others) => {
      const h = crowded(others);
      h.accept();
      h.accept();
      // The first run of the clock after a start looks at everything.
      h.core.alarm();
      return looksDuring(h, () => work(h));
    });
    expect(looks[0]?.queues).toBeLessThan(30);
    expect(looks[1]).toEqual(looks[0]);
  });
});

describe("what is kept of a queue follows", () => {
  const jobs = (h: Harness) => h.core.awaitLane({ ...CALL, lane: "default", waitMs: 0 });

  test("its settings: a pause, another lane, another target", () => {
    const h = new Harness();
    h.accept();
    expect(jobs(h)).toBe(true);
    h.configure({ paused: true });
    expect(jobs(h)).toBe(false);
    h.configure({ paused: false });
    expect(jobs(h)).toBe(true);
    h.configure({ lane: "slow" });
    expect(jobs(h)).toBe(false);
    h.configure({ lane: "default", target: PULL });
    expect(jobs(h)).toBe(false);
  });

  test("the time: a rate opens without any step", () => {
    const h = new Harness({ rate: { limit: 1, periodMs: 10 * SECOND } });
    h.submit(h.jobs(2));
    h.takeOne();
    expect(jobs(h)).toBe(false);
    h.now += 10 * SECOND + 1;
    expect(jobs(h)).toBe(true);
  });

  test("the connections of others: a job of one queue ends, and another queue of its host has room", () => {
    const h = new Harness({ target: HTTP });
    const other = settingsOf({ name: "other", target: HTTP });
    const room = { handler: 0, http: 1 };
    h.submit([h.job(), h.job({ queue: 1 }, other)], { queues: [h.queue, other] });
    const connections = { size: 1, consumers: 1 };
    const { lease } = only(h.work({ room, connections }).items);
    expect(jobs(h)).toBe(false);
    h.rung();
    h.work({
      reports: [{ lease, outcome: { ok: true, result: null, resultTruncated: false } }],
      room: { handler: 0, http: 0 },
    });
    expect(jobs(h)).toBe(true);
    expect(h.rung()).toHaveLength(1);
  });

  test("a restart, and a clock that steps back", () => {
    const h = new Harness();
    h.accept();
    h.restart();
    expect(jobs(h)).toBe(true);
    h.takeOne();
    expect(jobs(h)).toBe(false);
    h.accept();
    h.now -= 1_000 * SECOND;
    expect(jobs(h)).toBe(true);
  });

  test("a clock that steps back under a rate: what was to open later opens as soon as the rate says now", () => {
    const h = new Harness({ rate: { limit: 1, periodMs: 10 * SECOND } });
    h.submit(h.jobs(2));
    h.takeOne();
    expect(jobs(h)).toBe(false);
    h.now -= 1_000 * SECOND;
    h.core.alarm();
    expect(jobs(h)).toBe(false);
    h.now += 10 * SECOND + 1;
    expect(jobs(h)).toBe(true);
  });
});

test("the audit finds a queue whose jobs bells do not know", () => {
  const h = new Harness();
  h.accept();
  const book = h.core.engine.get(DEMAND);
  book.refresh(h.now);
  Object.defineProperty(book, "jobsOf", { value: () => 0 });
  expect(h.broken()).toEqual(["demand-kept"]);
});
