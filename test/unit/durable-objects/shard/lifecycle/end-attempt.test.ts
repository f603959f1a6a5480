import { describe, expect, test } from "vitest";
import type { Outcome } from "../../../../../contract/rpc.ts";
import { DAY, Harness, HOUR, MINUTE, only, RowHarness, SECOND, START } from "../../../../rigs/shard-harness.ts";

/** A shard with a pull queue. */
const pulled = (over: ConstructorParameters<typeof Harness>[0] = {}) =>
  new Harness({ target: { type: "pull" }, ...over });

function putBack(by: "deferred" | "released", retryAfterMs: number | null = null): Outcome {
  return { ok: false, error: { code: by, message: "not now", retryable: true }, retryAfterMs, putBack: by };
}

describe("a job that its target defers", () => {
  test("comes back as its target asks, and has spent no attempt", () => {
    const h = new Harness();
    const id = h.accept();
    const first = h.takeOne();
    expect(h.report(first.lease, putBack("deferred", MINUTE)).status).toBe("recorded");
    expect(h.get(id)).toMatchObject({
      ...{ state: "scheduled", attempt: 0, delivery: 1, runAt: START + MINUTE, attempts: [] },
      error: { code: "deferred", message: "not now" },
    });
    expect(h.explain(id)).toMatchObject({ reason: "retrying", estimatedStartAt: START + MINUTE });
    expect(h.explain(id).detail).toContain("asked to wait; no attempt was spent");
    h.advance(MINUTE);
    expect(h.takeOne()).toMatchObject({ id, attempt: 1, delivery: 2 });
  });

  test("gets a lease of its own at each delivery: those before are stale, however much alike they look", () => {
    const h = new Harness();
    h.accept();
    const leases: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { lease } = h.takeOne();
      leases.push(lease);
      h.report(lease, putBack("deferred", 0));
      h.advance(MINUTE);
    }
    const { lease } = h.takeOne();
    expect(new Set([...leases, lease]).size).toBe(4);
    expect(leases.map((old) => [h.succeed(old), h.fail(old), h.extend(old, SECOND).status])).toEqual(
      leases.map(() => ["stale", "stale", "stale"]),
    );
    expect(h.succeed(lease)).toBe("recorded");
  });

  test("has stale leases alone of deliveries that are forgotten, however many there were, and unknown ones that were forged", () => {
    const h = new Harness();
    h.accept();
    const leases = Array.from({ length: 12 }, () => {
      const { lease } = h.takeOne();
      h.report(lease, putBack("deferred", 0));
      h.advance(MINUTE);
      return lease;
    });
    const forged = (lease = "") => `${lease.slice(0, -4)}${lease.endsWith("0000") ? "1111" : "0000"}`;
    const answers = (lease: string) => [h.succeed(lease), h.fail(lease), h.extend(lease, SECOND).status];
    const statuses = leases.map((lease) => answers(lease));
    expect(statuses).toEqual(leases.map(() => ["stale", "stale", "stale"]));
    // Of these the tag is remembered.
    for (const lease of leases.slice(-10)) expect(h.succeed(forged(lease))).toBe("unknown");
    expect(h.extend(leases[0] ?? "", SECOND, "tenant").status).toBe("unknown");
    const { lease } = h.takeOne();
    expect(h.succeed(forged(lease))).toBe("unknown");
    expect(h.succeed(lease)).toBe("recorded");
  });

  test("spends attempts once it has been deferred for as long as its queue lets it, and ends", () => {
    const h = new Harness({ maxDeferralMs: HOUR });
    const id = h.accept();
    let deliveries = 0;
    for (; h.state(id) !== "failed"; deliveries++) {
      expect(deliveries).toBeLessThan(200);
      h.report(h.takeOne().lease, putBack("deferred", MINUTE));
      h.advance(MINUTE);
    }
    expect(deliveries).toBe(60 + 3);
    const job = h.get(id);
    expect(job).toMatchObject({
      attempt: 3,
      delivery: 63,
      error: { code: "deferred" },
      finishedAt: START + 62 * MINUTE,
    });
    expect(job.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [3, "failed"],
    ]);
  });

  test("is deferred for a day where its queue does not say", () => {
    const h = new Harness();
    const id = h.accept();
    const defer = () => h.report(h.takeOne().lease, putBack("deferred", DAY - 1));
    defer();
    h.advance(DAY - 1);
    defer();
    expect(h.get(id).attempt).toBe(0);
    h.advance(DAY - 1);
    defer();
    expect(h.get(id).attempt).toBe(1);
  });

  test("keeps its error, budget and place in the row through a restart", () => {
    const h = new Harness({ maxDeferralMs: HOUR });
    const id = h.accept();
    h.report(h.takeOne().lease, putBack("deferred", HOUR));
    h.restart();
    h.advance(HOUR);
    h.report(h.takeOne().lease, putBack("deferred", HOUR));
    expect(h.get(id)).toMatchObject({ attempt: 1, delivery: 2 });
  });

  test("may be deferred anew after a redrive", () => {
    const h = new Harness({ maxDeferralMs: HOUR, retry: { ...new Harness().queue.retry, maxAttempts: 1 } });
    const id = h.accept();
    h.report(h.takeOne().lease, putBack("deferred", HOUR));
    h.advance(HOUR);
    h.report(h.takeOne().lease, putBack("deferred"));
    expect(h.state(id)).toBe("failed");
    h.retry(id);
    h.report(h.takeOne().lease, putBack("deferred"));
    expect(h.get(id)).toMatchObject({ state: "scheduled", attempt: 1, delivery: 3 });
  });

  test("keeps its ordering key: nothing of it overtakes", () => {
    const h = new Harness();
    const id = h.accept({ orderingKey: "k" });
    h.accept({ orderingKey: "k" });
    h.report(h.takeOne().lease, putBack("deferred", MINUTE));
    expect(h.take()).toEqual([]);
    h.advance(MINUTE);
    expect(h.takeOne()).toMatchObject({ id });
    expect(h.broken()).toEqual([]);
  });

  test("leaves its place under a concurrency limit", () => {
    const h = new Harness({ concurrency: 1 });
    h.accept();
    const other = h.accept();
    h.report(h.takeOne().lease, putBack("deferred", MINUTE));
    expect(h.takeOne()).toMatchObject({ id: other });
    expect(h.broken()).toEqual([]);
  });
});

describe("a job that its worker releases", () => {
  test("is ready at once, in its old place, and has spent no attempt", () => {
    const h = pulled();
    const first = h.accept();
    h.accept();
    const { lease } = only(h.claim({ max: 1 }));
    h.now += SECOND;
    expect(h.report(lease, putBack("released", 0)).status).toBe("recorded");
    expect(h.get(first)).toMatchObject({ state: "queued", attempt: 0, delivery: 1, runAt: START, attempts: [] });
    expect(only(h.claim({ max: 1 })).job).toMatchObject({ id: first, attempt: 1, delivery: 2 });
  });

  test("waits as long as its worker says", () => {
    const h = pulled();
    const id = h.accept();
    h.report(only(h.claim()).lease, putBack("released", MINUTE));
    expect(h.get(id)).toMatchObject({ state: "scheduled", runAt: START + MINUTE });
  });

  test("spends an attempt from each release that comes too late", () => {
    const h = pulled({ maxDeferralMs: 0 });
    const id = h.accept();
    h.report(only(h.claim()).lease, putBack("released", 0));
    expect(h.get(id)).toMatchObject({ state: "scheduled", attempt: 1, error: { code: "released" } });
  });
});

describe("a worker that says which jobs it has begun", () => {
  /** Three jobs claimed together; the lease of each lasts a minute. */
  function claimed(begins: boolean) {
    const h = pulled();
    const ids = [h.accept(), h.accept(), h.accept()];
    const jobs = h.claim({ begins, leaseMs: MINUTE });
    return { h, ids, leases: jobs.map(({ lease }) => lease) };
  }
  const attemptsOf = (h: Harness, ids: string[]) => ids.map((id) => h.get(id).attempt);

  test("loses with its leases the attempts of those alone", () => {
    const { h, ids, leases } = claimed(true);
    h.extend(leases[0] ?? "", 30 * SECOND);
    h.advance(2 * MINUTE);
    expect(attemptsOf(h, ids)).toEqual([1, 0, 0]);
    expect(ids.map((id) => h.state(id))).toEqual(["queued", "queued", "queued"]);
    expect(h.get(ids[1] ?? "")).toMatchObject({ attempts: [], error: null, delivery: 1 });
    expect(h.get(ids[0] ?? "").attempts).toMatchObject([{ number: 1, outcome: "leaseExpired" }]);
  });

  test("need not have promised it: a heartbeat of one of the claim's jobs says it of all", () => {
    const { h, ids, leases } = claimed(false);
    h.extend(leases[0] ?? "", 30 * SECOND);
    h.advance(2 * MINUTE);
    expect(attemptsOf(h, ids)).toEqual([1, 0, 0]);
  });

  test.each(["succeed", "fail"] as const)("says it by a report too: %s", (how) => {
    const { h, ids, leases } = claimed(false);
    h[how](leases[0] ?? "");
    h.advance(2 * MINUTE);
    expect(attemptsOf(h, ids)).toEqual([1, 0, 0]);
  });

  test("and one that never says it spends them all, as does one of whom a restart knows nothing", () => {
    const silent = claimed(false);
    silent.h.advance(2 * MINUTE);
    expect(attemptsOf(silent.h, silent.ids)).toEqual([1, 1, 1]);
    const forgotten = claimed(false);
    forgotten.h.extend(forgotten.leases[0] ?? "", 30 * SECOND);
    forgotten.h.restart();
    forgotten.h.advance(2 * MINUTE);
    expect(attemptsOf(forgotten.h, forgotten.ids)).toEqual([1, 1, 1]);
  });

  test("that has promised it is believed after a restart", () => {
    const { h, ids } = claimed(true);
    h.restart();
    h.advance(2 * MINUTE);
    expect(attemptsOf(h, ids)).toEqual([0, 0, 0]);
  });

  test("the third time in a row spends an attempt: a job that kills its worker ends", () => {
    const h = pulled();
    const id = h.accept();
    const attempts: number[] = [];
    for (let delivery = 1; h.state(id) !== "failed"; delivery++) {
      expect(delivery).toBeLessThan(20);
      h.claim({ begins: true, leaseMs: SECOND });
      h.advance(MINUTE);
      attempts.push(h.get(id).attempt);
    }
    expect(attempts).toEqual([0, 0, 1, 1, 1, 2, 2, 2, 3]);
    expect(h.get(id)).toMatchObject({ delivery: 9, error: { code: "lease-expired" } });
    expect(h.get(id).attempts).toHaveLength(3);
  });

  test("a job that was begun in between is counted anew", () => {
    const h = pulled();
    const id = h.accept();
    const die = (begun: boolean) => {
      const { lease } = only(h.claim({ begins: true, leaseMs: SECOND }));
      if (begun) h.extend(lease, SECOND);
      h.advance(MINUTE);
    };
    for (const begun of [false, false, true, false, false]) die(begun);
    expect(h.get(id)).toMatchObject({ attempt: 1, delivery: 5 });
  });

  test("a timeout that was not begun comes back too: a lease lasts as long as the job may where its worker does not say", () => {
    const h = pulled({ timeoutMs: 10 * SECOND });
    const id = h.accept();
    h.claim({ begins: true });
    h.advance(11 * SECOND);
    expect(h.get(id)).toMatchObject({ state: "queued", attempt: 0, delivery: 1 });
  });

  test("the processor begins at once all that it is given", () => {
    const h = new Harness();
    const id = h.accept();
    h.take();
    h.advance(MINUTE);
    expect(h.get(id).attempt).toBe(1);
  });

  test("a lease of a job that came back is stale, and its report changes nothing", () => {
    const { h, ids, leases } = claimed(true);
    h.advance(2 * MINUTE);
    const rows = h.rows();
    expect(leases.map((lease) => h.succeed(lease))).toEqual(["stale", "stale", "stale"]);
    expect(h.rows()).toEqual(rows);
    expect(ids.map((id) => h.state(id))).toEqual(["queued", "queued", "queued"]);
  });
});

test("a delivery that spends no attempt costs no more rows than one that does", () => {
  const h = new RowHarness();
  const rowsOf = (outcome: Outcome) => {
    h.accept();
    const { lease } = h.takeOne();
    const before = h.sql.rowsWritten();
    h.report(lease, outcome);
    return h.sql.rowsWritten() - before;
  };
  const failed: Outcome = { ok: false, error: { code: "x", message: "", retryable: true }, retryAfterMs: null };
  expect(rowsOf(putBack("deferred", MINUTE))).toBe(rowsOf(failed));
});
