import type { Sql, SqlRow } from "../../../sql.ts";
import { liveOf, NO_PLACES, NO_SLICES, type OpenSlice, openPlaces, type PackHead } from "./pack-head.ts";
import { type Segment, Segments } from "./segments.ts";

/** The texts of a pack's jobs, by their places. */
export interface PackTexts {
  readonly ids: readonly string[];
  payload(at: number): string;
  spec(at: number): string;
}

/** A success as a slice keeps it. `result` and `warning` are JSON texts. */
export type DoneCells = [
  at: number,
  finishedAt: number,
  result: string | null,
  truncated: 0 | 1,
  warning: string | null,
];

/** A slice as its row has it. */
export interface SliceRow extends SqlRow {
  pack: number;
  first: number;
  slot: number;
  n: number;
  open: number;
  begun: number;
  attempt_at: number;
  attempt_ends_at: number;
  lease_ends_at: number;
  last_at: number | null;
  bytes: number;
  lease: string;
  worker: string | null;
  done: string;
}

/** What a claim writes of a slice. */
export type NewSlice = Pick<
  SliceRow,
  | "pack"
  | "first"
  | "slot"
  | "n"
  | "open"
  | "begun"
  | "attempt_at"
  | "attempt_ends_at"
  | "lease_ends_at"
  | "lease"
  | "worker"
>;

interface PackRow extends SqlRow {
  pack: number;
  slot: number;
  queue: number;
  partition: number;
  priority: number;
  timeout_ms: number;
  n: number;
  bytes: number;
  min_id: string;
  max_id: string;
  segments: string;
  gone: string | null;
  spec: string | null;
}

/** A job that is to be written into a pack. */
export interface PackedJob {
  id: string;
  payload: string;
  spec: string;
}

const HEAD_COLUMNS =
  "pack, slot, queue, partition, priority, timeout_ms, n, bytes, min_id, max_id, segments, gone, spec";
const SLICE_COLUMNS =
  "pack, first, slot, n, open, begun, attempt_at, attempt_ends_at, lease_ends_at, last_at, bytes, lease, worker";

/** Packs read at once when the object starts: each may have a hundred slices. */
const PACKS_AT_ONCE = 100;

/** Every statement on packs and slices. One row each, unless it says otherwise. */
export class PackStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** All packs, each with what makes its head. */
  *all(): Generator<{ pack: number; make: () => PackHead }, void> {
    for (let after = -1; ; ) {
      const page = this.page(after, PACKS_AT_ONCE);
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.pack;
    }
  }

  /**
   * The packs above `after`, in the order of their numbers, each with how many slices it has, and with what makes its head. That
   * throws where one cannot be read. Results are read of slices alone in which some job still runs: all of them would be more
   * than the object has memory for.
   */
  page(after: number, limit: number): { pack: number; slices: number; make: () => PackHead }[] {
    const query = `SELECT ${HEAD_COLUMNS} FROM packs WHERE pack > ? ORDER BY pack LIMIT +?`;
    const rows = this.#sql.all<PackRow>(query, after, limit);
    const [first, last] = [rows[0]?.pack ?? 0, rows.at(-1)?.pack ?? 0];
    const slices = this.#sql.all<SliceRow>(
      `SELECT ${SLICE_COLUMNS}, iif(open > 0, done, '') AS done FROM slices WHERE pack >= ? AND pack <= ? ORDER BY pack, first`,
      first,
      last,
    );
    const byPack = Map.groupBy(slices, ({ pack }) => pack);
    return rows.map((row) => {
      const ofPack = byPack.get(row.pack) ?? [];
      return { pack: row.pack, slices: ofPack.length, make: () => headOf(row, ofPack) };
    });
  }

  insert(head: PackHead, jobs: readonly PackedJob[]): void {
    const { ids, lengths, payloads, specs } = textsOf(head, jobs);
    this.#sql.run(
      `INSERT INTO packs (${HEAD_COLUMNS}, ids, lengths, payloads, specs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)`,
      head.pack,
      head.slot,
      head.queue,
      head.partition,
      head.priority,
      head.timeoutMs,
      head.n,
      head.bytes,
      head.minId,
      head.maxId,
      JSON.stringify(head.segments),
      head.spec,
      ids,
      lengths,
      payloads,
      specs,
    );
  }

  /** Puts jobs at the end of a pack, whose head has them already. */
  extend(head: PackHead, jobs: readonly PackedJob[]): void {
    const { ids, lengths, payloads, specs } = textsOf(head, jobs);
    this.#sql.run(
      `UPDATE packs SET n = ?, bytes = ?, min_id = ?, max_id = ?, segments = ?, ids = ids || ',' || ?, lengths = lengths || ',' || ?,
         payloads = payloads || ?, specs = specs || ',' || ? WHERE pack = ?`,
      head.n,
      head.bytes,
      head.minId,
      head.maxId,
      JSON.stringify(head.segments),
      ids,
      lengths,
      payloads,
      specs,
      head.pack,
    );
  }

  /** Writes which jobs are rows by now, and what the others take. */
  saveGone({ pack, gone, bytes }: PackHead): void {
    this.#sql.run("UPDATE packs SET gone = ?, bytes = ? WHERE pack = ?", JSON.stringify([...gone]), bytes, pack);
  }

  insertSlice(row: NewSlice): void {
    this.#sql.run(
      `INSERT INTO slices (pack, first, slot, n, open, begun, attempt_at, attempt_ends_at, lease_ends_at, lease, worker)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.pack,
      row.first,
      row.slot,
      row.n,
      row.open,
      row.begun,
      row.attempt_at,
      row.attempt_ends_at,
      row.lease_ends_at,
      row.lease,
      row.worker,
    );
  }

  /**
   * Adds successes to a slice: fence and effect in one statement. False when its lease is another, or has ended.
   * `now` is epoch ms, `bytes` what the results take.
   */
  addDone(
    pack: number,
    { first, nonce }: OpenSlice,
    { done, bytes, now }: { done: DoneCells[]; bytes: number; now: number },
  ): boolean {
    const written = this.#sql.all(
      `UPDATE slices SET done = done || iif(done = '', '', ',') || ?, open = open - ?, bytes = bytes + ?, last_at = ?
       WHERE pack = ? AND first = ? AND lease = ? AND min(lease_ends_at, attempt_ends_at) > ? RETURNING 1 AS written`,
      done.map((cells) => JSON.stringify(cells)).join(","),
      done.length,
      bytes,
      now,
      pack,
      first,
      nonce,
      now,
    );
    return written.length === 1;
  }

  /** Jobs of a slice have become rows: so many run no more in it, and their results take nothing in it. */
  leaveSlice(pack: number, first: number, { open, bytes }: { open: number; bytes: number }): void {
    this.#sql.run(
      "UPDATE slices SET open = open - ?, bytes = bytes - ? WHERE pack = ? AND first = ?",
      open,
      bytes,
      pack,
      first,
    );
  }

  /** The slice that has a place; null when none has. */
  sliceOf(pack: number, at: number): number | null {
    const query = "SELECT first FROM slices WHERE pack = ? AND first <= ? ORDER BY first DESC LIMIT 1";
    return this.#sql.all<{ first: number }>(query, pack, at)[0]?.first ?? null;
  }

  /** The claim of a place that has been claimed; null when its slice is not there. */
  claimAt(pack: number, at: number): { nonce: string; begun: number } | null {
    const query = `SELECT lease AS nonce, begun FROM slices WHERE pack = ? AND first <= ? AND first + n > ?
      ORDER BY first DESC LIMIT 1`;
    return this.#sql.all<{ nonce: string; begun: number }>(query, pack, at, at)[0] ?? null;
  }

  slices(pack: number): SliceRow[] {
    return this.#sql.all<SliceRow>(`SELECT ${SLICE_COLUMNS}, done FROM slices WHERE pack = ? ORDER BY first`, pack);
  }

  texts({ pack, spec }: PackHead): PackTexts {
    const row = this.#sql.all<{ ids: string; lengths: string; specs: string | null; payloads: string }>(
      "SELECT ids, lengths, specs, payloads FROM packs WHERE pack = ?",
      pack,
    )[0];
    if (row === undefined) throw new Error(`pack ${pack} has no row`);
    return new StoredTexts(row, spec);
  }

  ids({ pack }: PackHead): string[] {
    const row = this.#sql.all<{ ids: string }>("SELECT ids FROM packs WHERE pack = ?", pack)[0];
    if (row === undefined) throw new Error(`pack ${pack} has no row`);
    return row.ids.split(",");
  }

  /** Removes a pack and its slices, and answers what its jobs took. A row for the pack and for each slice. */
  remove({ pack, bytes }: PackHead): number {
    const slices = this.#sql.all<{ bytes: number }>("DELETE FROM slices WHERE pack = ? RETURNING bytes", pack);
    this.#sql.run("DELETE FROM packs WHERE pack = ?", pack);
    return slices.reduce((sum, slice) => sum + slice.bytes, bytes);
  }
}

/** Cells of what a slice says of its successes. */
export function doneCells({ done }: Pick<SliceRow, "done">): DoneCells[] {
  return JSON.parse(`[${done}]`) as DoneCells[];
}

function textsOf({ spec }: PackHead, jobs: readonly PackedJob[]) {
  return {
    ids: jobs.map(({ id }) => id).join(","),
    lengths: jobs.map(({ payload }) => payload.length).join(","),
    payloads: jobs.map(({ payload }) => payload).join(""),
    specs: spec === null ? jobs.map((job) => JSON.stringify(job.spec)).join(",") : null,
  };
}

class StoredTexts implements PackTexts {
  readonly ids: readonly string[];
  readonly #payloads: string;
  readonly #spec: string | null;
  readonly #specs: readonly string[];
  /** Where each payload ends. */
  readonly #ends: number[] = [];

  constructor(row: { ids: string; lengths: string; specs: string | null; payloads: string }, spec: string | null) {
    this.ids = row.ids.split(",");
    this.#payloads = row.payloads;
    this.#spec = spec;
    this.#specs = row.specs === null ? [] : (JSON.parse(`[${row.specs}]`) as string[]);
    if (spec === null && (this.#specs.length !== this.ids.length || this.#specs.some((one) => typeof one !== "string")))
      throw new Error("a pack has specs of other jobs");
    let end = 0;
    for (const length of row.lengths.split(",")) {
      end += Number(length);
      this.#ends.push(end);
    }
    if (end !== row.payloads.length) throw new Error("a pack has other payloads than it has written down");
  }

  payload(at: number): string {
    return this.#payloads.slice(at === 0 ? 0 : this.#ends[at - 1], this.#ends[at]);
  }

  spec(at: number): string {
    const spec = this.#spec ?? this.#specs[at];
    if (spec === undefined) throw new Error("a job of a pack has no spec");
    return spec;
  }
}

function headOf(row: PackRow, slices: readonly SliceRow[]): PackHead {
  const gone = row.gone === null ? NO_PLACES : new Set(placesIn(row.gone, row.n));
  const next = slices.reduce((end, { first, n }) => Math.max(end, first + n), 0);
  // By what the places say: a slice that is open, and has no job that is, would be due for ever.
  const open = slices
    .filter((row) => row.open > 0)
    .map((row) => {
      const slice = openSlice(row);
      return { slice, jobs: [...openPlaces({ gone }, slice)].length };
    })
    .filter(({ jobs }) => jobs > 0);
  let waiting = 0;
  for (let at = next; at < row.n; at++) if (!gone.has(at)) waiting += 1;
  const running = open.reduce((sum, { jobs }) => sum + jobs, 0);
  const head: PackHead = {
    pack: row.pack,
    slot: row.slot,
    queue: row.queue,
    partition: row.partition,
    priority: row.priority,
    timeoutMs: row.timeout_ms,
    n: row.n,
    bytes: row.bytes,
    minId: row.min_id,
    // Of one job one text, which two columns have.
    maxId: row.max_id === row.min_id ? row.min_id : row.max_id,
    segments: new Segments(segmentsIn(row.segments, row.n)),
    spec: row.spec,
    gone,
    next,
    slices: open.length === 0 ? NO_SLICES : open.map(({ slice }) => slice),
    waiting,
    running,
    done: row.n - gone.size - waiting - running,
    mixedSince: null,
    lastDoneAt: slices.reduce<number | null>((at, { last_at }) => Math.max(at ?? 0, last_at ?? 0) || at, null),
    // The step in which the last of its jobs ends writes it into the log.
    logged: waiting + running === 0,
  };
  const firstDoneAt = slices.reduce((at, { last_at }) => Math.min(at, last_at ?? at), Number.POSITIVE_INFINITY);
  return { ...head, mixedSince: mixedSince(head, firstDoneAt) };
}

/** Throws where these are no places of a pack: a job whose row is overlooked would run twice. */
function placesIn(text: string, n: number): number[] {
  const places: unknown = JSON.parse(text);
  const isPlace = (at: unknown) => Number.isSafeInteger(at) && 0 <= Number(at) && Number(at) < n;
  if (!Array.isArray(places) || !places.every(isPlace)) throw new Error("a pack names jobs that it never had");
  return places as number[];
}

/** Throws where these are not the segments of as many jobs: claims ask for the rank of each. */
function segmentsIn(text: string, n: number): Segment[] {
  const segments = JSON.parse(text) as Segment[];
  const jobs = segments.reduce((sum, [jobs]) => sum + jobs, 0);
  const isWhole = (segment: Segment) => segment.length === 4 && segment.every(Number.isFinite);
  if (jobs !== n || !segments.every(isWhole)) throw new Error("a pack has segments of other jobs");
  return segments;
}

function openSlice(row: SliceRow): OpenSlice {
  return {
    first: row.first,
    n: row.n,
    nonce: row.lease,
    begun: row.begun,
    dueAt: Math.min(row.lease_ends_at, row.attempt_ends_at),
    done: new Set(doneCells(row).map(([at]) => at)),
    bytes: row.bytes,
  };
}

/** Since when a pack is partly done: since before, or since `at` (epoch ms). */
export function mixedSince(head: PackHead, at: number): number | null {
  return head.done > 0 && liveOf(head) > 0 ? (head.mixedSince ?? at) : null;
}
