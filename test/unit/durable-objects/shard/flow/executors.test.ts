import { describe, expect, test } from "vitest";
import { CALL, Harness, HOUR, MINUTE, SECOND, START } from "../../../../rigs/shard-harness.ts";

const health = (h: Harness) => h.core.health(CALL).executors;
const PROCESSOR = { lane: "default", executor: "processor", version: "1.0.0" } as const;
const rules = (h: Harness) => h.core.audit(CALL, h.alarmAt).violations.map(({ rule }) => rule);

describe("a shard says who comes for its jobs", () => {
  test("nobody, as long as nobody came and nothing waits", () => {
    expect(health(new Harness())).toEqual([]);
  });

  test("since when work waits, until somebody comes; one that has no room is not away", () => {
    const h = new Harness();
    h.submit(h.jobs(2));
    h.advance(5 * SECOND);
    const nobody = { lane: "default", executor: "processor", version: null, visitedAt: null };
    expect(health(h)).toEqual([{ ...nobody, awaySince: START }]);
    h.work({ version: "1.0.0", room: { handler: 0, http: 0 } });
    expect(health(h)).toEqual([{ ...PROCESSOR, visitedAt: h.now, awaySince: h.now }]);
    h.work({ version: "1.0.0" });
    expect(health(h)).toEqual([{ ...PROCESSOR, visitedAt: h.now, awaySince: null }]);
  });

  test("a consumer too, by line, and a pull worker not", () => {
    const h = new Harness({ target: { type: "consumer" }, lane: "bulk" });
    h.accept();
    expect(health(h)).toMatchObject([{ lane: "bulk", executor: "consumer", visitedAt: null, awaySince: START }]);
    h.claim();
    expect(health(h)).toMatchObject([{ lane: "bulk", executor: "consumer", visitedAt: START, awaySince: null }]);
    const pull = new Harness({ target: { type: "pull" } });
    pull.accept();
    pull.claim();
    expect(health(pull)).toEqual([]);
  });
});

describe("an executor that does not know a kind of target", () => {
  test("is given no job of it, and has not come for it", () => {
    const h = new Harness({ target: { type: "worker", binding: "MAILER" } });
    const id = h.accept();
    expect(h.work({ version: "1.0.0" }).items).toEqual([]);
    expect(h.work({ version: "1.0.0", types: ["handler", "queue"] }).items).toEqual([]);
    h.advance(11 * SECOND);
    expect(h.explain(id)).toMatchObject({
      reason: "no-executor",
      since: START,
      detail: expect.stringContaining("Nobody has come for the worker jobs of lane default"),
    });
    expect(h.work({ types: ["worker"] }).items).toMatchObject([{ id, target: { type: "worker", binding: "MAILER" } }]);
  });
});

describe("the time for which nobody has come", () => {
  test("begins anew with a visit that leaves something waiting", () => {
    const h = new Harness();
    h.submit(h.jobs(2));
    h.advance(30 * SECOND);
    h.take(1);
    const waiting = h.rows().find(({ state }) => state === "queued");
    expect(h.explain(waiting?.id ?? "").reason).toBe("ready");
    h.advance(11 * SECOND);
    expect(h.explain(waiting?.id ?? "")).toMatchObject({ reason: "no-executor" });
  });

  test("is known after a restart, and forgotten when somebody has come since", () => {
    const h = new Harness();
    const first = h.accept();
    h.advance(30 * SECOND);
    h.restart();
    h.advance(1);
    expect(h.explain(first)).toMatchObject({ reason: "no-executor" });
    h.succeed(h.takeOne().lease);
    h.advance(HOUR);
    expect(h.explain(h.accept()).reason).toBe("ready");
  });
});

describe("who came last is in the rows", () => {
  test("at once for a new executor or a new version, and then once an hour: no row more for each visit", () => {
    const h = new Harness();
    const visit = (version: string) => {
      h.accept();
      const lease = h.work({ version }).items[0]?.lease ?? "";
      const before = h.sql.rowsWritten();
      h.succeed(lease);
      h.accept();
      h.work({ version });
      return h.sql.rowsWritten() - before;
    };
    visit("1.0.0");
    const plain = visit("1.0.0");
    expect(plain).toBe(visit("1.0.0"));
    h.restart();
    expect(health(h)).toMatchObject([{ version: "1.0.0", visitedAt: START }]);
    h.advance(MINUTE);
    h.accept();
    h.work({ version: "1.0.1" });
    h.restart();
    expect(health(h)).toMatchObject([{ version: "1.0.1", visitedAt: START + MINUTE }]);
    h.advance(HOUR);
    h.accept();
    h.work({ version: "1.0.1" });
    h.restart();
    expect(health(h)).toMatchObject([{ visitedAt: START + MINUTE + HOUR }]);
  });

  test("whatever bells are heard or given up, there is one row a line", () => {
    const h = new Harness();
    for (let i = 0; i < 5; i++) {
      const id = h.accept();
      h.advance(MINUTE);
      h.work();
      h.cancel(id);
    }
    expect(h.sql.all("SELECT lane FROM bells WHERE lane LIKE 'default%'")).toHaveLength(1);
  });
});

describe("the audit finds that no processor comes", () => {
  test("after a minute, in its lane, until one does", () => {
    const h = new Harness();
    h.accept();
    h.advance(MINUTE);
    expect(rules(h)).toEqual([]);
    h.advance(1);
    expect(h.core.audit(CALL, h.alarmAt).violations).toEqual([
      {
        rule: "work-has-executor",
        detail: `work waits in lane default, and no processor has come for it since ${new Date(START).toISOString()}`,
      },
    ]);
    h.work();
    expect(rules(h)).toEqual([]);
  });

  test("and says nothing of consumers, which are their owners'", () => {
    const h = new Harness({ target: { type: "consumer" } });
    h.accept();
    h.advance(HOUR);
    expect(rules(h)).toEqual([]);
  });
});
