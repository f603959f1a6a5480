import type { PurgeBody, PurgeView, RedriveBody, RedriveView } from "../../../contract/dead-letters.ts";
import { isProblem, type Problem, type Result, together } from "../../../contract/problems.ts";
import type {
  DiscardReply,
  FailedJobsReply,
  FailedJobsWalk,
  RedriveReply,
  SeenJob,
  ShardCall,
} from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { FailedFilter } from "../../db/failed-jobs.ts";
import type { QueueName } from "../queues/queue-config.ts";
import { scatter } from "../routing/scatter.ts";
import type { Services } from "../services.ts";
import { deadFilter } from "./dead-filter.ts";
import { DeadHistory } from "./dead-history.ts";
import { movedPayload, moveJobs } from "./move-jobs.ts";
import { hasPayload, revive } from "./revive.ts";

/** Jobs looked at by one call to a shard: a bounded time in which it serves nobody else. */
const STEP = 500;

/** What a shard is told of the jobs that it is to look at. */
type Walk = Omit<FailedJobsWalk, keyof ShardCall>;

/** What a redrive is done with. `target` is null where the jobs stay in their queue. */
export interface RedriveJob {
  services: Services;
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
    this.#patch = body.patch?.text ?? null;
    this.#everyMs = body.ratePerSecond === undefined ? null : 1000 / body.ratePerSecond;
  }

  /** One shard after the other, so that with a rate the starts are spaced over the whole queue. */
  async run(): Promise<Result<RedriveView>> {
    const { services, target } = this.#of;
    const map = await services.shards.map();
    if (isProblem(map)) return map;
    for (const { id } of map.shards) {
      const problem = target === null ? await this.#shard(id) : await this.#emptyInto(id, target);
      if (problem !== null) return problem;
    }
    const history = new DeadHistory(services, { ...this.#name, filter: this.#filter });
    for await (const jobs of history.jobs()) {
      const problem = isProblem(jobs) ? jobs : await this.#redriveFromHistory(jobs);
      if (problem !== null) return problem;
    }
    return { ...this.#total, more: history.more };
  }

  async #shard(id: string): Promise<Problem | null> {
    const { services, body } = this.#of;
    let after: string | null = null;
    do {
      const walk: Walk = { ...this.#name, filter: this.#filter, after, limit: STEP };
      const step = { ...walk, dryRun: body.dryRun ?? false, spacing: this.#spacing(), patch: this.#patch };
      const reply: Result<RedriveReply> = await services.shards.once(id, { idempotent: false }, (shard, head) =>
        shard.redrive({ ...head, ...step }),
      );
      if (isProblem(reply)) return reply;
      this.#count(reply.matched, reply.redriven, reply.skipped);
      after = reply.next;
    } while (after !== null);
    return null;
  }

  /** Jobs leave their shard only once the other queue has them: what dies in between is found, and not doubled, later. */
  async #emptyInto(id: string, target: QueueSettings): Promise<Problem | null> {
    const { services, body } = this.#of;
    let after: string | null = null;
    do {
      const walk: Walk = { ...this.#name, filter: this.#filter, after, limit: STEP };
      const reply: Result<FailedJobsReply> = await services.shards.once(id, { idempotent: true }, (shard, head) =>
        shard.failedJobs({ ...head, ...walk, movingTo: body.dryRun ? null : target.name }),
      );
      if (isProblem(reply)) return reply;
      const problem = await this.#moveAndDiscard(reply.jobs, target);
      if (problem !== null) return problem;
      after = reply.next;
    } while (after !== null);
    return null;
  }

  async #redriveFromHistory(found: Job[]): Promise<Problem | null> {
    const { services, settings, target, body } = this.#of;
    const jobs = found.filter(hasPayload);
    const without = found.length - jobs.length;
    this.#count(without, 0, without);
    if (jobs.length === 0) return null;
    if (body.dryRun) {
      this.#look(jobs);
      return null;
    }
    if (target !== null) return this.#takeOver(jobs, target);
    const everyMs = this.#everyMs ?? 0;
    const revivals = jobs.map((job, i) => ({ job, delayMs: Math.floor((this.#total.redriven + i) * everyMs) }));
    const how = { settings, patch: this.#patch, action: "redrive", movingTo: null } as const;
    const revived = await revive(services, revivals, how);
    if (isProblem(revived)) return revived;
    for (const { type } of revived) {
      if (type === "revived") this.#count(1, 1, 0);
      else if (type === "too-large") this.#count(1, 0, 1);
    }
    return null;
  }

  /** History keeps nothing for anybody: the jobs come back to their shards first, to be kept for this move. */
  async #takeOver(jobs: Job[], target: QueueSettings): Promise<Problem | null> {
    const { services, settings } = this.#of;
    const revivals = jobs.map((job) => ({ job, delayMs: 0 }));
    const how = { settings, patch: null, action: "move", movingTo: target.name } as const;
    const revived = await revive(services, revivals, how);
    if (isProblem(revived)) return revived;
    return this.#moveAndDiscard(
      jobs.filter((_, i) => revived[i]?.type === "revived"),
      target,
    );
  }

  /** Sends jobs to the other queue; tells their shards which of them it has, and which it did not take. */
  async #moveAndDiscard(jobs: Job[], target: QueueSettings): Promise<Problem | null> {
    const moved = await this.#move(jobs, target);
    if (isProblem(moved)) return moved;
    const { taken, refused } = moved;
    const { namespace } = this.#name;
    const items = [...taken, ...refused].map((item) => ({ slot: parseJobId(item.id)?.slot ?? 0, item }));
    const told = await scatter(this.#of.services.shards, items, { idempotent: true }, async (shard, head, theirs) => {
      const own = new Set(theirs);
      const discarded = taken.filter((job) => own.has(job));
      const released = refused.filter((job) => own.has(job)).map(({ id }) => id);
      const { result, log } = await shard.discardMoved({ ...head, namespace, jobs: discarded, released });
      return { result: result ?? { results: theirs }, log };
    });
    return isProblem(told) ? told : null;
  }

  /** Sends jobs to the other queue. */
  async #move(jobs: Job[], target: QueueSettings): Promise<Result<Taken>> {
    if (this.#of.body.dryRun || jobs.length === 0) {
      this.#look(jobs);
      return { taken: [], refused: [] };
    }
    const { firstDelayMs, everyMs } = this.#spacing() ?? { firstDelayMs: 0, everyMs: 0 };
    const move = { target, patch: this.#patch, firstDelayMs, everyMs };
    const moved = await moveJobs(this.#of.services, jobs, move);
    if (isProblem(moved)) return moved;
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
  services: Services,
  settings: QueueSettings,
  body: PurgeBody,
): Promise<Result<PurgeView>> {
  const name = { namespace: settings.namespace, queue: settings.name };
  const filter = deadFilter(body.filter);
  const map = await services.shards.map();
  if (isProblem(map)) return map;
  const counts = await together(map.shards.map(({ id }) => emptyShard(services, id, { ...name, filter })));
  if (isProblem(counts)) return counts;
  const history = new DeadHistory(services, { ...name, filter });
  let discarded = counts.reduce((sum, count) => sum + count, 0);
  for await (const jobs of history.jobs()) {
    if (isProblem(jobs)) return jobs;
    const revivals = jobs.map((job) => ({ job, delayMs: 0 }));
    const revived = await revive(services, revivals, { settings, patch: null, action: "discard", movingTo: null });
    if (isProblem(revived)) return revived;
    discarded += revived.filter(({ type }) => type === "revived").length;
  }
  return { cancelled: 0, discarded, more: history.more };
}

async function emptyShard(
  { shards }: Services,
  id: string,
  queue: QueueName & { filter: FailedFilter },
): Promise<Result<number>> {
  let discarded = 0;
  let after: string | null = null;
  do {
    const walk: Walk = { ...queue, after, limit: STEP };
    const reply: Result<DiscardReply> = await shards.once(id, { idempotent: false }, (shard, head) =>
      shard.discardFailed({ ...head, ...walk }),
    );
    if (isProblem(reply)) return reply;
    discarded += reply.discarded;
    after = reply.next;
  } while (after !== null);
  return discarded;
}
