import { expect, test } from "vitest";
import { lane } from "../../../../../lane.ts";
import { BOOM, CALL, HOUR, MINUTE, PackHarness, SECOND } from "../../../../../rigs/shard-harness.ts";

/** A shard whose object dies at one of its writes, and is started anew over what has committed by then. */
class Mortal extends PackHarness {
  /** Writes until its death; infinite: it lives. */
  left = Number.POSITIVE_INFINITY;
  writes = 0;

  constructor() {
    super();
    const { all, run } = this.sql;
    this.sql.all = (query, ...params) => {
      this.#count(query);
      return all(query, ...params);
    };
    this.sql.run = (query, ...params) => {
      this.#count(query);
      run(query, ...params);
    };
  }

  #count(query: string): void {
    if (!/^\s*(INSERT|UPDATE|DELETE|REPLACE|WITH)/.test(query)) return;
    this.writes += 1;
    this.left -= 1;
    if (this.left < 0) throw new Error("the object dies");
  }

  /** Makes a call, and makes it again where the object died of it: as whoever gets no answer does. */
  surely<T>(call: () => T): T {
    try {
      const answer = call();
      // What has killed it may have been taken for the fault of a row.
      if (this.left >= 0) return answer;
    } catch (error) {
      if (this.left >= 0) throw error;
    }
    this.left = Number.POSITIVE_INFINITY;
    this.restart();
    return call();
  }
}

/** All that happens to packs in their lives, one step after the other. Answers what became of each job. */
function live(h: Mortal): unknown {
  const step = <T>(call: () => T) => h.surely(call);
  const jobs = h.jobs(12);
  const late = h.jobs(3);
  step(() => h.submit(jobs));
  step(() => h.submit(late));
  const first = step(() => h.take(5));
  const second = step(() => h.take(4));
  const lease = (n: number) => [...first, ...second][n]?.lease ?? "";
  step(() => h.succeed(lease(0), '"one"'));
  step(() => h.succeed(lease(1), '"two"'));
  step(() => h.report(lease(2), { ok: false, error: BOOM, retryAfterMs: null }));
  step(() => h.succeed(lease(3), JSON.stringify("x".repeat(9_000))));
  step(() => h.extend(lease(4), 30 * SECOND));
  step(() => h.cancel(jobs[11]?.id ?? ""));
  step(() => h.succeed(lease(5)));
  step(() => h.advance(16 * SECOND));
  step(() => h.advance(2 * MINUTE));
  for (let rounds = 0; rounds < 6; rounds++) {
    const items = step(() => h.take());
    for (const item of items) step(() => h.succeed(item.lease, '"late"'));
    step(() => h.advance(30 * SECOND));
  }
  step(() => h.project());
  const states = [...jobs, ...late].map(({ id }) => [id, h.state(id)]);
  step(() => h.advance(2 * HOUR));
  const tables = ["jobs", "packs", "slices", "finished"].map((table) => h.count(table));
  return { states, tables, broken: h.broken(), counts: h.core.wake(CALL).counts };
}

test("an object that dies at any write of a pack's life loses nothing and doubles nothing", {
  timeout: 180_000,
}, () => {
  const unharmed = new Mortal();
  const expected = live(unharmed);
  // The job that was cancelled stays for a week.
  expect(expected).toMatchObject({ broken: [], tables: [1, 0, 0, 1] });
  const writes = Array.from({ length: unharmed.writes }, (_, n) => n);
  for (const n of lane.turn(writes, 3)) {
    const h = new Mortal();
    h.left = n;
    expect(live(h), `death at write ${n}`).toEqual(expected);
  }
});
