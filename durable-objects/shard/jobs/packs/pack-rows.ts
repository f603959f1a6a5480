import { TRANSITIONS } from "../../../../domain/job/transition.ts";
import { BEGUN, type JobRow } from "../job-row.ts";
import { acceptedAt, type PackHead, type PackPlace } from "./pack-head.ts";
import { type DoneCells, doneCells, type PackTexts, type SliceRow } from "./pack-store.ts";
import type { Packs } from "./packs.ts";

/** Versions of a job that goes as most do: accepted, claimed once, and succeeded. */
export const PACKED_VERSIONS = { queued: 1, running: 2, succeeded: 3 } as const;

/** A claim of a job that has never been claimed before. */
const FIRST = 1;

/** What a claim writes into the row of each job, as far as it is the same for all. Times in epoch ms. */
interface Claimed {
  lease: string;
  worker: string | null;
  begun: number;
  attempt_at: number;
  attempt_ends_at: number;
  lease_ends_at: number;
}

/** The rows of jobs of one pack, as they would be in `jobs`: read once, and then made one by one. */
export class PackRows {
  readonly #head: PackHead;
  readonly #texts: PackTexts;
  readonly #slices: readonly SliceRow[];
  readonly #done = new Map<number, ReadonlyMap<number, DoneCells>>();

  constructor(packs: Packs, head: PackHead) {
    this.#head = head;
    this.#texts = packs.texts(head);
    this.#slices = head.next === 0 ? [] : packs.store.slices(head.pack);
  }

  /** The row of a job that is not gone. `limited`: its queue has a limit, and running jobs count toward it. */
  row(at: number, limited: boolean): JobRow {
    const slice = this.#slices.find(({ first, n }) => first <= at && at < first + n);
    const accepted = this.#accepted(at);
    if (slice === undefined) return accepted;
    const running = startedRow(accepted, slice, limited);
    const done = this.#doneOf(slice).get(at);
    return done === undefined ? running : succeededRow(running, done);
  }

  #accepted(at: number): JobRow {
    const id = this.#texts.ids[at];
    if (id === undefined) throw new Error(`pack ${this.#head.pack} has no place ${at}`);
    return acceptedRow(this.#head, at, { id, payload: this.#texts.payload(at), spec: this.#texts.spec(at) });
  }

  #doneOf(slice: SliceRow): ReadonlyMap<number, DoneCells> {
    let cells = this.#done.get(slice.first);
    if (cells === undefined) {
      cells = new Map(doneCells(slice).map((done) => [done[0], done]));
      this.#done.set(slice.first, cells);
    }
    return cells;
  }
}

/** The row of one job. */
export function rowAt(packs: Packs, { head, at }: PackPlace, limited: boolean): JobRow {
  return new PackRows(packs, head).row(at, limited);
}

/** The row of a job as it was accepted. */
export function acceptedRow(
  head: PackHead,
  at: number,
  { id, payload, spec }: Pick<JobRow, "id" | "payload" | "spec">,
): JobRow {
  const { createdAt, seq, rank } = acceptedAt(head, at);
  return {
    id,
    queue: head.queue,
    partition: head.partition,
    slot: head.slot,
    seq,
    rank,
    state: TRANSITIONS.accept.to,
    blocked: 0,
    counts_toward_limit: 0,
    priority: head.priority,
    ordering_key: null,
    concurrency_key: null,
    dedup_key: null,
    fingerprint: null,
    due_at: null,
    version: PACKED_VERSIONS.queued,
    attempt: 0,
    spent_before: 0,
    lease: null,
    worker: null,
    attempt_at: null,
    attempt_ends_at: null,
    lease_ends_at: null,
    timeout_ms: head.timeoutMs,
    created_at: createdAt,
    run_at: createdAt,
    started_at: null,
    finished_at: null,
    expires_at: null,
    spec,
    error: null,
    attempts: "[]",
    truncated: 0,
    returned: 0,
    begun: BEGUN.yes,
    returns: null,
    result: null,
    payload,
  };
}

/** The row of a job that runs. */
export function startedRow(accepted: JobRow, claimed: Claimed, limited: boolean): JobRow {
  const { lease, worker, begun, attempt_at, attempt_ends_at, lease_ends_at } = claimed;
  return {
    ...accepted,
    state: TRANSITIONS.claim.to,
    counts_toward_limit: limited ? 1 : 0,
    due_at: Math.min(lease_ends_at, attempt_ends_at),
    version: PACKED_VERSIONS.running,
    attempt: FIRST,
    lease,
    worker,
    begun,
    attempt_at,
    attempt_ends_at,
    lease_ends_at,
    started_at: attempt_at,
  };
}

function succeededRow(running: JobRow, [, finishedAt, result, truncated, warning]: DoneCells): JobRow {
  return {
    ...running,
    state: TRANSITIONS.succeed.to,
    counts_toward_limit: 0,
    due_at: null,
    version: PACKED_VERSIONS.succeeded,
    finished_at: finishedAt,
    result,
    truncated,
    error: warning,
  };
}
