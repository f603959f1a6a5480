import type { AuditViolation } from "../../../contract/rpc.ts";
import { SEQUENCE_PER_MS } from "../../../domain/rank.ts";
import type { AuditView } from "../kernel/audit-rules.ts";
import { HISTORY_LOG, type LoggedJob } from "./history-log.ts";
import { liveOf } from "./packs/pack-head.ts";
import { packOf } from "./packs/pack-log.ts";
import { PACKS } from "./packs/packs.ts";

/** A final job, as far as the log has to know of it. */
export interface FinalJob {
  id: string;
  slot: number;
  version: number;
  finished_at: number | null;
}

/** Entries of one millisecond that are looked at for a job that ended in it. */
const ENTRIES_OF_A_TIME = 20;
/** Jobs that are looked for in the whole log at most, in one pass. */
const MAX_SOUGHT = 2_000;
/** Entries of the log read at once: each may name a thousand jobs. */
const ENTRIES_AT_ONCE = 20;

/**
 * Whether the log names each final job. The number of an entry is made of the time of its step, so that most jobs are found
 * by the time of their end. Where the clock had stepped back, and for a job that came back from history, that is not so:
 * those are sought in one walk through the log. While a row stays as it is its entry stays, under its number: what is not found
 * then is not there.
 */
export class LogCheck {
  readonly #sought = new Map<string, FinalJob>();
  #behind = { kept: -1, seq: 0 };

  /** Looks for these in the log by the time of their end. */
  look(view: AuditView, finals: readonly FinalJob[]): void {
    for (const [at, jobs] of Map.groupBy(finals, ({ finished_at }) => finished_at)) {
      const from = (at ?? 0) * SEQUENCE_PER_MS;
      const entries = at === null ? [] : view.get(HISTORY_LOG).between(from, from + SEQUENCE_PER_MS, ENTRIES_OF_A_TIME);
      const named = new Set(entries.flatMap(({ jobs }) => namesIn(jobs)));
      for (const job of jobs) {
        const name = nameOf(job.slot, [job.id, job.version]);
        if (!named.has(name) && this.#sought.size < MAX_SOUGHT) this.#sought.set(name, job);
      }
    }
  }

  /** Goes on through the log. Jobs that it names count as rows. */
  next(view: AuditView, limit: number): { rows: number; done: boolean; violations: AuditViolation[] } {
    let rows = 0;
    while (this.#sought.size > 0 && rows < limit) {
      const entries = view.get(HISTORY_LOG).page(this.#behind, ENTRIES_AT_ONCE);
      for (const { kept, seq, jobs } of entries) {
        this.#behind = { kept, seq };
        for (const name of namesIn(jobs)) {
          this.#sought.delete(name);
          rows += 1;
        }
      }
      if (entries.length < ENTRIES_AT_ONCE) return { rows, done: true, violations: this.#missing(view) };
    }
    return { rows, done: this.#sought.size === 0, violations: [] };
  }

  /** Those of the jobs that the log does not name whose rows are still as they were. */
  #missing(view: AuditView): AuditViolation[] {
    const packs = [...this.#sought.values()].filter(({ id }) => {
      const pack = packOf(id);
      const head = pack === null ? null : view.get(PACKS).get(pack);
      return head !== null && head.done > 0 && liveOf(head) === 0;
    });
    const names = [...packs.map(({ id }) => `pack ${packOf(id)}`), ...this.#missingRows(view)];
    return names.map((name) => ({
      rule: "final-is-logged",
      detail: `${name} is final and history will never hear of it`,
    }));
  }

  #missingRows({ sql }: AuditView): string[] {
    const ids = JSON.stringify([...this.#sought.values()].map(({ id, version }) => [id, version]));
    return sql
      .all<{ id: string }>(
        `SELECT id FROM jobs WHERE (id, version) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
           AND state IN ('succeeded', 'failed', 'cancelled', 'discarded')`,
        ids,
      )
      .map(({ id }) => id);
  }
}

/** An entry that cannot be read names nobody: its jobs are found missing. */
function namesIn(entry: string): string[] {
  return Object.entries(logged(entry)).flatMap(([slot, jobs]) => jobs.map((job) => nameOf(Number(slot), job)));
}

function logged(entry: string): Record<string, LoggedJob[]> {
  try {
    return JSON.parse(entry) as Record<string, LoggedJob[]>;
  } catch {
    return {};
  }
}

function nameOf(slot: number, [id, version]: LoggedJob): string {
  return `${slot}/${id}/${version}`;
}
