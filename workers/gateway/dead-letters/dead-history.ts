import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { primary } from "../../db/client.ts";
import { type FailedFilter, type FailedPage, failedJobs, failedPage } from "../../db/failed-jobs.ts";
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
    const { namespace } = this.#queue;
    const db = primary(this.#services.database);
    for await (const ids of this.#forgotten()) {
      if (isProblem(ids)) return yield ids;
      for (let i = 0; i < ids.length; i += WHOLE) {
        yield await fromDatabase(() => failedJobs(db, namespace, ids.slice(i, i + WHOLE)));
      }
    }
  }

  /** Ids that no shard holds. */
  async *#forgotten(): AsyncGenerator<Result<string[]>> {
    const db = primary(this.#services.database);
    let after: string | null = null;
    let left = MAX_JOBS;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const at: string | null = after;
      const page: Result<FailedPage> = await fromDatabase(() =>
        failedPage(db, this.#queue, { after: at, limit: PAGE }),
      );
      if (isProblem(page)) return yield page;
      const failed = page.ids.map((id) => ({ id, state: "failed" as const }));
      const forgotten = await withoutExisting(this.#services, failed);
      if (isProblem(forgotten)) return yield forgotten;
      const ids = forgotten.map(({ id }) => id);
      yield ids.slice(0, left);
      this.more = ids.length > left || page.next !== null;
      left -= ids.length;
      after = page.next;
      if (after === null || left <= 0) return;
    }
  }
}
