import { boundedAttempts } from "../domain/job/attempts.ts";
import type { Attempt, AttemptWarning, Job, RetryPolicy } from "../domain/job/job.ts";

/**
 * Succeeded jobs of one queue on their way from a shard to history, and in history itself: not a row a job but a column
 * a field, each a JSON array. A column has one value for each job, or one value alone that all of them have. The shard
 * writes the texts, nobody on the way looks into them, and whoever reads history takes them apart.
 *
 * The jobs of a page were made in the same 33 seconds (`pageSpan`), so that a job is looked for in few pages.
 */
export interface SucceededPage {
  namespace: string;
  /** The name, and which queue of that name it is: left out for the first. */
  queue: string;
  incarnation?: number;
  /** How many jobs are in it, `MAX_PAGE_JOBS` at most. */
  n: number;
  /** What their long columns take, in bytes of UTF-8, uncompressed. */
  bytes: number;
  /** When the last of them finished, epoch ms. */
  finishedTo: number;
  columns: Record<PageColumn, string>;
}

/** Jobs of one page at most: whoever reads one of them reads them all. */
export const MAX_PAGE_JOBS = 100;
/** Bytes of the long columns of a page at most, uncompressed. */
export const MAX_PAGE_BYTES = 256 * 1024;
/** A job whose long columns are larger than this has a row of its own. */
export const MAX_PAGED_JOB_BYTES = 64 * 1024;

/**
 * The columns by the part of a page in which history keeps them, so that a list reads no more than it shows. Of times
 * all but `createdAt` are told in milliseconds since that, which makes most of them small or the same.
 */
export const PAGE_PARTS = {
  records: [
    "version",
    "attempt",
    "delivery",
    "priority",
    "orderingKey",
    "concurrencyKey",
    "spec",
    "timeoutMs",
    "resultTruncated",
    "createdAt",
    "runAt",
    "startedAt",
    "finishedAt",
    "expiresAt",
  ],
  attempts: ["attemptAt", "worker", "warning", "earlier"],
  payloads: ["payload"],
  results: ["result"],
} as const;
export type PagePart = keyof typeof PAGE_PARTS;
export type PageColumn = "id" | (typeof PAGE_PARTS)[PagePart][number];

/** Some parts of a page, taken apart; the columns of a part that was not read are left out. */
export interface PageContent extends Pick<SucceededPage, "namespace" | "queue" | "incarnation" | "n"> {
  columns: Partial<Record<PageColumn, readonly unknown[]>>;
}

/** A page taken apart, its jobs in the order of their ids. Throws where a column is no JSON. */
export function pageContent({ columns, ...page }: SucceededPage): PageContent {
  const ids = JSON.parse(columns.id) as string[];
  const order = ids.map((_, i) => i).sort((a, b) => ((ids[a] ?? "") < (ids[b] ?? "") ? -1 : 1));
  const inOrder = order.every((place, i) => place === i);
  const values = Object.entries(columns).map(([name, text]) => {
    const column = JSON.parse(text) as unknown[];
    return [name, inOrder || column.length === 1 ? column : order.map((place) => column[place])];
  });
  return { ...page, columns: Object.fromEntries(values) as PageContent["columns"] };
}

/** What a submission fixes for good, as the shard has it (`JobSpec`). */
interface Spec {
  retry: RetryPolicy;
  tags: string[];
  idempotencyKey: string | null;
  parent?: string;
  depth?: number;
  traceparent?: string;
}

/**
 * The jobs of a page, in the order of its columns, as their shard had them. What was not read is the payload "null",
 * the result null, and no attempts; a payload that is null was not kept. Throws where the columns are not those of `n` jobs.
 */
export function jobsOfPage(page: PageContent): Job[] {
  const of = columnsOf(page);
  const ids = of<string>("id");
  const parts: JobParts = { head: headsOf(of), attempts: page.columns.attemptAt === undefined ? null : attemptsOf(of) };
  const payload = of<string | null>("payload");
  const isRead = page.columns.payload !== undefined;
  const result = of<string | null>("result");
  const { namespace, queue, incarnation } = page;
  const place = { namespace, queue, ...(incarnation === undefined ? {} : { incarnation }) };
  return Array.from({ length: page.n }, (_, i) => {
    const head = parts.head(i);
    return {
      id: ids(i) ?? "",
      ...place,
      ...head,
      payload: payload(i) ?? "null",
      ...(isRead && payload(i) === null ? { payloadKept: false as const } : {}),
      result: result(i) ?? null,
      attempts: parts.attempts?.(i, head) ?? [],
    };
  });
}

/** The ids that a page with this id may have: those from `from` on and before `to`. */
export function pageSpan(id: string): { from: string; to: string } {
  const prefix = id.slice(0, SPAN_CHARACTERS);
  return { from: prefix, to: `${prefix}~` };
}

/** "job_" and the time but for its last three characters of five bits: 32,768 ms. */
export const SPAN_CHARACTERS = 11;

type Column = <T>(name: PageColumn) => (i: number) => T | undefined;
type Head = Omit<Job, "id" | "namespace" | "queue" | "incarnation" | "payload" | "result" | "attempts">;

interface JobParts {
  head: (i: number) => Head;
  attempts: ((i: number, head: Head) => Attempt[]) | null;
}

function columnsOf({ n, columns }: PageContent): Column {
  return <T>(name: PageColumn) => {
    const values = columns[name] as readonly T[] | undefined;
    if (values === undefined) return () => undefined;
    if (values.length !== n && values.length !== 1) throw new Error(`a page of ${n} jobs has ${values.length} ${name}`);
    return values.length === 1 ? () => values[0] : (i: number) => values[i];
  };
}

/** JSON text that is the same for most jobs is parsed once for all of them. */
function parsed<T>(texts: (i: number) => string | undefined): (i: number) => T {
  let last: { text: string; value: T } | null = null;
  return (i) => {
    const text = texts(i) ?? "null";
    if (last?.text !== text) last = { text, value: JSON.parse(text) as T };
    return last.value;
  };
}

function headsOf(of: Column): JobParts["head"] {
  const [version, attempt, delivery, priority] = [
    of<number>("version"),
    of<number>("attempt"),
    of<number>("delivery"),
    of<number>("priority"),
  ];
  const [orderingKey, concurrencyKey] = [of<string | null>("orderingKey"), of<string | null>("concurrencyKey")];
  const [timeoutMs, truncated, createdAt] = [
    of<number>("timeoutMs"),
    of<number>("resultTruncated"),
    of<number>("createdAt"),
  ];
  const spec = parsed<Spec>(of<string>("spec"));
  const times = {
    run: since(of, "runAt"),
    started: since(of, "startedAt"),
    finished: since(of, "finishedAt"),
    expires: since(of, "expiresAt"),
  };
  return (i) => {
    const { retry, tags, idempotencyKey, parent, depth, traceparent } = spec(i);
    return {
      state: "succeeded",
      version: version(i) ?? 0,
      attempt: attempt(i) ?? 0,
      delivery: delivery(i) ?? 0,
      priority: priority(i) ?? 0,
      orderingKey: orderingKey(i) ?? null,
      concurrencyKey: concurrencyKey(i) ?? null,
      dedupKey: null,
      idempotencyKey,
      ...(parent === undefined ? {} : { parent }),
      ...(depth === undefined ? {} : { depth }),
      ...(traceparent === undefined ? {} : { traceparent }),
      tags,
      timeoutMs: timeoutMs(i) ?? 0,
      retry,
      resultTruncated: truncated(i) === 1,
      error: null,
      createdAt: createdAt(i) ?? 0,
      runAt: times.run(i) ?? 0,
      startedAt: times.started(i),
      finishedAt: times.finished(i),
      expiresAt: times.expires(i),
      leaseExpiresAt: null,
    };
  };
}

/** A time that is told since `createdAt`. */
function since(of: Column, name: PageColumn): (i: number) => number | null {
  const createdAt = of<number>("createdAt");
  const after = of<number | null>(name);
  return (i) => {
    const ms = after(i) ?? null;
    return ms === null ? null : (createdAt(i) ?? 0) + ms;
  };
}

/** As the shard tells them: those that ended without success, and the one that succeeded. */
function attemptsOf(of: Column): (i: number, head: Head) => Attempt[] {
  const startedAt = since(of, "attemptAt");
  const worker = of<string | null>("worker");
  const warnings = of<string | null>("warning");
  const warning = parsed<AttemptWarning | null>((i) => warnings(i) ?? undefined);
  const earlier = parsed<Attempt[]>(of<string>("earlier"));
  return (i, { attempt, createdAt, finishedAt }) => {
    const attempts = [...earlier(i)];
    const warned = warning(i);
    if (attempt > (attempts.at(-1)?.number ?? 0)) {
      attempts.push({
        number: attempt,
        startedAt: startedAt(i) ?? createdAt,
        finishedAt,
        outcome: "succeeded",
        error: null,
        worker: worker(i) ?? null,
        ...(warned === null ? {} : { warning: warned }),
      });
    }
    return boundedAttempts(attempts);
  };
}
