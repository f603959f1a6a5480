import type { PurgeBody, PurgeView, RedriveBody, RedriveView } from "../../../contract/dead-letters.ts";
import type { DiscardReply, FailedJobsReply, FailedJobsWalk, RedriveReply, SeenJob } from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { FailedFilter } from "../../db/failed-jobs.ts";
import { slotOfJob } from "../jobs/job-read.ts";
import type { QueueName } from "../queues/queue-config.ts";
import { scatter } from "../routing/scatter.ts";
import type { Services } from "../services.ts";
import { deadFilter } from "./dead-filter.ts";
import { DeadHistory } from "./dead-history.ts";
import { movedPayload, moveJobs } from "./move-jobs.ts";
import { revive } from "./revive.ts";

/** Jobs looked at by one call to a shard: a bounded time in which it serves nobody else. */
const STEP = 500;

/** What a redrive is done with. `target` is null where the jobs stay in their queue. */
export interface RedriveJob {
  services: Services;
  database: D1Database;
  settings: QueueSettings;
  target: QueueSettings | null;
  body: RedriveBody;
}

/** Of jobs that were sent to another queue, as they were then: those that it has, and those that it does not have. */
interface Taken {
  taken: SeenJob[];
  refused: SeenJob[];
}

/** Walks the failed jobs of a queue: first those that the shards have, then those that history alone has. */
export class Redrive {
  readonly #of: RedriveJob;
  readonly #name: QueueName;
  readonly #filter: FailedFilter;
  readonly #patch: string | null;
  readonly #everyMs: number | null;
  #total: RedriveView = { matched: 0, redriven: 0, skipped: 0, more: false };

  constructor(of: RedriveJob) {
    const { body, settings } = of;
    this.#of = of;
    this.#name = { namespace: settings.namespace, queue: settings.name };
    this.#filter = deadFilter(body.filter);
    this.#patch = body.patch === undefined ? null : JSON.stringify(body.patch);
    this.#everyMs = body.ratePerSecond === undefined ? null : 1000 / body.ratePerSecond;
  }

  /** One shard after the other, so that with a rate the starts are spaced over the whole queue. */
  async run(): Promise<RedriveView> {
    for (const { id } of (await this.#of.services.shards.map()).shards) {
      if (this.#of.target === null) await this.#shard(id);
      else await this.#emptyInto(id, this.#of.target);
    }
    const history = new DeadHistory(this.#of.services, this.#of.database, { ...this.#name, filter: this.#filter });
    for await (const jobs of history.jobs()) await this.#redriveFromHistory(jobs);
    return { ...this.#total, more: history.more };
  }

  async #shard(id: string): Promise<void> {
    const { services, body } = this.#of;
    let after: string | null = null;
    do {
      const walk = { ...this.#name, filter: this.#filter, after, limit: STEP };
      const step = { ...walk, dryRun: body.dryRun ?? false, spacing: this.#spacing(), patch: this.#patch };
      const reply: RedriveReply = await services.shards.once(id, { idempotent: false }, (shard, head) =>
        shard.redrive({ ...head, ...step }),
      );
      this.#count(reply.matched, reply.redriven, reply.skipped);
      after = reply.next;
    } while (after !== null);
  }

  /** Jobs leave their shard only once the other queue has them: what dies in between is found, and not doubled, later. */
  async #emptyInto(id: string, target: QueueSettings): Promise<void> {
    const { services, body } = this.#of;
    let after: string | null = null;
    do {
      const walk = { ...this.#name, filter: this.#filter, after, limit: STEP };
      const reply: FailedJobsReply = await services.shards.once(id, { idempotent: true }, (shard, head) =>
        shard.failedJobs({ ...head, ...walk, movingTo: body.dryRun ? null : target.name }),
      );
      const moved = await this.#move(reply.jobs, target);
      await this.#discardMoved(moved);
      after = reply.next;
    } while (after !== null);
  }

  async #redriveFromHistory(jobs: Job[]): Promise<void> {
    const { services, settings, target, body } = this.#of;
    if (jobs.length === 0) return;
    if (body.dryRun) return this.#look(jobs);
    if (target !== null) return this.#takeOver(jobs, target);
    const everyMs = this.#everyMs ?? 0;
    const revivals = jobs.map((job, i) => ({ job, delayMs: Math.floor((this.#total.redriven + i) * everyMs) }));
    for (const { type } of await revive(services, revivals, {
      settings,
      patch: this.#patch,
      action: "redrive",
      movingTo: null,
    })) {
      if (type === "revived") this.#count(1, 1, 0);
      else if (type === "too-large") this.#count(1, 0, 1);
    }
  }

  /** History keeps nothing for anybody: the jobs come back to their shards first, to be kept for this move. */
  async #takeOver(jobs: Job[], target: QueueSettings): Promise<void> {
    const { services, settings } = this.#of;
    const revivals = jobs.map((job) => ({ job, delayMs: 0 }));
    const how = { settings, patch: null, action: "move", movingTo: target.name } as const;
    const revived = await revive(services, revivals, how);
    const kept = jobs.filter((_, i) => revived[i]?.type === "revived");
    await this.#discardMoved(await this.#move(kept, target));
  }

  /** Tells the shards of the jobs which of them the other queue has, and which it did not take. */
  async #discardMoved({ taken, refused }: Taken): Promise<void> {
    const { namespace } = this.#name;
    const items = [...taken, ...refused].map((item) => ({ slot: slotOfJob(item.id), item }));
    await scatter(this.#of.services.shards, items, { idempotent: true }, async (shard, head, theirs) => {
      const own = new Set(theirs);
      const jobs = taken.filter((job) => own.has(job));
      const released = refused.filter((job) => own.has(job)).map(({ id }) => id);
      const { result, log } = await shard.discardMoved({ ...head, namespace, jobs, released });
      return { result: result ?? { results: theirs }, log };
    });
  }

  /** Sends jobs to the other queue. */
  async #move(jobs: Job[], target: QueueSettings): Promise<Taken> {
    if (this.#of.body.dryRun || jobs.length === 0) {
      this.#look(jobs);
      return { taken: [], refused: [] };
    }
    const { firstDelayMs, everyMs } = this.#spacing() ?? { firstDelayMs: 0, everyMs: 0 };
    const move = { target, patch: this.#patch, firstDelayMs, everyMs };
    const moved = await moveJobs(this.#of.services, this.#of.database, jobs, move);
    this.#count(jobs.length, moved.length, jobs.length - moved.length);
    const there = new Set(moved.map(({ id }) => id));
    const seen = jobs.map(({ id, version }): SeenJob => ({ id, version }));
    return { taken: seen.filter(({ id }) => there.has(id)), refused: seen.filter(({ id }) => !there.has(id)) };
  }

  #look(jobs: Job[]): void {
    this.#count(jobs.length, 0, jobs.filter((job) => movedPayload(job, this.#patch) === null).length);
  }

  #spacing(): { firstDelayMs: number; everyMs: number } | null {
    const everyMs = this.#everyMs;
    return everyMs === null ? null : { firstDelayMs: this.#total.redriven * everyMs, everyMs };
  }

  #count(matched: number, redriven: number, skipped: number): void {
    const total = this.#total;
    this.#total = {
      ...total,
      matched: total.matched + matched,
      redriven: total.redriven + redriven,
      skipped: total.skipped + skipped,
    };
  }
}

/** Discards the failed jobs of a queue that match: those that the shards have, and those that history alone has. */
export async function discardFailed(
  { services, database, settings }: Pick<RedriveJob, "services" | "database" | "settings">,
  body: PurgeBody,
): Promise<PurgeView> {
  const name = { namespace: settings.namespace, queue: settings.name };
  const filter = deadFilter(body.filter);
  const { shards } = await services.shards.map();
  const counts = await Promise.all(shards.map(({ id }) => emptyShard(services, id, { ...name, filter })));
  const history = new DeadHistory(services, database, { ...name, filter });
  let discarded = counts.reduce((sum, count) => sum + count, 0);
  for await (const jobs of history.jobs()) {
    const revivals = jobs.map((job) => ({ job, delayMs: 0 }));
    const revived = await revive(services, revivals, { settings, patch: null, action: "discard", movingTo: null });
    discarded += revived.filter(({ type }) => type === "revived").length;
  }
  return { cancelled: 0, discarded, more: history.more };
}

async function emptyShard(
  { shards }: Services,
  id: string,
  queue: QueueName & { filter: FailedFilter },
): Promise<number> {
  let discarded = 0;
  let after: string | null = null;
  do {
    const walk: Omit<FailedJobsWalk, "v" | "epoch"> = { ...queue, after, limit: STEP };
    const reply: DiscardReply = await shards.once(id, { idempotent: false }, (shard, head) =>
      shard.discardFailed({ ...head, ...walk }),
    );
    discarded += reply.discarded;
    after = reply.next;
  } while (after !== null);
  return discarded;
}
