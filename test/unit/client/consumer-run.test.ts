import { describe, expect, test } from "vitest";
import type { DureBinding } from "../../../client/src/binding.ts";
import { consumer, type Handler, type HandlerContext, type TypedJob } from "../../../client/src/consumer.ts";
import { type ClaimInput, ReportBody, type ReportInput } from "../../../contract/pull.ts";
import type { Outcome } from "../../../contract/rpc.ts";
import { isFinal } from "../../../domain/job/state.ts";
import { parseLease } from "../../../domain/lease.ts";
import { outcomeOf } from "../../../workers/gateway/work/reporting.ts";
import { lane } from "../../lane.ts";
import { FakeClock, gate } from "../../rigs/client-fakes.ts";
import { BELL, range, startConsumer } from "../../rigs/consumer-rig.ts";
import { sound } from "../../rigs/gateway-parts.ts";
import { CALL, Harness, MINUTE, SECOND, settingsOf } from "../../rigs/shard-harness.ts";
import { Random } from "../../simulation/random.ts";

describe("an invocation", () => {
  test("never runs more than its concurrency, over all queues", async () => {
    let now = 0;
    let most = 0;
    const handler = async () => {
      most = Math.max(most, ++now);
      await clock.sleep(50);
      now--;
    };
    const { clock, ring, reports } = startConsumer(
      { a: range(9, "a"), b: range(9, "b") },
      { concurrency: 4, handlers: { a: handler, b: handler } },
    );
    const run = ring(BELL);
    await clock.advance(5_000);
    await run.promise;
    expect(most).toBe(4);
    expect(reports).toHaveLength(18);
  });

  test("claims no more when its budget is spent, and finishes what it has", async () => {
    const { clock, ring, claims, reports, waiting } = startConsumer(
      { q: range(20) },
      { concurrency: 1, budgetMs: 1_000, handlers: { q: () => clock.sleep(400) } },
    );
    const run = ring(BELL);
    await clock.advance(1_199);
    expect(run.ended).toBe(false);
    await clock.advance(1);
    expect(run.ended).toBe(true);
    expect(claims).toHaveLength(3);
    expect(reports).toHaveLength(3);
    expect(waiting.get("q")).toHaveLength(17);
  });

  test("asks a dry queue again when one of its jobs has ended, because that may have opened the next", async () => {
    const open = range(1, "second");
    const state = startConsumer(
      { q: ["first"] },
      {},
      { report: () => state.waiting.get("q")?.push(...open.splice(0)) },
    );
    await state.ring(BELL).promise;
    expect(state.reports.map(({ lease }) => lease)).toEqual(["lease-first", "lease-second0"]);
  });

  test("of two at once each gets its own jobs, and its own name", async () => {
    const { ring, claims, reports } = startConsumer({ q: range(40) }, {});
    await Promise.all([ring(BELL).promise, ring(BELL).promise]);
    expect(new Set(reports.map(({ lease }) => lease)).size).toBe(40);
    expect(new Set(claims.map(({ worker }) => worker)).size).toBe(2);
  });

  test("extends the leases of its jobs while they run", async () => {
    const done = gate<string>();
    const { clock, ring, extended, reports } = startConsumer({ q: ["a"] }, { handlers: { q: () => done.promise } });
    const run = ring(BELL);
    await clock.advance(25_000);
    expect(extended).toEqual(["lease-a", "lease-a"]);
    done.open("late");
    await run.promise;
    expect(reports).toEqual([{ lease: "lease-a", ok: true, result: "late" }]);
  });

  test("fails a job that had all of it, before the platform ends it", async () => {
    const { clock, ring, reports } = startConsumer(
      { q: ["a"] },
      {
        handlers: {
          q: (_, { signal }) =>
            new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        },
      },
    );
    const run = ring(BELL);
    await clock.advance(14.5 * 60_000 - 1);
    expect(reports).toEqual([]);
    await clock.advance(1);
    expect(run.ended).toBe(true);
    expect(reports).toMatchObject([{ ok: false, error: { code: "worker-stopped", retryable: true } }]);
  });

  test("gives back a job that came later, without an attempt being spent, and claims none in its last minute", async () => {
    const givesUp: Handler = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const handler: Handler = (job, context) => (job.id === "first" ? clock.sleep(60_000) : givesUp(job, context));
    const { clock, ring, reports, waiting } = startConsumer(
      { q: ["first", "later", "last"] },
      { concurrency: 1, budgetMs: 3_600_000, handlers: { q: handler } },
    );
    const run = ring(BELL);
    await clock.advance(14.5 * 60_000);
    expect(run.ended).toBe(true);
    const reason = "The invocation of the consumer that ran it has come to its end.";
    expect(reports.slice(1)).toEqual([{ lease: "lease-later", ok: null, reason }]);
    expect(waiting.get("q")).toEqual(["last"]);
  });

  test("does not claim in its last minute, however long it may", async () => {
    const { clock, ring, claims } = startConsumer(
      { q: range(2_000) },
      { concurrency: 1, budgetMs: 3_600_000, handlers: { q: () => clock.sleep(1_000) } },
    );
    const run = ring(BELL);
    await clock.advance(13.5 * 60_000);
    const claimed = claims.length;
    await clock.advance(60_000);
    expect(run.ended).toBe(true);
    expect([claimed > 700, claims.length]).toEqual([true, claimed]);
  });

  test("ends before the platform would, though a handler does not listen", async () => {
    const { clock, ring, reports } = startConsumer(
      { q: ["a"] },
      { handlers: { q: () => new Promise(() => undefined) } },
    );
    const run = ring(BELL);
    await clock.advance(14.5 * 60_000 + 15_000);
    expect(run.ended).toBe(true);
    expect(reports).toEqual([]);
  });
});

/** The real consumer on a real shard, called by the shard's bells alone, while bells, calls and invocations are lost. */

const TICK_MS = 100;

const FAULTS_MS = MINUTE;

/** The last echo of a bell, a lease, and the backoffs. */
const RECOVERY_MS = 4 * MINUTE;

const LEASE_SECONDS = 6;

const JOBS = 30;

class Rig {
  readonly clock = new FakeClock();
  readonly h: Harness;
  readonly #random: Random;
  readonly #queues;
  readonly ids: string[] = [];
  /** Attempts whose handlers were called, as `id/attempt`. */
  readonly ran: string[] = [];
  readonly failed = new Set<string>();
  /** Reports that were recorded, and whose attempt goes on all the same. */
  readonly lost: ReportInput[] = [];
  faulty = true;
  invocations = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    const common = { target: { type: "consumer" }, lane: "bulk", partitions: 1, timeoutMs: 30 * SECOND } as const;
    const retry = { maxAttempts: 100, backoff: "constant", delayMs: 500, maxDelayMs: 500, jitter: "none" } as const;
    this.h = new Harness({ ...common, retry });
    const concurrency = this.#random.pick([null, 1, 3]);
    this.#queues = [this.h.queue, settingsOf({ ...common, retry, name: "other", concurrency })];
  }

  submitSome(): void {
    const queue = this.#random.pick(this.#queues);
    const orderingKey = this.#random.pick([null, "a", "b"]);
    const job = this.h.job({ orderingKey, payload: JSON.stringify({ ms: this.#random.int(1, 9_000) }) }, queue);
    this.h.submit([job], { queues: [queue] });
    this.ids.push(job.id);
  }

  /** Time goes on; what was rung meanwhile is delivered, or lost. */
  async tick(): Promise<void> {
    this.h.advance(TICK_MS);
    await this.clock.advance(TICK_MS);
    for (const { bell } of this.h.rung()) {
      if (this.#hit(0.3)) continue;
      this.invocations += 1;
      void this.#invoke(bell);
      if (this.#hit(0.2)) void this.#invoke(bell);
    }
    if (this.#hit(0.01)) this.h.restart();
  }

  async #invoke(bell: unknown): Promise<void> {
    const life = { ended: false };
    const worker = consumer({
      handlers: { q: (...run) => this.#run(...run), other: (...run) => this.#run(...run), gone: () => null },
      clock: this.clock,
      random: () => this.#random.next(),
      concurrency: this.#random.int(1, 5),
      leaseSeconds: LEASE_SECONDS,
      budgetMs: this.#random.pick([0, 300, 5_000]),
      log: null,
    });
    await worker.queue({ messages: [{ body: bell, ack: () => undefined }] }, { DURE: this.#binding(life) });
  }

  async #run(job: TypedJob, { release }: HandlerContext): Promise<string> {
    this.ran.push(`${job.id}/${job.delivery}`);
    await this.clock.sleep((job.payload as { ms: number }).ms);
    if (this.#hit(0.2)) throw new Error("no luck");
    if (this.#hit(0.1)) release();
    return job.id;
  }

  #binding(life: { ended: boolean }): DureBinding {
    /** A call is lost, or its answer is, or the invocation dies with it. */
    const call = async <T>(serve: () => T): Promise<T> => {
      await this.clock.sleep(this.#random.int(0, 40));
      if (this.#hit(0.03)) life.ended = true;
      if (life.ended) return new Promise(() => undefined);
      if (this.#hit(0.1)) throw new Error("connection lost");
      const answer = serve();
      if (this.#hit(0.1)) throw new Error("connection lost");
      return answer;
    };
    return {
      claim: (queue: string, body: ClaimInput) => call(() => ({ jobs: this.#claim({ ...body, queue }) })),
      report: (reports: ReportInput[], { claim }: { claim?: ClaimInput & { queue: string } }) =>
        call(() => {
          const items = reports.map((report) => this.#report(report));
          return { items, jobs: claim === undefined ? [] : this.#claim(claim) };
        }),
      extend: (lease: string, { leaseSeconds = LEASE_SECONDS }) =>
        call(() => {
          const { status } = this.h.extend(lease, leaseSeconds * SECOND);
          if (status === "extended") return { leaseExpiresAt: null, cancelled: false };
          throw Object.assign(new Error(status), { code: "stale-lease", status: 409 });
        }),
    } as unknown as DureBinding;
  }

  #claim({ queue, max = 10, leaseSeconds = LEASE_SECONDS, worker, begins = false }: ClaimInput & { queue: string }) {
    if (queue === "gone") throw Object.assign(new Error("gone"), { code: "queue-not-found", status: 404 });
    const request = { queue, max, leaseMs: leaseSeconds * SECOND, worker: worker ?? null, begins };
    return this.h.claim(request).map(({ job, lease }) => {
      const payload: unknown = JSON.parse(job.payload);
      const { attempt, delivery } = job;
      return { id: job.id, attempt, delivery, payload, lease, timeout: job.timeoutMs / SECOND, checkpoint: null };
    });
  }

  #report(report: ReportInput) {
    const outcome: Outcome = report.ok
      ? { ok: true, result: JSON.stringify(report.result), resultTruncated: false }
      : sound(outcomeOf(ReportBody.parse(report)));
    const result = this.h.report(report.lease, outcome);
    if (result.status === "recorded") {
      // A consumer would take what is thrown here for a call that was lost.
      if (this.h.state(parseLease(report.lease)?.jobId ?? "") === "running") this.lost.push(report);
      return { status: "recorded" };
    }
    return { status: "stale", problem: { type: "", title: "", status: 409, detail: "", code: "stale-lease" } };
  }

  #hit(randomness: number): boolean {
    return this.faulty && this.#random.chance(randomness);
  }

  unfinished(): string[] {
    return this.ids.filter((id) => !isFinal(this.h.get(id).state));
  }
}

test.each(Array.from({ length: lane.histories.consumer }, (_, i) => i + 1))(
  "every job comes to its end, called by bells alone: seed %i",
  async (seed) => {
    const rig = new Rig(seed);
    for (let now = 0; now < FAULTS_MS; now += TICK_MS) {
      if (rig.ids.length < JOBS && now % (4 * TICK_MS) === 0) rig.submitSome();
      await rig.tick();
    }
    rig.faulty = false;
    for (let now = 0; now < RECOVERY_MS && rig.unfinished().length > 0; now += TICK_MS) await rig.tick();
    expect(rig.unfinished().map((id) => rig.h.explain(id))).toEqual([]);
    for (const id of rig.ids) expect(rig.h.get(id)).toMatchObject({ state: "succeeded", result: JSON.stringify(id) });
    expect(new Set(rig.ran).size).toBe(rig.ran.length);
    expect(rig.lost).toEqual([]);
    expect(rig.h.core.audit(CALL, rig.h.alarmAt).violations).toEqual([]);
    // Nothing waits any more: nobody is called.
    rig.invocations = 0;
    for (let i = 0; i < 50; i++) await rig.tick();
    expect(rig.invocations).toBe(0);
  },
  60_000,
);
