import { describe, expect, test } from "vitest";
import type { DeliveryReport, EventPage } from "../../../../../contract/rpc.ts";
import { eventId, type LifecycleEvent } from "../../../../../domain/subscription.ts";
import { lane } from "../../../../lane.ts";
import { committed, firstDeliveries, liveOn, watched } from "../../../../rigs/event-truth.ts";
import { CALL, type Harness, HOUR, MINUTE } from "../../../../rigs/shard-harness.ts";
import { ofJob, REFUSED, reportOf, stateOf, subscribe } from "../../../../rigs/subscription-harness.ts";
import { Random } from "../../../../simulation/random.ts";

/** Random histories of jobs, restarts and deliverers that crash, lag and repeat. */
const HISTORIES = lane.histories.events;
const PARTS = 6;
const STEPS = 120;

/** A deliverer: it has a page in hand, and sends its events one by one, whatever becomes of its lease. */
class Deliverer {
  readonly #name: string;
  #page: EventPage | null = null;
  #left: LifecycleEvent[] = [];
  #report: DeliveryReport | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  step(h: Harness, random: Random, got: Map<string, LifecycleEvent[]>): void {
    if (random.chance(0.05)) {
      this.#page = null;
      this.#report = null;
    }
    if (this.#page === null) {
      this.#ask(h, random);
      return;
    }
    // Of those of different jobs any may be next, of those of one job the first.
    const jobs = [...new Set(this.#left.map(({ job }) => job.id))];
    const job = jobs.length === 0 ? null : random.pick(jobs);
    const place = this.#left.findIndex((event) => event.job.id === job);
    const [event] = place < 0 ? [] : this.#left.splice(place, 1);
    const report = this.#report ?? reportOf(this.#page, { delivered: [] });
    this.#report = report;
    const fails = random.chance(0.1);
    if (event === undefined || fails) {
      if (fails) this.#report = { ...report, failure: REFUSED };
      this.#ask(h, random);
      return;
    }
    got.set(this.#page.subscription.name, [...(got.get(this.#page.subscription.name) ?? []), event]);
    report.delivered.push(eventId(event.job));
  }

  #ask(h: Harness, random: Random): void {
    const request = { ...CALL, worker: this.#name, report: this.#report, limit: random.int(0, 5) };
    this.#page = null;
    this.#report = null;
    if (random.chance(0.1)) return;
    const { page } = h.core.deliver(request);
    if (random.chance(0.1)) h.core.deliver(request);
    if (page === null || random.chance(0.1)) return;
    this.#page = page;
    this.#left = page.events.map(ofJob);
  }
}

/** Everything that is left is delivered, however often the feed has failed. */
function finish(h: Harness, got: Map<string, LifecycleEvent[]>): void {
  for (let rounds = 0; rounds < 100; rounds++) {
    h.advance(rounds === 0 ? HOUR : MINUTE);
    for (let report: DeliveryReport | null = null; ; ) {
      const { page } = h.core.deliver({ ...CALL, worker: "last", report, limit: 50 });
      if (page === null) break;
      const { name } = page.subscription;
      got.set(name, [...(got.get(name) ?? []), ...page.events.map(ofJob)]);
      report = reportOf(page);
    }
    if (["all", "red"].every((name) => stateOf(h, name)?.pending === 0)) return;
  }
  throw new Error("events are left");
}

describe("whatever happens to jobs, the shard and those who deliver", () => {
  test.each(Array.from({ length: PARTS }, (_, i) => i))(
    "every committed change is delivered, and first deliveries of a job are in order (%i)",
    (part) => {
      for (let n = 0; n < HISTORIES / PARTS; n++) {
        const random = new Random(part * HISTORIES + n);
        const h = watched();
        subscribe(h, { name: "all" }, { name: "red", filter: { queue: "q", tag: "red" } });
        const got = new Map<string, LifecycleEvent[]>();
        const deliverers = ["a", "b", "c"].map((name) => new Deliverer(name));
        const held = { leases: [], ids: [] };
        for (let step = 0; step < STEPS; step++) {
          if (random.chance(0.5)) liveOn(h, random, held);
          else random.pick(deliverers).step(h, random, got);
        }
        expect(h.broken()).toEqual([]);
        finish(h, got);
        expect(firstDeliveries(got.get("all") ?? [])).toEqual(committed(h, () => true));
        const red = new Set(
          h.sql.all<{ id: string }>("SELECT id FROM jobs WHERE spec ->> 'tags' LIKE '%red%'").map(({ id }) => id),
        );
        expect(firstDeliveries(got.get("red") ?? [])).toEqual(committed(h, (id) => red.has(id)));
        expect(["all", "red"].map((name) => stateOf(h, name)?.dropped)).toEqual([0, 0]);
        expect(h.broken()).toEqual([]);
      }
    },
    lane.timeoutMs,
  );
});
