import { describe, expect, test } from "vitest";
import { CALL, DAY, Harness, HOUR, MINUTE, only, SECOND, START } from "../../../../rigs/shard-harness.ts";

/** The same lease with another tag. */
const forged = (lease: string) => `${lease.slice(0, -1)}${lease.endsWith("0") ? "1" : "0"}`;
const earlier = (lease: string, attempt: number) => lease.replace(/_\d+_([0-9a-f]{32})$/, `_${attempt}_$1`);

describe("a claim", () => {
  test("gives what an executor needs and starts an attempt", () => {
    const h = new Harness();
    const id = h.accept({ payload: '{"a":1}' });
    h.now += SECOND;
    const item = h.takeOne();
    expect(item).toEqual({
      id,
      namespace: "default",
      queue: "q",
      attempt: 1,
      delivery: 1,
      traceparent: null,
      lease: item.lease,
      payload: '{"a":1}',
      timeoutMs: MINUTE,
      target: { type: "handler", name: "noop" },
      checkpoint: null,
    });
    expect(h.get(id)).toMatchObject({
      state: "running",
      attempt: 1,
      startedAt: START + SECOND,
      leaseExpiresAt: START + 16 * SECOND,
      attempts: [
        { number: 1, startedAt: START + SECOND, finishedAt: null, outcome: null, error: null, worker: "executor" },
      ],
    });
  });

  test("gives no job twice", () => {
    const h = new Harness();
    h.submit(h.jobs(5));
    const first = h.take(3);
    const second = h.take(10);
    expect(new Set([...first, ...second].map(({ id }) => id)).size).toBe(5);
    expect(h.take()).toEqual([]);
  });

  test("of a lane gives nothing of another lane, nor of a pull queue, nor beyond its room for a target", () => {
    for (const over of [{ lane: "slow" }, { target: { type: "pull" } }] as const) {
      const h = new Harness(over);
      h.accept();
      expect(h.work().items).toEqual([]);
    }
    const h = new Harness({ target: { type: "http", url: "https://example.com", headers: {} } });
    h.submit(h.jobs(3));
    expect(h.work({ room: { handler: 100, http: 0 } }).items).toHaveLength(0);
    expect(h.work({ room: { handler: 0, http: 2 } }).items).toHaveLength(2);
  });

  test("of a pull worker gives jobs of that queue, under the job's timeout when it names no lease", () => {
    const h = new Harness({ target: { type: "pull" }, timeoutMs: HOUR });
    const id = h.accept();
    expect(h.claim({ namespace: "tenant" })).toEqual([]);
    expect(h.claim({ queue: "other" })).toEqual([]);
    const { job } = only(h.claim({ worker: "host-1" }));
    expect(job).toMatchObject({ id, state: "running", leaseExpiresAt: START + HOUR, attempts: [{ worker: "host-1" }] });
    expect(job).toEqual(h.get(id));
  });

  test("of a pull worker gives nothing of a queue that is pushed", () => {
    const h = new Harness();
    h.accept();
    expect(h.claim()).toEqual([]);
  });
});

describe("a report of success", () => {
  test("records the one outcome", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.now += SECOND;
    expect(h.succeed(lease, '"done"')).toBe("recorded");
    expect(h.get(id)).toMatchObject({
      state: "succeeded",
      result: '"done"',
      error: null,
      finishedAt: START + SECOND,
      leaseExpiresAt: null,
      attempts: [{ number: 1, finishedAt: START + SECOND, outcome: "succeeded", error: null }],
    });
  });

  test("after a failure keeps the failed attempt and clears the error", () => {
    const h = new Harness();
    const id = h.accept();
    h.fail(h.takeOne().lease);
    h.advance(SECOND);
    h.succeed(h.takeOne().lease);
    expect(h.get(id)).toMatchObject({
      state: "succeeded",
      attempt: 2,
      error: null,
      startedAt: START,
      attempts: [
        { number: 1, outcome: "failed", error: { code: "boom" } },
        { number: 2, outcome: "succeeded" },
      ],
    });
  });

  test("comes through the work door before that call's own claim", () => {
    const h = new Harness({ concurrency: 1 });
    h.submit(h.jobs(2));
    const { lease } = h.takeOne();
    const reply = h.work({ reports: [{ lease, outcome: { ok: true, result: null, resultTruncated: true } }] });
    expect(reply.reports).toEqual([{ status: "recorded" }]);
    expect(reply.items).toHaveLength(1);
  });

  test("brings the job when it was asked for", () => {
    const h = new Harness();
    const id = h.accept();
    const outcome = { ok: true, result: '"x"', resultTruncated: true } as const;
    const reply = h.report(h.takeOne().lease, outcome, { namespace: "default", withJobs: true });
    expect(reply).toEqual({ status: "recorded", job: h.get(id) });
    expect(h.get(id)).toMatchObject({ state: "succeeded", result: '"x"', resultTruncated: true });
  });
});

describe("a report that is refused changes nothing:", () => {
  test("a duplicate is stale, whatever it says", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.succeed(lease, '"first"');
    const rows = h.rows();
    expect([h.succeed(lease, '"second"'), h.fail(lease)]).toEqual(["stale", "stale"]);
    expect(h.rows()).toEqual(rows);
    expect(h.count("finished")).toBe(1);
  });

  test("one that repeats a failure is stale while the job waits for its retry", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.fail(lease);
    const rows = h.rows();
    expect([h.fail(lease), h.succeed(lease)]).toEqual(["stale", "stale"]);
    expect(h.rows()).toEqual(rows);
  });

  test("one of an earlier attempt is stale while the next one runs", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.advance(15 * SECOND);
    h.advance(SECOND);
    const next = h.takeOne();
    const rows = h.rows();
    expect([h.succeed(lease), h.fail(lease)]).toEqual(["stale", "stale"]);
    expect(h.rows()).toEqual(rows);
    expect(h.succeed(next.lease)).toBe("recorded");
  });

  test("one after the lease ended is stale, though no alarm has come yet", () => {
    for (const door of ["report", "work"] as const) {
      const h = new Harness();
      const id = h.accept();
      const { lease } = h.takeOne();
      h.now += 15 * SECOND;
      const outcome = { ok: true, result: '"late"', resultTruncated: false } as const;
      const result =
        door === "report" ? h.report(lease, outcome) : only(h.work({ reports: [{ lease, outcome }] }).reports);
      expect(result).toEqual({ status: "stale" });
      expect(h.get(id)).toMatchObject({
        state: "scheduled",
        result: null,
        attempts: [{ outcome: "leaseExpired", error: { code: "lease-expired" } }],
      });
    }
  });

  test("one a millisecond before the lease ends is in time", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.now += 15 * SECOND - 1;
    expect(h.succeed(lease)).toBe("recorded");
  });

  test("one of a cancelled job is stale", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.cancel(id);
    const rows = h.rows();
    expect([h.succeed(lease), h.fail(lease)]).toEqual(["stale", "stale"]);
    expect(h.rows()).toEqual(rows);
  });

  test("one of a job that was cancelled and redriven since is stale", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.cancel(id);
    h.retry(id);
    expect(h.succeed(lease)).toBe("stale");
    const next = h.takeOne();
    expect(h.succeed(lease)).toBe("stale");
    expect(h.succeed(next.lease)).toBe("recorded");
  });

  test("a forged tag is unknown, not stale, while it runs and after", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    const rows = h.rows();
    expect([h.succeed(forged(lease)), h.fail(forged(lease))]).toEqual(["unknown", "unknown"]);
    expect(h.extend(forged(lease), HOUR)).toEqual({ status: "unknown" });
    expect(h.rows()).toEqual(rows);
    h.succeed(lease);
    expect(h.succeed(forged(lease))).toBe("unknown");
  });

  test("an attempt that never was is unknown, also with the tag of one that was", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    expect(h.succeed(earlier(lease, 2))).toBe("unknown");
    h.fail(lease);
    h.advance(SECOND);
    const next = h.takeOne();
    expect(h.succeed(earlier(next.lease, 1))).toBe("unknown");
    expect(h.succeed(next.lease)).toBe("recorded");
  });

  test("what is no lease, or one of a job that is not here, is unknown", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    const elsewhere = `lease_${h.job().id.slice("job_".length)}_1_${lease.slice(-32)}`;
    expect([h.succeed("nonsense"), h.succeed(elsewhere)]).toEqual(["unknown", "unknown"]);
  });

  test("another namespace's lease is unknown", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    const rows = h.rows();
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    expect(h.report(lease, outcome, { namespace: "tenant" })).toEqual({ status: "unknown" });
    expect(h.extend(lease, HOUR, "tenant")).toEqual({ status: "unknown" });
    expect(h.rows()).toEqual(rows);
    expect(h.report(lease, outcome, { namespace: "default" })).toEqual({ status: "recorded" });
  });

  test("one bad report among good ones costs only itself", () => {
    const h = new Harness();
    h.submit(h.jobs(2));
    const leases = h.take().map(({ lease }) => lease);
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    const reports = [leases[0], "nonsense", leases[0], leases[1]].map((lease = "") => ({ lease, outcome }));
    expect(h.work({ reports }).reports.map(({ status }) => status)).toEqual([
      "recorded",
      "unknown",
      "stale",
      "recorded",
    ]);
  });

  test("the leases of one claim differ", () => {
    const h = new Harness();
    h.submit(h.jobs(50));
    expect(new Set(h.take().map(({ lease }) => lease)).size).toBe(50);
  });
});

describe("a report of failure", () => {
  test("sends the job back after its backoff, and says so", () => {
    const h = new Harness();
    const id = h.accept();
    h.fail(h.takeOne().lease);
    expect(h.get(id)).toMatchObject({
      state: "scheduled",
      attempt: 1,
      runAt: START + SECOND,
      finishedAt: null,
      error: { code: "boom", message: "It broke.", retryable: true },
      attempts: [{ number: 1, outcome: "failed", finishedAt: START, error: { code: "boom" } }],
    });
    h.advance(SECOND - 1);
    expect(h.take()).toEqual([]);
    h.advance(1);
    expect(h.takeOne()).toMatchObject({ id, attempt: 2 });
  });

  test("spends the budget, attempt by attempt, and then is final", () => {
    const h = new Harness();
    const id = h.accept({ retry: { maxAttempts: 3, backoff: "linear" } });
    const runAts: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      h.fail(h.takeOne().lease);
      runAts.push(h.get(id).runAt - h.now);
      h.advance(h.get(id).runAt - h.now);
    }
    expect(runAts.slice(0, 2)).toEqual([SECOND, 2 * SECOND]);
    expect(h.get(id)).toMatchObject({ state: "failed", attempt: 3, finishedAt: START + 3 * SECOND });
    expect(h.get(id).attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [3, "failed"],
    ]);
  });

  test("that is not retryable is final at once", () => {
    const h = new Harness();
    const id = h.accept();
    h.fail(h.takeOne().lease, { retryable: false });
    expect(h.get(id)).toMatchObject({ state: "failed", attempt: 1, error: { retryable: false } });
  });

  test("honours Retry-After beyond maxDelay", () => {
    const h = new Harness();
    const id = h.accept();
    h.fail(h.takeOne().lease, {}, DAY);
    expect(h.get(id).runAt).toBe(START + DAY);
  });

  test("whose policy waits for nothing puts the job back at once", () => {
    const h = new Harness();
    const id = h.accept({ retry: { delayMs: 0 } });
    h.fail(h.takeOne().lease);
    expect(h.state(id)).toBe("queued");
    expect(h.takeOne()).toMatchObject({ id, attempt: 2 });
  });

  test("keeps the last hundred attempts of a job that is redriven for ever", () => {
    const h = new Harness();
    const id = h.accept();
    const leases = Array.from({ length: 120 }, () => {
      const { lease } = h.takeOne();
      h.fail(lease, { retryable: false });
      h.retry(id);
      return lease;
    });
    const { attempt, attempts } = h.get(id);
    expect([attempt, attempts.length, attempts[0]?.number, attempts.at(-1)?.number]).toEqual([120, 100, 21, 120]);
    // A lease of an attempt that is forgotten is stale as all of them are.
    expect(new Set(leases.map((lease) => h.succeed(lease)))).toEqual(new Set(["stale"]));
  });
});

describe("a lease that ends", () => {
  test("spends an attempt, and the job goes back after its backoff", () => {
    const h = new Harness();
    const id = h.accept();
    h.takeOne();
    h.advance(15 * SECOND - 1);
    expect(h.state(id)).toBe("running");
    h.advance(1);
    expect(h.get(id)).toMatchObject({
      state: "scheduled",
      runAt: START + 16 * SECOND,
      error: { code: "lease-expired", retryable: true },
      attempts: [{ number: 1, outcome: "leaseExpired", worker: "executor" }],
    });
  });

  test("with the budget spent makes the job failed: what kills its worker does not run for ever", () => {
    const h = new Harness();
    const id = h.accept();
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(h.takeOne().attempt).toBe(attempt);
      h.advance(MINUTE);
    }
    expect(h.get(id)).toMatchObject({ state: "failed", attempt: 3, error: { code: "lease-expired" } });
    expect(h.take()).toEqual([]);
  });

  test("of a hundred and more jobs at once ends them all", () => {
    const h = new Harness();
    h.submit(h.jobs(250));
    for (let i = 0; i < 3; i++) h.take();
    h.advance(15 * SECOND);
    expect(h.stats().counts).toMatchObject({ running: 0, scheduled: 250 });
  });
});

describe("extending a lease", () => {
  test("moves its end from now on", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.advance(10 * SECOND);
    expect(h.extend(lease, 20 * SECOND)).toEqual({
      status: "extended",
      leaseExpiresAt: START + 30 * SECOND,
      leaseLeftMs: 20 * SECOND,
    });
    h.advance(20 * SECOND - 1);
    expect(h.state(id)).toBe("running");
    h.advance(1);
    expect(h.state(id)).toBe("scheduled");
  });

  test("may also shorten it", () => {
    const h = new Harness();
    const id = h.accept();
    h.extend(h.takeOne().lease, SECOND);
    h.advance(SECOND);
    expect(h.state(id)).toBe("scheduled");
  });

  test("never moves the attempt's own end: the timeout bounds it whatever is extended", () => {
    const h = new Harness({ target: { type: "pull" } });
    const id = h.accept({ timeoutMs: 20 * SECOND });
    const { lease } = only(h.claim({ leaseMs: 15 * SECOND }));
    h.advance(10 * SECOND);
    expect(h.extend(lease, HOUR)).toEqual({
      status: "extended",
      leaseExpiresAt: START + 20 * SECOND,
      leaseLeftMs: 10 * SECOND,
    });
    h.advance(10 * SECOND);
    expect(h.get(id)).toMatchObject({ state: "scheduled", error: { code: "timeout" } });
    expect(h.extend(lease, HOUR)).toEqual({ status: "stale" });
  });

  test("a claim's own lease is bounded by the timeout too", () => {
    const h = new Harness({ target: { type: "pull" }, timeoutMs: 5 * SECOND });
    const id = h.accept();
    h.claim({ leaseMs: HOUR });
    expect(h.get(id).leaseExpiresAt).toBe(START + 5 * SECOND);
  });

  test("the processor, which ends an attempt at the timeout itself, has a moment more to report it", () => {
    const h = new Harness({ timeoutMs: 5 * SECOND });
    h.submit(h.jobs(2));
    const [first, second] = h.take();
    h.advance(6 * SECOND);
    expect(h.fail(first?.lease ?? "", { code: "timeout" })).toBe("recorded");
    expect(h.extend(second?.lease ?? "", HOUR)).toEqual({
      status: "extended",
      leaseExpiresAt: START + 7 * SECOND,
      leaseLeftMs: SECOND,
    });
    h.advance(SECOND);
    expect(h.fail(second?.lease ?? "")).toBe("stale");
  });

  test("of a cancelled job says so, until the job is redriven", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.cancel(id);
    const rows = h.rows();
    expect(h.extend(lease, HOUR)).toEqual({ status: "cancelled" });
    expect(h.rows()).toEqual(rows);
    h.retry(id);
    expect(h.extend(lease, HOUR)).toEqual({ status: "stale" });
  });

  test("that has ended is stale, though no alarm has come yet, and brings nothing back", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.now += 15 * SECOND;
    expect(h.extend(lease, HOUR)).toEqual({ status: "stale" });
    expect(h.state(id)).toBe("scheduled");
  });

  test("of a finished job is stale", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.succeed(lease);
    expect(h.extend(lease, HOUR)).toEqual({ status: "stale" });
  });

  test("answers many at once, each for itself", () => {
    const h = new Harness();
    h.submit(h.jobs(2));
    const [first, second] = h.take();
    h.succeed(first?.lease ?? "");
    const leases = [first?.lease ?? "", "nonsense", second?.lease ?? ""].map((lease) => ({
      lease,
      leaseMs: SECOND,
      unlessLeftMs: null,
    }));
    const reply = h.core.extend({ ...CALL, namespace: null, leases });
    expect(reply).toEqual({
      type: "extended",
      results: [
        { status: "stale" },
        { status: "unknown" },
        { status: "extended", leaseExpiresAt: START + SECOND, leaseLeftMs: SECOND },
      ],
    });
  });

  test("a running job, its lease and its worker outlive a restart", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.restart();
    expect(h.extend(lease, 20 * SECOND).status).toBe("extended");
    h.restart();
    expect(h.succeed(lease)).toBe("recorded");
    h.restart();
    expect(h.state(id)).toBe("succeeded");
  });
});
