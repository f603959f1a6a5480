import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NewJob, SubmitReply, SubmitRequest } from "../../../../../contract/rpc.ts";
import { MOST_JOINT } from "../../../../../durable-objects/shard/kernel/command.ts";
import type { SqlRow } from "../../../../../durable-objects/sql.ts";
import { lane } from "../../../../lane.ts";
import { EVERY_JOB } from "../../../../rigs/every-job.ts";
import { CALL, type Harness, HOUR, PackHarness, RowHarness } from "../../../../rigs/shard-harness.ts";

/** Calls of one turn, as the object hears them. */
function together(h: Harness, requests: SubmitRequest[]): PromiseSettledResult<SubmitReply>[] {
  if (requests.every((request) => h.core.mayJoin("submit", request))) return h.core.callTogether("submit", requests);
  return oneByOne(h, requests);
}

/** The same, each in a step of its own. */
function oneByOne(h: Harness, requests: SubmitRequest[]): PromiseSettledResult<SubmitReply>[] {
  return requests.map((request) => {
    try {
      return { status: "fulfilled", value: h.core.submit(request) };
    } catch (reason) {
      return { status: "rejected", reason };
    }
  });
}

function requestOf(h: Harness, jobs: NewJob[]): SubmitRequest {
  return { ...CALL, queues: [h.queue], jobs, atomic: false };
}

/** What a caller sends, in words that both shards make a request of. */
interface Sent {
  jobs: {
    key: string | null;
    hash: string;
    dedup: { onConflict: "reject" | "replace" } | null;
    orderingKey: string | null;
    expiresInMs: number | null;
    priority: number;
  }[];
  /** Sends the jobs of the call before once more. */
  again: boolean;
  fault: "queue" | "old" | null;
}

const sent: fc.Arbitrary<Sent> = fc.record({
  jobs: fc.array(
    fc.record({
      key: fc.constantFrom(null, null, null, "a", "b"),
      hash: fc.constantFrom("h", "h", "other"),
      dedup: fc.constant(null),
      orderingKey: fc.constantFrom(null, null, null, "o"),
      expiresInMs: fc.constantFrom(null, null, null, -1, HOUR),
      priority: fc.constantFrom(4, 4, 4, 9),
    }),
    { maxLength: 3 },
  ),
  again: fc.constantFrom(false, false, false, true),
  fault: fc.constantFrom(null, null, null, null, null, null, "queue" as const, "old" as const),
});

function requestsOf(h: Harness, calls: Sent[], old: Harness["queue"]): SubmitRequest[] {
  let before: NewJob[] = [];
  return calls.map(({ jobs, again, fault }) => {
    const made = jobs.map(({ key, hash, dedup, orderingKey, expiresInMs, priority }) =>
      h.job({
        idempotency: key === null ? null : { key, hash },
        dedup: dedup === null ? null : { key: "d", windowMs: HOUR, maxDelayMs: null, ...dedup },
        orderingKey,
        expiresAt: expiresInMs === null ? null : h.now + expiresInMs,
        priority,
        queue: fault === "queue" ? 1 : 0,
      }),
    );
    const request = requestOf(h, again ? before : made);
    before = made;
    return fault === "old" ? { ...request, queues: [old] } : request;
  });
}

/** What one call was answered. When to come again is reckoned from what has ended lately, which a step tells when it has committed. */
function answerOf(reply: SubmitReply): unknown {
  if (reply.type !== "submitted") return reply;
  const results = reply.results.map((result) =>
    "retryAfterMs" in result ? { ...result, retryAfterMs: result.retryAfterMs > 0 } : result,
  );
  return { ...reply, results };
}

/** Everything that is there, but for numbers, which are the shard's own affair as long as their order is right. */
function sight(h: Harness, outcomes: PromiseSettledResult<SubmitReply>[]): unknown {
  return {
    answers: outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? answerOf(outcome.value) : String(outcome.reason),
    ),
    jobs: h.sql.all<SqlRow>(`SELECT * FROM ${EVERY_JOB} ORDER BY id`).map(({ seq: _seq, ...job }) => job),
    waiting: h.stats().counts,
    taken: h.take(1000).map(({ id }) => id),
    broken: h.broken(),
  };
}

describe("submissions that come together", () => {
  test.each(["packs", "rows"] as const)(
    "are each answered as they would be alone, in %s",
    { timeout: lane.timeoutMs },
    (kind) => {
      fc.assert(
        fc.property(
          fc.array(fc.array(sent, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
          fc.constantFrom(null, null, 5),
          (turns, maxBacklog) => {
            const harness = () => (kind === "packs" ? new PackHarness({ maxBacklog }) : new RowHarness({ maxBacklog }));
            const [jointly, alone] = [harness(), harness()];
            for (const h of [jointly, alone]) h.submit([]);
            const old = jointly.queue;
            for (const h of [jointly, alone]) h.configure({ timeoutMs: HOUR });
            for (const calls of turns) {
              const joint = sight(jointly, together(jointly, requestsOf(jointly, calls, old)));
              expect(joint).toEqual(sight(alone, oneByOne(alone, requestsOf(alone, calls, old))));
              for (const h of [jointly, alone]) h.advance(20);
            }
          },
        ),
        { numRuns: lane.histories.shard },
      );
    },
  );

  test("write one pack and no row more", () => {
    const h = new PackHarness();
    h.accept();
    const before = h.sql.rowsWritten();
    together(
      h,
      Array.from({ length: 30 }, () => requestOf(h, [h.job()])),
    );
    const joint = h.sql.rowsWritten() - before;
    oneByOne(h, [requestOf(h, [h.job()])]);
    expect(joint).toBe(h.sql.rowsWritten() - before - joint);
  });

  test("one that throws is answered alone, and the others are taken", () => {
    const h = new PackHarness();
    h.accept({ delayMs: HOUR, idempotency: { key: "k", hash: "h" } });
    h.sql.run("UPDATE jobs SET spec = '{no JSON'");
    const jobs = [h.job(), h.job({ idempotency: { key: "k", hash: "h" } }), h.job()];
    const outcomes = together(
      h,
      jobs.map((job) => requestOf(h, [job])),
    );
    expect(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason))).toMatchObject([
      { type: "submitted", results: [{ type: "accepted" }] },
      { type: "submitted", results: [{ type: "faulted" }] },
      { type: "submitted", results: [{ type: "accepted" }] },
    ]);
    expect(h.take().map(({ id }) => id)).toEqual([jobs[0]?.id, jobs[2]?.id]);
  });

  test("more than one step holds are answered all, in their order", () => {
    const h = new PackHarness();
    const jobs = Array.from({ length: 2 * MOST_JOINT + 1 }, () => h.job());
    const outcomes = together(
      h,
      jobs.map((job) => requestOf(h, [job])),
    );
    expect(outcomes).toHaveLength(jobs.length);
    expect(h.take(1000).map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
  });

  test("a call that is large, atomic or of Dure's own shares no step", () => {
    const h = new PackHarness();
    const one = requestOf(h, [h.job()]);
    expect(h.core.mayJoin("submit", one)).toBe(true);
    expect(h.core.mayJoin("submit", requestOf(h, h.jobs(17)))).toBe(false);
    expect(h.core.mayJoin("submit", { ...one, atomic: true })).toBe(false);
    expect(h.core.mayJoin("submit", { ...one, exempt: "own" })).toBe(false);
    expect(h.core.mayJoin("submit", { ...one, deferred: true })).toBe(false);
    const dedup = { key: "d", windowMs: HOUR, maxDelayMs: null, onConflict: "replace" } as const;
    expect(h.core.mayJoin("submit", requestOf(h, [h.job({ dedup })]))).toBe(false);
  });
});
