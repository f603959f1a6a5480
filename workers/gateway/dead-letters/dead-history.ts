import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { type Db, primary } from "../../db/client.ts";
import { type FailedFilter, type FailedPage, failedJobs, failedPage } from "../../db/failed-jobs.ts";
import { queueIdIn } from "../../db/queues.ts";
import { fromDatabase } from "../database.ts";
import { withoutExisting } from "../jobs/existing-ids.ts";
import type { QueueName } from "../queues/queue-config.ts";
import type { Services } from "../services.ts";

/** Rows of history looked at in one read. */
const PAGE = 1000;
/** Whole jobs read at once: 20 of the largest are ten megabytes. */
const WHOLE = 20;
/** What one call of a client may do: it is told to call again when more is left. */
const MAX_PAGES = 60;
const MAX_JOBS = 1000;

/** The failed jobs of a queue that only history still has, a bounded number. `more` is known when the walk is over. */
export class DeadHistory {
  more = false;
  readonly #services: Services;
  readonly #queue: QueueName & { filter: FailedFilter };

  constructor(services: Services, queue: QueueName & { filter: FailedFilter }) {
    this.#services = services;
    this.#queue = queue;
  }

  /** The jobs, whole, some at a time. Whoever is given a problem stops there. */
  async *jobs(): AsyncGenerator<Result<Job[]>> {
    const { databases, database } = this.#services;
    const { namespace, queue } = this.#queue;
    const [, ...others] = databases;
    const queueId =
      others.length === 0 ? null : await fromDatabase(() => queueIdIn(primary(database), namespace, queue));
    if (isProblem(queueId)) return yield queueId;
    const budget = { jobs: MAX_JOBS, pages: MAX_PAGES };
    for (const each of databases) {
      // What the others have is for the next call.
      if (budget.jobs <= 0 || budget.pages <= 0) this.more = true;
      if (this.more) return;
      yield* this.#jobsIn(primary(each.database), budget, queueId === null ? {} : { queueId });
    }
  }

  async *#jobsIn(db: Db, budget: Budget, named: { queueId?: string }): AsyncGenerator<Result<Job[]>> {
    const { namespace } = this.#queue;
    for await (const ids of this.#forgotten(db, budget, named)) {
      if (isProblem(ids)) return yield ids;
      for (let i = 0; i < ids.length; i += WHOLE) {
        yield await fromDatabase(() => failedJobs(db, namespace, ids.slice(i, i + WHOLE)));
      }
    }
  }

  /** Ids that no shard holds. */
  async *#forgotten(db: Db, budget: Budget, named: { queueId?: string }): AsyncGenerator<Result<string[]>> {
    const queue = { ...this.#queue, ...named };
    for (let after: string | null = null; budget.pages > 0; budget.pages--) {
      const at: string | null = after;
      const page: Result<FailedPage> = await fromDatabase(() => failedPage(db, queue, { after: at, limit: PAGE }));
      if (isProblem(page)) return yield page;
      const failed = page.ids.map((id) => ({ id, state: "failed" as const }));
      const forgotten = await withoutExisting(this.#services, failed);
      if (isProblem(forgotten)) return yield forgotten;
      const ids = forgotten.map(({ id }) => id);
      yield ids.slice(0, budget.jobs);
      this.more = ids.length > budget.jobs || page.next !== null;
      budget.jobs -= ids.length;
      after = page.next;
      if (after === null || budget.jobs <= 0) return;
    }
  }
}

/** What one call may still do. */
interface Budget {
  jobs: number;
  pages: number;
}
