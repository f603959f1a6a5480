import { type SQL, sql } from "drizzle-orm";
import {
  jobsOfPage,
  MAX_PAGE_BYTES,
  PAGE_PARTS,
  type PageContent,
  type PagePart,
  pageContent,
  SPAN_CHARACTERS,
  type SucceededPage,
} from "../../contract/succeeded-page.ts";
import type { Job } from "../../domain/job/job.ts";
import { queueId } from "../../domain/queue.ts";
import type { HeavyColumns } from "./history-filter.ts";
import { type PageCodec, STREAM_CODEC } from "./page-codec.ts";

/** What is behind the common beginning of the ids of a page. */
const SUFFIX_CHARACTERS = 30 - SPAN_CHARACTERS;
/**
 * What a part of a page may be once it is opened: escaping makes a text six times as long at most, and beside the long
 * columns a job has keys, tags and times.
 */
const MAX_PART_BYTES = 8 * MAX_PAGE_BYTES;

/** A page of history as a query reads it, each part in hexadecimal, or null where it was not asked for. */
export interface PageRow extends Record<PagePart, string | null> {
  namespace: string;
  max_id: string;
  queue: string;
  ids: string;
}

export const WHOLE: HeavyColumns = { attempts: true, payload: true, result: true };
export const RECORDS_ALONE: HeavyColumns = { attempts: false, payload: false, result: false };

/** What a query selects for a `PageRow`. */
export function pageColumns({ attempts, payload, result }: HeavyColumns): SQL {
  const part = (name: PagePart, included: boolean) => sql.raw(`${included ? `hex(${name})` : "NULL"} AS ${name}`);
  return sql`namespace, max_id, queue, ids, ${part("records", true)}, ${part("attempts", attempts)},
    ${part("results", result)}, ${part("payloads", payload)}`;
}

/** The part of an id that a page spells out: it is found in `ids` of the page that has the job, and in no other's. */
export function suffixOf(id: string): string {
  return id.slice(SPAN_CHARACTERS);
}

/** The ids of a page, ascending. `maxId` is any of them. */
export function idsOf({ max_id: maxId, ids }: Pick<PageRow, "max_id" | "ids">): string[] {
  const prefix = maxId.slice(0, SPAN_CHARACTERS);
  return Array.from(
    { length: ids.length / SUFFIX_CHARACTERS },
    (_, i) => prefix + ids.slice(i * SUFFIX_CHARACTERS, (i + 1) * SUFFIX_CHARACTERS),
  );
}

/** The jobs of a page, ascending by id. Throws where its parts cannot be opened. */
export async function jobsIn(row: PageRow, codec: PageCodec = STREAM_CODEC): Promise<Job[]> {
  return jobsOfPage(await contentOf(row, codec));
}

async function contentOf(row: PageRow, codec: PageCodec): Promise<PageContent> {
  const ids = idsOf(row);
  const columns: PageContent["columns"] = { id: ids };
  await Promise.all(
    Object.keys(PAGE_PARTS).map(async (name) => {
      const part = name as PagePart;
      const hex = row[part];
      if (hex === null) return;
      const values = JSON.parse(await codec.unpack(hex, MAX_PART_BYTES)) as unknown[][];
      for (const [i, column] of PAGE_PARTS[part].entries()) columns[column] = values[i] ?? [];
    }),
  );
  const [queue = "", incarnation] = row.queue.split("@");
  const which = incarnation === undefined ? {} : { incarnation: Number(incarnation) };
  return { namespace: row.namespace, queue, ...which, n: ids.length, columns };
}

/** A page as it is written: its cells, the compressed ones in hexadecimal. */
export type PageCells = (string | number)[];

/** What `PageCells` are, in their order: columns of `history_pages`, each as SQL over a list called `r`. */
export const WRITTEN = {
  namespace: "r ->> 0",
  max_id: "r ->> 1",
  min_id: "r ->> 2",
  queue: "r ->> 3",
  n: "r ->> 4",
  finished_to: "r ->> 5",
  bytes: "r ->> 6",
  ids: "r ->> 7",
  records: "unhex(r ->> 8)",
  attempts: "unhex(r ->> 9)",
  results: "unhex(r ->> 10)",
  payloads: "unhex(r ->> 11)",
};

/**
 * A page from a shard as history keeps it, without the jobs that it has already; null where it has them all. Throws where
 * its columns are not those of `n` jobs.
 */
export async function pageCells(
  page: SucceededPage,
  existing: ReadonlySet<string>,
  codec: PageCodec,
): Promise<PageCells | null> {
  const content = pageContent(page);
  if (content.columns.id?.length !== page.n) throw new Error(`a page of ${page.n} jobs has other ids`);
  const left = existing.size === 0 ? content : without(content, existing);
  if (left.n === 0) return null;
  const ids = left.columns.id as string[];
  const [first = "", last = ""] = [ids[0], ids.at(-1)];
  const { namespace, queue, finishedTo, bytes } = page;
  const place = [namespace, last, first, queueId(queue, page)];
  return [...place, left.n, finishedTo, bytes, ids.map(suffixOf).join(""), ...(await packed(left, codec))];
}

function packed(page: PageContent, codec: PageCodec): Promise<[string, string, string, string]> {
  const pack = (part: PagePart) => codec.pack(JSON.stringify(PAGE_PARTS[part].map((name) => page.columns[name])));
  return Promise.all([pack("records"), pack("attempts"), pack("results"), pack("payloads")]);
}

/** What of a page is written anew when some of its jobs are taken out. Its `max_id` stays what it was. */
export interface ShorterPage extends Record<PagePart, string> {
  n: number;
  ids: string;
}

/** The page without some of its jobs; null where none is left. `row` has all parts. */
export async function pageWithout(
  row: PageRow,
  ids: ReadonlySet<string>,
  codec: PageCodec,
): Promise<ShorterPage | null> {
  const left = without(await contentOf(row, codec), ids);
  if (left.n === 0) return null;
  const [records, attempts, results, payloads] = await packed(left, codec);
  return { n: left.n, ids: (left.columns.id as string[]).map(suffixOf).join(""), records, attempts, results, payloads };
}

/** A page without some of its jobs. */
function without<Page extends PageContent>(page: Page, ids: ReadonlySet<string>): Page {
  const stays = (page.columns.id as string[]).map((id) => !ids.has(id));
  const columns = Object.entries(page.columns).map(([name, values]) => [
    name,
    values.length === 1 && page.n > 1 ? values : values.filter((_, i) => stays[i]),
  ]);
  return { ...page, n: stays.filter(Boolean).length, columns: Object.fromEntries(columns) as PageContent["columns"] };
}
