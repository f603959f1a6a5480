import { utf8Bytes } from "../../../contract/primitives.ts";
import {
  MAX_PAGE_BYTES,
  MAX_PAGE_JOBS,
  MAX_PAGED_JOB_BYTES,
  PAGE_PARTS,
  type PageColumn,
  pageSpan,
  type SucceededPage,
} from "../../../contract/succeeded-page.ts";
import { isPlatformFault } from "../../../domain/fault.ts";
import type { RowState } from "../../../domain/job/state.ts";
import type { SqlRow, SqlValue } from "../../sql.ts";
import type { Parts } from "../kernel/part.ts";
import { readable } from "../kernel/quarantine.ts";
import { QUEUES } from "../queues/queue-store.ts";
import type { JobRow } from "./job-row.ts";
import { EACH_JOB, JOBS } from "./job-store.ts";
import { PACKS } from "./packs/packs.ts";
import { IS_READABLE } from "./row-store.ts";

/** What is asked of a finished job before it goes to history. */
export interface FinishedHead extends HeadColumns {
  /** Of a packed job, as it would be in `jobs` and goes to history. */
  row?: JobRow<RowState>;
}

interface HeadColumns {
  id: string;
  /** The queue's ref. */
  queue: number;
  version: number;
  state: string;
  /** Of its long columns, in bytes of UTF-8. */
  bytes: number;
  /** 1 where it may go in a page, 0 where it needs a row of its own. */
  paged: number;
  /** 1 where it lies in a pack, and has no row in `jobs`. */
  packed: number;
}

/** `?2` has the refs of the queues whose payloads are not kept. */
const PAYLOAD = "iif(jobs.queue IN (SELECT value FROM json_each(?2)), NULL, payload)";
const BYTES = `coalesce(octet_length(${PAYLOAD}), 0) + coalesce(octet_length(result), 0) + octet_length(attempts)`;

/** A deduplication key may answer for longer than its queue's retention, which is said of a row alone. */
const HEADS = `SELECT id, queue, version, state, ${BYTES} AS bytes,
    state = 'succeeded' AND dedup_key IS NULL AND ${BYTES} <= ${MAX_PAGED_JOB_BYTES} AND ${IS_READABLE} AS paged, 0 AS packed
  FROM jobs WHERE id IN (SELECT value FROM json_each(?1))`;

/** The finished jobs of these that the shard still has, by their ids. */
export function finishedHeads(parts: Parts, ids: readonly string[], now: number): Map<string, FinishedHead> {
  const packs = parts.get(PACKS);
  const packed = packs.any ? ids.filter((id) => packs.find(id) !== null) : [];
  const inPacks = new Set(packed);
  const others = packed.length === 0 ? ids : ids.filter((id) => !inPacks.has(id));
  const heads =
    others.length === 0
      ? []
      : parts.sql.all<HeadColumns & SqlRow>(HEADS, JSON.stringify(others), withoutPayload(parts));
  const rows = packed.length === 0 ? [] : packedRows(parts, packed, now).map((row) => kept(parts, row));
  return new Map([...heads, ...rows.map(packedHead)].map((head: FinishedHead) => [head.id, head]));
}

/** The rows of packed jobs, as they would be in `jobs`. Those of a pack that cannot be read are left out, and it is set aside. */
function packedRows(parts: Parts, ids: readonly string[], now: number): JobRow<RowState>[] {
  try {
    return parts.get(JOBS).rows(ids);
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    const one = (id: string) =>
      readable(parts, { kind: EACH_JOB.kind, key: id }, { now, make: () => parts.get(JOBS).rows([id]) });
    return ids.flatMap((id) => one(id) ?? []);
  }
}

/** The refs of the queues whose payloads history does not keep, as a JSON array. Most shards have none. */
function withoutPayload(parts: Parts): string {
  const queues = parts.get(QUEUES).all();
  return JSON.stringify(queues.flatMap(({ ref, settings }) => (settings.keepPayload === false ? ref : [])));
}

/** In the place of a payload that is not kept: no JSON text is empty. */
const NO_PAYLOAD = "";

/** What of a packed job goes to history. */
function kept(parts: Parts, row: JobRow<RowState>): JobRow<RowState> {
  return parts.get(QUEUES).get(row.queue).settings.keepPayload === false ? { ...row, payload: NO_PAYLOAD } : row;
}

function bytesOf({ payload, result, attempts }: JobRow<RowState>): number {
  return utf8Bytes(payload) + utf8Bytes(result ?? "") + utf8Bytes(attempts);
}

function packedHead(row: JobRow<RowState>): FinishedHead {
  const { id, queue, version, state } = row;
  const bytes = bytesOf(row);
  return { id, queue, version, state, bytes, paged: bytes <= MAX_PAGED_JOB_BYTES ? 1 : 0, packed: 1, row };
}

/** A job's earlier attempts without what its leases were made of. Most have none. */
const EARLIER = `iif(attempts = '[]', attempts,
  (SELECT json_group_array(json_remove(value, '$.nonce', '$.delivery')) || '' FROM json_each(attempts)))`;

/** Each column of a page as SQL over a row of `jobs`. */
const EXPRESSIONS: Record<PageColumn, string> = {
  id: "jobs.id",
  version: "version",
  attempt: "attempt",
  delivery: "attempt + returned",
  priority: "priority",
  orderingKey: "ordering_key",
  concurrencyKey: "concurrency_key",
  spec: "spec",
  timeoutMs: "timeout_ms",
  resultTruncated: "truncated",
  createdAt: "created_at",
  runAt: "run_at - created_at",
  startedAt: "started_at - created_at",
  finishedAt: "finished_at - created_at",
  expiresAt: "expires_at - created_at",
  attemptAt: "attempt_at - created_at",
  worker: "worker",
  warning: "error",
  earlier: EARLIER,
  payload: PAYLOAD,
  result: "result",
};

const COLUMNS: PageColumn[] = ["id", ...Object.values(PAGE_PARTS).flat()];

/** A column as JSON: one value where all jobs have the same. */
function columnOf(name: PageColumn): string {
  const value = EXPRESSIONS[name];
  return `iif(min(${value}) IS max(${value}) AND count(${value}) IN (0, count(*)), json_array(min(${value})),
    json_group_array(${value})) AS ${name}`;
}

/** The pages of a list of [id, number of its page]. SQLite writes their texts: no object is made of a job. */
const PAGES = `SELECT jobs.queue AS queue, count(*) AS n, max(finished_at) AS finishedTo, sum(${BYTES}) AS bytes,
    ${COLUMNS.map(columnOf).join(", ")}
  FROM json_each(?1) AS listed JOIN jobs ON jobs.id = listed.value ->> 0 GROUP BY listed.value ->> 1`;

type PageRow = SqlRow & { queue: number; n: number; finishedTo: number; bytes: number } & Record<PageColumn, string>;

/**
 * Succeeded jobs as pages for history: those of one queue that were made at about the same time together. Null where they
 * cannot be made of these rows: then each goes for itself, and what is wrong with one is found.
 */
export function succeededPages(parts: Parts, heads: readonly FinishedHead[]): SucceededPage[] | null {
  if (heads.length === 0) return [];
  const packed = heads.filter((head) => head.packed === 1);
  const rows = packed.length === 0 ? heads : heads.filter((head) => head.packed === 0);
  try {
    return [...pagesOfRows(parts, rows), ...pagesOfPacked(parts, packed)];
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    return null;
  }
}

function pagesOfRows(parts: Parts, heads: readonly FinishedHead[]): SucceededPage[] {
  if (heads.length === 0) return [];
  const rows = parts.sql.all<PageRow>(PAGES, JSON.stringify(numbered(heads)), withoutPayload(parts));
  return rows.map(({ queue, n, finishedTo, bytes, ...columns }) => ({
    ...ownerOf(parts, queue),
    n,
    finishedTo,
    bytes,
    columns,
  }));
}

function ownerOf(parts: Parts, queue: number): Pick<SucceededPage, "namespace" | "queue" | "incarnation"> {
  const { namespace, name, incarnation } = parts.get(QUEUES).get(queue).settings;
  return { namespace, queue: name, ...(incarnation === undefined ? {} : { incarnation }) };
}

function pagesOfPacked(parts: Parts, heads: readonly FinishedHead[]): SucceededPage[] {
  if (heads.length === 0) return [];
  const byId = new Map(heads.map((head) => [head.id, head]));
  const pages = Map.groupBy(numbered(heads), ([, page]) => page);
  return [...pages.values()].flatMap((ofPage) => {
    const ofThese = ofPage.flatMap(([id]) => byId.get(id) ?? []);
    const own = ofThese.flatMap(({ row }) => row ?? []);
    const [first] = own;
    if (first === undefined) return [];
    const finishedTo = own.reduce((latest, row) => Math.max(latest, row.finished_at ?? 0), 0);
    const bytes = ofThese.reduce((sum, head) => sum + head.bytes, 0);
    const column = (name: PageColumn) => [name, columnText(own.map(VALUES[name]))] as const;
    const columns = Object.fromEntries(COLUMNS.map(column)) as Record<PageColumn, string>;
    return { ...ownerOf(parts, first.queue), n: own.length, finishedTo, bytes, columns };
  });
}

/** As `columnOf` has it: one value where all jobs have the same. */
function columnText(values: readonly SqlValue[]): string {
  const [first] = values;
  return JSON.stringify(values.every((value) => value === first) ? [first] : values);
}

type ValueOf = (row: JobRow<RowState>) => SqlValue;

const sinceCreated =
  (of: (row: JobRow<RowState>) => number | null): ValueOf =>
  (row) => {
    const at = of(row);
    return at === null ? null : at - row.created_at;
  };

/** Each column of a page, of a row as it would be in `jobs`. */
const VALUES: Record<PageColumn, ValueOf> = {
  id: ({ id }) => id,
  version: ({ version }) => version,
  attempt: ({ attempt }) => attempt,
  delivery: ({ attempt, returned }) => attempt + returned,
  priority: ({ priority }) => priority,
  orderingKey: ({ ordering_key }) => ordering_key,
  concurrencyKey: ({ concurrency_key }) => concurrency_key,
  spec: ({ spec }) => spec,
  timeoutMs: ({ timeout_ms }) => timeout_ms,
  resultTruncated: ({ truncated }) => truncated,
  createdAt: ({ created_at }) => created_at,
  runAt: sinceCreated(({ run_at }) => run_at),
  startedAt: sinceCreated(({ started_at }) => started_at),
  finishedAt: sinceCreated(({ finished_at }) => finished_at),
  expiresAt: sinceCreated(({ expires_at }) => expires_at),
  attemptAt: sinceCreated(({ attempt_at }) => attempt_at),
  worker: ({ worker }) => worker,
  warning: ({ error }) => error,
  earlier: ({ attempts }) => attempts,
  payload: ({ payload }) => (payload === NO_PAYLOAD ? null : payload),
  result: ({ result }) => result,
};

/** Each job with the number of its page. */
function numbered(heads: readonly FinishedHead[]): [id: string, page: number][] {
  const open = new Map<string, { page: number; jobs: number; bytes: number }>();
  let pages = 0;
  return heads.map(({ id, queue, bytes }) => {
    const key = `${queue} ${pageSpan(id).from}`;
    let last = open.get(key);
    if (last === undefined || last.jobs === MAX_PAGE_JOBS || last.bytes + bytes > MAX_PAGE_BYTES) {
      last = { page: pages++, jobs: 0, bytes: 0 };
      open.set(key, last);
    }
    last.jobs += 1;
    last.bytes += bytes;
    return [id, last.page];
  });
}
