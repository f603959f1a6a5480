import fc from "fast-check";
import { expect, test } from "vitest";
import type * as rpc from "../../../../../contract/rpc.ts";
import { isFinal, type JobState } from "../../../../../domain/job/state.ts";
import { lane } from "../../../../lane.ts";
import { CALL, Harness, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

/** A second, tiny opinion on who holds each key, told from the answers and from the states of jobs alone. */

interface Call {
  key: string;
  mode: rpc.Dedup["onConflict"];
  delayMs: number;
  windowMs: number;
  maxDelayMs: number | null;
}

type Step =
  | { type: "submit"; calls: Call[] }
  | { type: "claim"; max: number }
  | { type: "end"; pick: number; how: "succeed" | "retryable" | "fatal" }
  | { type: "cancel" | "redrive"; pick: number }
  | { type: "advance"; ms: number }
  | { type: "restart" | "purge" };

interface Place {
  id: string;
  until: number;
}

const RETRY = { maxAttempts: 2, backoff: "constant", delayMs: SECOND, maxDelayMs: SECOND, jitter: "none" } as const;

class ModelledShard {
  readonly h = new Harness({ retry: RETRY });
  /** The holder of each key, and the one that runs after it. */
  readonly places = new Map<string, { holder: Place; next: Place | null }>();
  readonly ids: string[] = [];
  /** What each job was given last. */
  readonly payloads = new Map<string, string>();
  /** What each job is to run after, as long as that has not ended. */
  readonly after = new Map<string, string>();
  running: rpc.WorkItem[] = [];
  #calls = 0;

  take(step: Step): void {
    const { h } = this;
    switch (step.type) {
      case "submit":
        for (const call of step.calls) this.#submit(call);
        break;
      case "claim":
        this.claim(step.max);
        break;
      case "end":
        this.#end(step.pick, step.how);
        break;
      case "cancel":
        this.#of(step.pick, (id) => h.cancel(id));
        break;
      case "redrive":
        this.#of(step.pick, (id) => {
          if (h.retry(id) === "job") this.after.delete(id);
        });
        break;
      case "advance":
        h.advance(step.ms);
        break;
      case "restart":
        h.restart();
        break;
      case "purge":
        h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 100 });
    }
    this.#settle();
    expect(h.broken()).toEqual([]);
  }

  claim(max: number): void {
    for (const item of this.h.work({ room: { handler: max, http: 0 }, leaseMs: MINUTE }).items) {
      const before = this.after.get(item.id);
      if (before !== undefined) expect(isFinal(this.h.get(before).state), "starts after the one before").toBe(true);
      this.after.delete(item.id);
      const given = this.payloads.get(item.id) ?? item.payload;
      expect(item.payload, "runs with what it was given last").toBe(given);
      this.running.push(item);
    }
  }

  #of(pick: number, change: (id: string) => void): void {
    const id = this.ids[pick % Math.max(1, this.ids.length)];
    if (id !== undefined) change(id);
  }

  #end(pick: number, how: "succeed" | "retryable" | "fatal"): void {
    const [item] = this.running.splice(pick % Math.max(1, this.running.length), 1);
    if (item === undefined) return;
    if (how === "succeed") this.h.succeed(item.lease);
    else this.h.fail(item.lease, { retryable: how === "retryable" });
  }

  #submit(call: Call): void {
    const { h } = this;
    const job = jobOf(h, call, `${this.#calls++}`);
    const place = this.places.get(call.key) ?? null;
    const held = place === null ? null : (place.next ?? place.holder);
    const expected = held === null ? "accepted" : this.#expected(call, held, place?.next !== null);
    const answer = only(h.submit([job]));
    const id = "id" in answer ? answer.id : job.id;
    expect([answer.type, id]).toEqual([expected, expected === "accepted" ? job.id : held?.id]);
    if (answer.type === "accepted") this.#accepted(call, job, held);
    else if (answer.type === "replayed" && call.mode === "replace") this.payloads.set(id, job.payload);
    if (call.mode === "replace" || call.mode === "runAfter") {
      expect(["scheduled", "queued"], "runs after the call came").toContain(h.state(id));
    }
  }

  #expected({ mode }: Call, held: Place, isNext: boolean): "accepted" | "replayed" | "duplicate" {
    const waits = ["scheduled", "queued"].includes(this.h.state(held.id));
    const inWindow = held.until > this.h.now || isNext;
    if (mode === "return" || mode === "reject") {
      if (!inWindow) return "accepted";
      return mode === "return" ? "replayed" : "duplicate";
    }
    return waits ? "replayed" : "accepted";
  }

  #accepted(call: Call, job: rpc.NewJob, held: Place | null): void {
    const place = { id: job.id, until: this.h.now + call.windowMs };
    this.ids.push(job.id);
    this.payloads.set(job.id, job.payload);
    const runs = held !== null && held.until > this.h.now && this.h.state(held.id) === "running";
    if (held !== null && runs && call.mode === "runAfter") {
      this.after.set(job.id, held.id);
      this.places.set(call.key, { holder: held, next: place });
    } else this.places.set(call.key, { holder: place, next: null });
  }

  /** Who has ended leaves: the next moves up; and a key whose window is over goes with its last job. */
  #settle(): void {
    const over = (id: string) => isFinal(this.h.state(id) as JobState);
    for (const [id, before] of this.after) if (over(before)) this.after.delete(id);
    for (const [key, { holder, next }] of this.places) {
      const waiting = next !== null && !over(next.id) ? next : null;
      if (!over(holder.id)) this.places.set(key, { holder, next: waiting });
      else if (waiting !== null) this.places.set(key, { holder: waiting, next: null });
      else if (holder.until <= this.h.now) this.places.delete(key);
      else this.places.set(key, { holder, next: null });
    }
  }

  /** Everything that has not ended runs to its end: nothing waits for ever. */
  drain(): void {
    for (let round = 0; round < 200; round++) {
      this.claim(100);
      for (const { lease } of this.running.splice(0)) this.h.succeed(lease);
      if (this.ids.every((id) => isFinal(this.h.state(id) as JobState))) return;
      this.h.advance(5 * SECOND);
    }
    throw new Error("some jobs never end");
  }
}

function jobOf(h: Harness, { key, mode, delayMs, windowMs, maxDelayMs }: Call, payload: string): rpc.NewJob {
  const dedup = { key, onConflict: mode, windowMs, maxDelayMs: mode === "replace" ? maxDelayMs : null };
  return h.job({ delayMs, dedup, payload });
}

const call: fc.Arbitrary<Call> = fc.record({
  key: fc.constantFrom("a", "b"),
  mode: fc.constantFrom("return", "reject", "replace", "runAfter", "runAfter"),
  delayMs: fc.constantFrom(0, 0, 3 * SECOND),
  windowMs: fc.constantFrom(2 * SECOND, 10 * SECOND, 100 * SECOND),
  maxDelayMs: fc.constantFrom(null, 4 * SECOND),
});

function step(calls: number): fc.Arbitrary<Step> {
  const pick = fc.nat(20);
  return fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant("submit" as const),
        calls: fc.array(call, { minLength: 1, maxLength: calls }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant("claim" as const), max: fc.integer({ min: 1, max: 3 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("end" as const),
        pick,
        how: fc.constantFrom("succeed", "retryable", "fatal"),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("cancel" as const, "redrive" as const), pick }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("advance" as const),
        ms: fc.constantFrom(1, SECOND, 3 * SECOND, 12 * SECOND),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("restart" as const, "purge" as const) }) },
  );
}

test(
  "keys have one holder, what waits is opened, and a call is seen by a run that starts after it",
  () => {
    fc.assert(
      fc.property(fc.array(step(1), { minLength: 5, maxLength: 40 }), (steps) => {
        const shard = new ModelledShard();
        for (const next of steps) shard.take(next);
        shard.drain();
        expect(shard.h.broken()).toEqual([]);
        shard.h.advance(200 * SECOND);
        expect(shard.h.count("dedup")).toBe(0);
      }),
      { numRuns: lane.histories.short },
    );
  },
  lane.timeoutMs,
);

test(
  "calls of one request are met as if they came in requests of their own",
  () => {
    const facts = (h: Harness) => [
      h.sql.all("SELECT id, state, blocked, version, payload, run_at, attempt FROM jobs ORDER BY id"),
      h.sql.all("SELECT * FROM dedup ORDER BY key"),
    ];
    fc.assert(
      fc.property(fc.array(step(6), { minLength: 5, maxLength: 20 }), (steps) => {
        const [alone, together] = [new ModelledShard(), new ModelledShard()];
        let calls = 0;
        for (const next of steps) {
          if (next.type !== "submit") {
            alone.take(next);
            together.take(next);
            continue;
          }
          const jobs = (h: Harness) => next.calls.map((one, i) => jobOf(h, one, `${calls + i}`));
          const [singly, atOnce] = [jobs(alone.h), jobs(together.h)];
          const answers = singly.map((job) => only(alone.h.submit([job])).type);
          expect(together.h.submit(atOnce).map(({ type }) => type)).toEqual(answers);
          const accepted = singly.filter((_, i) => answers[i] === "accepted").map(({ id }) => id);
          for (const shard of [alone, together]) shard.ids.push(...accepted);
          calls += next.calls.length;
          expect(facts(together.h)).toEqual(facts(alone.h));
          expect(together.h.broken()).toEqual([]);
        }
      }),
      { numRuns: lane.histories.short },
    );
  },
  lane.timeoutMs,
);
