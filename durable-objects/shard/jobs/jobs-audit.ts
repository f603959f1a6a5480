import type { AuditViolation } from "../../../contract/rpc.ts";
import type { RowState } from "../../../domain/job/state.ts";
import { slotOf } from "../../../domain/slots.ts";
import type { SqlRow } from "../../sql.ts";
import type { Audit, AuditPage, AuditView, AuditWalk } from "../kernel/audit-rules.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { COUNTS, Counts, type Move, standingOf } from "./counts.ts";
import { JOB_RULES } from "./job-audit.ts";
import { type FinalJob, LogCheck } from "./log-check.ts";
import { readableHead } from "./packs/pack-audit.ts";
import { liveOf, type PackHead } from "./packs/pack-head.ts";
import { loggedPack } from "./packs/pack-log.ts";
import { PACKS } from "./packs/packs.ts";

type WalkedRow = FinalJob & { queue: number; partition: number; state: RowState; blocked: number } & SqlRow;

const ROWS =
  "SELECT id, queue, partition, slot, state, blocked, version, finished_at FROM jobs WHERE id > ? ORDER BY id LIMIT +?";

/** Behind the id of every job. */
const END = "~";

/**
 * What the rows of all jobs together have to agree with: counts, slots, and the log. The walk counts the rows that it passes,
 * and from then on follows the changes of those: a job behind its place was counted as it was, one before it will be. So when
 * it has passed all of them, what it has counted is what `COUNTS` has, whatever happened meanwhile.
 */
class JobsWalk implements AuditWalk {
  readonly #kept: Counts;
  readonly #counted = uncounted();
  readonly #log = new LogCheck();
  readonly #follower = (move: Move) => {
    const isPassed = move.packed ? this.#hasPacks : move.id <= this.#passed;
    if (isPassed) this.#counted.apply(move);
  };
  #passed = "";
  /** What lies in packs is added when all rows are passed. */
  #hasPacks = false;
  #phase: "jobs" | "packs" | "log" | "counts" = "jobs";
  #behindPack = -1;
  /** Queues whose counts have yet to be compared. */
  #queues: number[] = [];

  constructor(shard: Parts) {
    this.#kept = shard.get(COUNTS);
    this.#kept.follow(this.#follower);
  }

  next(view: AuditView, limit: number): AuditPage {
    if (this.#phase === "jobs") return this.#nextJobs(view, limit);
    if (this.#phase === "packs") return this.#nextPacks(view, limit);
    return this.#phase === "log" ? this.#nextEntries(view, limit) : this.#nextCounts(limit);
  }

  end(): void {
    this.#kept.leave(this.#follower);
  }

  #nextJobs(view: AuditView, limit: number): AuditPage {
    const rows = view.sql.all<WalkedRow>(ROWS, this.#passed, limit);
    for (const { id, queue, partition, ...row } of rows) {
      this.#counted.apply({ id, queue, partition, before: null, after: standingOf(row) });
    }
    this.#log.look(
      view,
      rows.filter(({ state }) => isFinalRow(state)),
    );
    const more = rows.length === limit;
    this.#passed = more ? (rows.at(-1)?.id ?? END) : END;
    if (!more) this.#phase = "packs";
    return { rows: rows.length, done: false, violations: slotsAreOwned(view, rows) };
  }

  /** Packs whose jobs are all final: the log names each as a whole. */
  #nextPacks(view: AuditView, limit: number): AuditPage {
    const page = view.get(PACKS).store.page(this.#behindPack, limit);
    const heads = page.flatMap(({ make }) => readableHead(make) ?? []);
    this.#log.look(view, heads.filter((head) => liveOf(head) === 0 && head.done > 0).map(loggedAs));
    const last = page.at(-1);
    if (last === undefined) this.#phase = "log";
    else this.#behindPack = last.pack;
    return { rows: page.length, done: false, violations: [] };
  }

  #nextEntries(view: AuditView, limit: number): AuditPage {
    const { rows, done, violations } = this.#log.next(view, limit);
    if (done) {
      this.#counted.addPacks(view.get(PACKS).index);
      this.#hasPacks = true;
      this.#phase = "counts";
      this.#queues = [...new Set([...this.#kept.queues(), ...this.#counted.queues()])];
    }
    return { rows, done: false, violations };
  }

  #nextCounts(limit: number): AuditPage {
    const queues = this.#queues.splice(-limit);
    const violations = queues.flatMap((queue) => compare(queue, this.#kept, this.#counted));
    return { rows: queues.length, done: this.#queues.length === 0, violations };
  }
}

export const JOB_AUDIT: Audit = {
  rows: [JOB_RULES],
  walks: [{ name: "jobs with their counts and log", begin: (shard) => new JobsWalk(shard) }],
};

function loggedAs(head: PackHead): FinalJob {
  const [id, version] = loggedPack(head);
  return { id, slot: head.slot, version, finished_at: head.lastDoneAt };
}

function isFinalRow(state: RowState): boolean {
  return state !== "scheduled" && state !== "queued" && state !== "running";
}

/** Counts of nothing yet. Nobody asks them for a namespace. */
function uncounted(): Counts {
  return new Counts(() => "");
}

function compare(queue: number, kept: Counts, counted: Counts): AuditViolation[] {
  const differs = (where: string, a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) =>
    Object.keys(a).flatMap((place) =>
      a[place] === b[place]
        ? []
        : [{ rule: "counts-equal-rows", detail: `${where}: ${a[place]} ${place} counted, ${b[place]} rows` }],
    );
  const [ours, theirs] = [new Map(kept.partitionsOf(queue)), new Map(counted.partitionsOf(queue))];
  const none = uncounted().of(queue);
  const partitions = [...new Set([...ours.keys(), ...theirs.keys()])];
  return [
    ...differs(`queue ${queue}`, kept.deadOf(queue), counted.deadOf(queue)),
    ...partitions.flatMap((partition) =>
      differs(`queue ${queue}, partition ${partition}`, ours.get(partition) ?? none, theirs.get(partition) ?? none),
    ),
  ];
}

/** Each job lies in the slot of its partition, and the slot is this shard's. */
function slotsAreOwned(view: AuditView, rows: readonly WalkedRow[]): AuditViolation[] {
  const places = new Map(rows.map((row) => [`${row.queue}/${row.partition}/${row.slot}`, row]));
  const known = view.get(QUEUES);
  const ownership = view.get(OWNERSHIP);
  return [...places.values()].flatMap(({ queue, partition, slot }) => {
    const settings = known.settingsOf(queue);
    if (settings === null) return [];
    const violations: AuditViolation[] = [];
    if (!ownership.owns(slot)) {
      const detail = `queue ${settings.name} has jobs in slot ${slot}, which is not this shard's`;
      violations.push({ rule: "slot-owned", detail });
    }
    if (slotOf(settings.namespace, settings.name, partition) !== slot) {
      const detail = `queue ${settings.name}: jobs of partition ${partition} are written down in slot ${slot}`;
      violations.push({ rule: "slot-is-place", detail });
    }
    return violations;
  });
}
