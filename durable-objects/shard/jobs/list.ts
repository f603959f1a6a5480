import type { ListReply, ListRequest } from "../../../contract/rpc.ts";
import type { RowState } from "../../../domain/job/state.ts";
import { firstJobIdAt } from "../../../domain/job-id.ts";
import type { Parts } from "../kernel/part.ts";
import { readable } from "../kernel/quarantine.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { COUNTS } from "./counts.ts";
import { isKept, type JobHead, type JobRow, type JobSpec, toJob } from "./job-row.ts";
import { EACH_JOB, JOBS } from "./job-store.ts";
import type { PackHead } from "./packs/pack-head.ts";
import { PACKS } from "./packs/packs.ts";
import { PROGRESS } from "./progress-store.ts";
import { nextOf, type WalkedIndex, walkIds } from "./walk-queues.ts";

/** Rows looked at for one page: a filter that matches little ends the page early, with the place it came to. */
const LOOKED_AT_PER_PAGE = 500;
/** Rows read at once: few while each may be the last of the page, and few of those with a payload of up to 256 KiB. */
const LEAST_AT_ONCE = 20;
const MOST_AT_ONCE = 500;
const WHOLE_AT_ONCE = 20;
/**
 * A page must fit in one RPC (32 MiB), where a character may take two bytes: with room to spare, as the last job of a page may
 * be of the largest.
 */
const PAGE_CHARACTERS = 8 * 1024 * 1024;
/** Of a job without its long texts: keys, tags, and what its worker said last. */
const HEAD_CHARACTERS = 4 * 1024;

/**
 * A page of jobs, newest id first. It reads the rows of its namespace's queues, or of the one queue, and of no others; at most
 * `LOOKED_AT_PER_PAGE` of them.
 */
export function listJobs(parts: Parts, request: ListRequest, now: number): ListReply {
  const page = new Page(parts, request, now);
  const { filter } = request;
  const ids = walkIds(parts, {
    queues: queuesOf(parts, request),
    indexes: indexesFor(filter.state),
    after: filter.createdAfter === null ? "" : firstJobIdAt(filter.createdAfter - CLOCK_SLACK_MS),
    before: least(
      request.before,
      filter.createdBefore === null ? null : firstJobIdAt(filter.createdBefore + CLOCK_SLACK_MS),
    ),
    newestFirst: true,
    mayHave: (head) => mayMatch(head, filter),
  });
  let lookedAt = 0;
  while (lookedAt < LOOKED_AT_PER_PAGE) {
    const wanted = Math.max(LEAST_AT_ONCE, request.limit - page.items.length, lookedAt);
    const some = nextOf(ids, Math.min(wanted, MOST_AT_ONCE, LOOKED_AT_PER_PAGE - lookedAt));
    const fullAt = page.add(some);
    if (fullAt !== null) return page.reply(fullAt);
    lookedAt += some.length;
    const last = some.at(-1);
    if (last === undefined) return page.reply(null);
    if (lookedAt >= LOOKED_AT_PER_PAGE) return page.reply(last);
  }
  throw new Error("a page looks at some rows");
}

/** Ids carry the gateway's clock, `createdAt` the shard's: bounds by id are widened by what may lie between. */
const CLOCK_SLACK_MS = 60_000;
/** Above every job id. */
const NEWEST = "job_{";

function least(a: string | null, b: string | null): string {
  const [first = NEWEST] = [a, b].filter((id) => id !== null).sort();
  return first;
}

/** The queues whose jobs the list may show: those that have none in its state are left out, as far as that is known. */
function queuesOf(parts: Parts, { namespace, filter }: ListRequest): number[] {
  const queues = parts.get(QUEUES);
  const named = filter.queue === null ? null : queues.find(namespace, filter.queue);
  const asked = filter.queue === null ? queues.of(namespace) : named === null ? [] : [named];
  const counts = parts.get(COUNTS);
  return asked
    .map(({ ref }) => ref)
    .filter((ref) => {
      const { ready, blocked, scheduled, running } = counts.of(ref);
      if (filter.state === "queued") return ready + blocked > 0;
      if (filter.state === "scheduled") return scheduled > 0;
      return filter.state === "running" ? running > 0 : true;
    });
}

/** History may still tell of jobs that were deleted as failed or cancelled: their tombstones are walked beside the dead. */
function indexesFor(state: ListRequest["filter"]["state"]): WalkedIndex[] {
  return state === "failed" || state === "cancelled" ? ["dead", "discarded"] : ["all"];
}

/** Whether a job of the pack may match, as far as its head says. A tag is looked for as text: where it is not, no job has it. */
function mayMatch(
  { waiting, running, done, spec }: PackHead,
  { state, orderingKey, tag }: ListRequest["filter"],
): boolean {
  if (orderingKey !== null) return false;
  if (tag !== null && spec !== null && !spec.includes(JSON.stringify(tag))) return false;
  switch (state) {
    case null:
      return true;
    case "queued":
      return waiting > 0;
    case "running":
      return running > 0;
    case "succeeded":
      return done > 0;
    default:
      return false;
  }
}

/** A page as it grows. */
class Page {
  readonly items: ListReply["items"] = [];
  readonly #gone: string[] = [];
  readonly #parts: Parts;
  readonly #request: ListRequest;
  readonly #now: number;
  #characters = 0;

  constructor(parts: Parts, request: ListRequest, now: number) {
    this.#parts = parts;
    this.#request = request;
    this.#now = now;
  }

  /** Adds those of the next jobs that match. The id at which the page was full, or null when it is not. */
  add(ids: string[]): string | null {
    const jobs = this.#parts.get(JOBS);
    const { filter, include } = this.#request;
    const { payload, result } = include;
    const candidates = candidatesOf(this.#parts, ids, filter);
    const heads = this.#headsOf(candidates);
    const atOnce = payload || result ? WHOLE_AT_ONCE : MOST_AT_ONCE;
    for (let at = 0; at < candidates.length; at += atOnce) {
      const some = candidates.slice(at, at + atOnce).flatMap((id) => heads.get(id) ?? []);
      const shown = some.filter(isKept).filter((head) => this.#matches(head));
      const whole = new Map(payload || result ? jobs.rows(shown.map(({ id }) => id)).map((row) => [row.id, row]) : []);
      const match = new Set(shown);
      for (const head of some) {
        if (!isKept(head)) this.#gone.push(head.id);
        else if (match.has(head) && this.#show(head, whole.get(head.id))) return head.id;
      }
    }
    return null;
  }

  /** Of a pack that cannot be read no job is listed: it is set aside, and the audit tells of it. */
  #headsOf(ids: readonly string[]): Map<string, JobHead<RowState>> {
    const jobs = this.#parts.get(JOBS);
    const all = (some: readonly string[]) => jobs.heads(some).map((head) => [head.id, head] as const);
    try {
      return new Map(all(ids));
    } catch {
      return new Map(ids.flatMap((id) => this.#readable({ id }, () => all([id])) ?? []));
    }
  }

  reply(scannedTo: string | null): ListReply {
    const items = this.#parts.get(PROGRESS).tellAll(this.items);
    return { type: "page", items, scannedTo, gone: this.#gone };
  }

  /** A job that cannot be read is left out, and set aside: the audit tells of it. */
  #readable<Made>({ id }: { id: string }, make: () => Made): Made | null {
    return readable(this.#parts, { kind: EACH_JOB.kind, key: id }, { now: this.#now, make });
  }

  #matches(head: JobHead): boolean {
    return this.#readable(head, () => matches(head, this.#request.filter)) ?? false;
  }

  /** True when the page is full with it. */
  #show(head: JobHead, whole: Pick<JobRow, "payload" | "result"> | undefined): boolean {
    const { include, limit, characters = PAGE_CHARACTERS } = this.#request;
    const { settings } = this.#parts.get(QUEUES).get(head.queue);
    const payload = include.payload && whole !== undefined ? whole.payload : "null";
    const result = include.result && whole !== undefined ? whole.result : null;
    const job = this.#readable(head, () => toJob({ ...head, payload, result }, settings));
    if (job === null) return false;
    if (!include.attempts) job.attempts = [];
    this.items.push(job);
    this.#characters += HEAD_CHARACTERS + payload.length + (result?.length ?? 0) + (head.error?.length ?? 0);
    if (include.attempts) this.#characters += head.attempts.length;
    return this.items.length >= limit || this.#characters > Math.min(characters, PAGE_CHARACTERS);
  }
}

const CANDIDATES = `SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?1)) AND (state = 'discarded' OR
  ((?2 IS NULL OR state = ?2) AND (?3 IS NULL OR ordering_key = ?3) AND (?4 IS NULL OR instr(spec, ?4) > 0)))`;

/**
 * Of these those that may match, and the discarded, in the same order: SQLite leaves out most of what does not match, for a tenth
 * of what it costs to bring a row here. A tag is looked for as text, so that `matches` still has to look at the tags themselves.
 */
function candidatesOf(parts: Parts, ids: string[], { state, orderingKey, tag }: ListRequest["filter"]): string[] {
  if (state === null && orderingKey === null && tag === null) return ids;
  const tagText = tag === null ? null : JSON.stringify(tag);
  const rows = parts.sql.all<{ id: string }>(CANDIDATES, JSON.stringify(ids), state, orderingKey, tagText);
  const candidates = new Set(rows.map(({ id }) => id));
  // Packed jobs are in the memory of their ids, and are looked at one by one.
  const packs = parts.get(PACKS);
  if (packs.any && orderingKey === null) for (const id of ids) if (packs.find(id) !== null) candidates.add(id);
  return candidates.size === 0 ? [] : ids.filter((id) => candidates.has(id));
}

function matches(row: JobHead, filter: ListRequest["filter"]): boolean {
  if (filter.state !== null && row.state !== filter.state) return false;
  if (filter.orderingKey !== null && row.ordering_key !== filter.orderingKey) return false;
  if (filter.createdAfter !== null && row.created_at <= filter.createdAfter) return false;
  if (filter.createdBefore !== null && row.created_at >= filter.createdBefore) return false;
  return filter.tag === null || (JSON.parse(row.spec) as JobSpec).tags.includes(filter.tag);
}
