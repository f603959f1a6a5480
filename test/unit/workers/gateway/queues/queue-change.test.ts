import { describe, expect, test } from "vitest";
import type { QueueBody } from "../../../../../contract/queue.ts";
import { settingsFrom } from "../../../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { conditionOf } from "../../../../../workers/gateway/queues/queue-change.ts";
import type { Holdings } from "../../../../../workers/gateway/queues/queue-freeze.ts";

const IDLE: Holdings = { live: 0, idempotencyKeys: 0, dedupKeys: 0, parkedKeys: 0, startsCountUntil: null };

function settings(body: QueueBody, over: Partial<QueueSettings> = {}): QueueSettings {
  const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0, updatedAt: 0 };
  return { ...settingsFrom(body, stamp), ...over };
}

/** The problem of a change by what the shards have; null where none stands in its way, or none has to be asked. */
function problem(
  before: QueueSettings | null,
  sent: QueueBody | null,
  holdings: Partial<Holdings>,
  next = settings(sent ?? {}),
) {
  return conditionOf({ before, next, sent })?.({ ...IDLE, ...holdings }) ?? null;
}

const plain = settings({});
const pushed = settings({ target: { type: "handler", name: "noop" } });

describe("the shards are not asked", () => {
  test.each<[string, QueueSettings | null, QueueBody]>([
    ["for a new queue", null, {}],
    ["for settings that nothing depends on", plain, { timeout: 5, lane: "bulk", concurrency: 32, partitions: 16 }],
    ["for a target that is named", pushed, { target: { type: "pull" } }],
    ["for the target of a queue that was deleted", { ...pushed, deleted: true }, {}],
  ])("%s", (_, before, sent) => {
    expect(conditionOf({ before, next: settings(sent), sent })).toBeNull();
  });
});

describe("a queue with unfinished jobs", () => {
  test("is not deleted", () => {
    const deleted = { ...plain, deleted: true };
    expect(problem(plain, null, { live: 2 }, deleted)).toMatchObject({
      code: "queue-has-jobs",
      detail: expect.stringMatching(/^The queue has 2 unfinished jobs\..*\/purge/),
    });
    expect(problem(plain, null, {}, deleted)).toBeNull();
    expect(problem(plain, null, { idempotencyKeys: 1 }, deleted)).toBeNull();
  });

  test("keeps its kind when nobody names a target", () => {
    expect(problem(pushed, { timeout: 5 }, { live: 1 })).toMatchObject({
      code: "queue-has-jobs",
      extras: { errors: [{ pointer: "/target" }] },
    });
    expect(problem(pushed, { timeout: 5 }, {})).toBeNull();
  });
});

describe("the number of partitions", () => {
  test.each<[Partial<Holdings>, string, RegExp]>([
    [{ live: 1 }, "queue-has-jobs", /1 unfinished job\b.*finished or purged/],
    [{ idempotencyKeys: 3 }, "queue-has-keys", /3 idempotency keys and 0 dedup.*window/],
    [{ dedupKeys: 2 }, "queue-has-keys", /0 idempotency keys and 2 dedup/],
    [{ parkedKeys: 4 }, "queue-has-keys", /4 ordering keys.*unblocked or resumed/],
    [{ startsCountUntil: 0 }, "queue-has-starts", /rate.*1970-01-01T00:00:00.000Z/],
  ])("stays while shards have %j, and the refusal says what to send", (holdings, code, words) => {
    const refused = problem(plain, { partitions: 4 }, holdings);
    expect(refused).toMatchObject({ code, extras: { errors: [{ pointer: "/partitions" }] } });
    expect(refused?.detail).toMatch(words);
    expect(refused?.detail).toMatch(/stays 16,.*Send "partitions": 16/);
    // A queue that was deleted leaves the next one of its name nothing.
    expect(problem({ ...plain, deleted: true }, { partitions: 4 }, holdings)).toBeNull();
  });

  test.each<[QueueBody]>([[{ partitions: 32 }], [{ partitions: 4, concurrency: 4 }]])(
    "that is named is what the refusal is about: %j",
    (sent) => {
      expect(problem(plain, sent, { live: 1 })).toMatchObject({
        code: "queue-has-jobs",
        extras: { errors: [{ pointer: "/partitions" }] },
      });
    },
  );

  test("changes where nothing depends on it", () => {
    expect(problem(plain, { partitions: 4 }, {})).toBeNull();
  });

  test.each<[QueueBody, string]>([
    [{ concurrency: 5 }, "/concurrency"],
    [{ rate: { limit: 5, period: 1 } }, "/rate/limit"],
    [{ maxBacklog: 5 }, "/maxBacklog"],
  ])("that stays refuses a limit below it: %j", (sent, pointer) => {
    const refused = problem(plain, sent, { live: 3 });
    expect(refused).toMatchObject({ code: "limit-below-partitions", status: 422, extras: { errors: [{ pointer }] } });
    expect(refused?.detail).toMatch(/of 5 .* 16 partitions.*3 unfinished jobs.*at least 16.*"partitions" of 5 or less/);
    expect(problem(plain, sent, {})).toBeNull();
  });

  test.each<[string, QueueBody]>([
    ["a patch, which keeps them", { concurrency: 3 }],
    ["a PUT that names them as they are", { concurrency: 3, partitions: 16 }],
  ])("is no way out for a limit below it while it cannot change: %s", (_, sent) => {
    const next = settings({ concurrency: 3, partitions: 16 });
    const refused = problem(plain, sent, { live: 1 }, next);
    expect(refused).toMatchObject({
      code: "limit-below-partitions",
      extras: { errors: [{ pointer: "/concurrency" }] },
    });
    expect(refused?.detail).toMatch(
      /^A concurrency of 3 .* 16 partitions, whose number cannot change, because the queue has 1 unfinished job\. Raise the limit to at least 16, or send it with "partitions" of 3 or less once they are finished or purged\.$/,
    );
    expect(problem(plain, sent, {}, next)?.detail).toMatch(/: send "partitions" of 3 or less, or raise .* least 16\.$/);
  });

  test("that is changed to another one that a limit is below is refused for what is sent", () => {
    const sent = { concurrency: 3, partitions: 8 };
    expect(problem(plain, sent, {})).toMatchObject({
      code: "limit-below-partitions",
      detail: expect.stringContaining("over 8 partitions"),
    });
    expect(problem(plain, sent, { live: 1 })).toMatchObject({ code: "queue-has-jobs" });
  });
});
