/** The text in which finished jobs go to history, and lie there, made and read back for tests. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { HISTORY_COLUMNS, historyCells } from "../../contract/history.ts";
import type { FinishedReply } from "../../contract/rpc.ts";
import {
  jobsOfPage,
  PAGE_PARTS,
  type PageContent,
  type PagePart,
  pageContent,
  type SucceededPage,
} from "../../contract/succeeded-page.ts";
import type { Attempt, Job } from "../../domain/job/job.ts";
import { inChunks } from "../../durable-objects/chunks.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import type { PageCodec } from "../../workers/db/page-codec.ts";
import { idsOf } from "../../workers/db/page-rows.ts";

export function chunksOf(...jobs: Job[]): string[] {
  return inChunks(jobs.map(historyCells));
}

export function jobsIn(chunks: string[]): Job[] {
  return chunks.flatMap((chunk) => (JSON.parse(chunk) as (string | number | null)[][]).map(jobOf));
}

function jobOf(cells: (string | number | null)[]): Job {
  const [record, payload, result, attempts] = cells.slice(HISTORY_COLUMNS.indexOf("record"));
  return {
    ...(JSON.parse(String(record)) as Omit<Job, "payload" | "result" | "attempts">),
    payload: String(payload),
    result: result === null || result === undefined ? null : String(result),
    attempts: JSON.parse(String(attempts)) as Attempt[],
  };
}

/** Both kinds of jobs in a reply. */
export function finishedIn({ chunks, pages = [] }: Pick<FinishedReply, "chunks" | "pages">): Job[] {
  return [...jobsIn(chunks), ...pages.flatMap((page) => jobsOfPage(pageContent(page)))];
}

/** Compresses while it is asked: a simulated clock waits for no stream. */
export const SYNC_CODEC: PageCodec = {
  pack: async (text) => deflateRawSync(text).toString("hex"),
  unpack: async (hex, maxOutputLength) => inflateRawSync(Buffer.from(hex, "hex"), { maxOutputLength }).toString(),
};

/** All jobs that lie in pages of history. */
export function pagedJobs(sql: Pick<Sql, "all">): Job[] {
  const parts = Object.keys(PAGE_PARTS) as PagePart[];
  const hex = parts.map((part) => `hex(${part}) AS ${part}`).join(", ");
  const rows = sql.all<Record<PagePart | "namespace" | "max_id" | "queue" | "ids", string>>(
    `SELECT namespace, max_id, queue, ids, ${hex} FROM history_pages ORDER BY namespace, max_id`,
  );
  return rows.flatMap((row) => {
    const ids = idsOf(row);
    const columns: PageContent["columns"] = { id: ids };
    for (const part of parts) {
      const values = JSON.parse(inflateRawSync(Buffer.from(row[part], "hex")).toString()) as unknown[][];
      for (const [i, name] of PAGE_PARTS[part].entries()) columns[name] = values[i] ?? [];
    }
    const [queue = "", incarnation] = row.queue.split("@");
    const which = incarnation === undefined ? {} : { incarnation: Number(incarnation) };
    return jobsOfPage({ namespace: row.namespace, queue, ...which, n: ids.length, columns });
  });
}

/** Succeeded jobs of one queue, made at about the same time, as a shard gives them. */
export function pageOf(...jobs: Job[]): SucceededPage {
  const [first] = jobs;
  const column = (of: (job: Job) => unknown) => {
    const values = jobs.map(of);
    return JSON.stringify(values.every((value) => value === values[0]) ? values.slice(0, 1) : values);
  };
  const since = (job: Job, at: number | null) => (at === null ? null : at - job.createdAt);
  const last = ({ attempts }: Job) => attempts.at(-1);
  return {
    namespace: first?.namespace ?? "",
    queue: first?.queue ?? "",
    ...(first?.incarnation === undefined ? {} : { incarnation: first.incarnation }),
    n: jobs.length,
    finishedTo: Math.max(...jobs.map(({ finishedAt }) => finishedAt ?? 0)),
    bytes: jobs.reduce((sum, { payload, result }) => sum + payload.length + (result?.length ?? 0), 0),
    columns: {
      id: JSON.stringify(jobs.map(({ id }) => id)),
      version: column(({ version }) => version),
      attempt: column(({ attempt }) => attempt),
      delivery: column(({ delivery }) => delivery),
      priority: column(({ priority }) => priority),
      orderingKey: column(({ orderingKey }) => orderingKey),
      concurrencyKey: column(({ concurrencyKey }) => concurrencyKey),
      spec: column(({ retry, tags, idempotencyKey }) => JSON.stringify({ retry, tags, idempotencyKey })),
      timeoutMs: column(({ timeoutMs }) => timeoutMs),
      resultTruncated: column(({ resultTruncated }) => (resultTruncated ? 1 : 0)),
      createdAt: column(({ createdAt }) => createdAt),
      runAt: column((job) => since(job, job.runAt)),
      startedAt: column((job) => since(job, job.startedAt)),
      finishedAt: column((job) => since(job, job.finishedAt)),
      expiresAt: column((job) => since(job, job.expiresAt)),
      attemptAt: column((job) => since(job, last(job)?.startedAt ?? null)),
      worker: column((job) => last(job)?.worker ?? null),
      warning: column((job) => (last(job)?.warning === undefined ? null : JSON.stringify(last(job)?.warning))),
      earlier: column(({ attempts }) => JSON.stringify(attempts.slice(0, -1))),
      payload: column(({ payload }) => payload),
      result: column(({ result }) => result),
    },
  };
}
