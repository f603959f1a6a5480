import { isProblem, type Result, together } from "../../../contract/problems.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { idsInHistory } from "../../db/failed-jobs.ts";
import { inEach } from "../../db/spread-reads.ts";
import { fromDatabase } from "../database.ts";
import type { JobName } from "../routing/job-name.ts";
import type { Services } from "../services.ts";
import { askExistingIds } from "./ask-existing-ids.ts";

/**
 * A shard knows a job's id for a minute at least after the job has ended, and after it was deleted (`KEEP_AT_LEAST_MS`).
 * A message that is younger than this cannot come after that; of an older one it is asked whether its job is known.
 */
export const SURELY_KNOWN_MS = 30_000;
/** The messages of a batch are looked into side by side: what they ask within this long is asked at once. */
const GATHER_MS = 5;

export interface CommittedIds {
  /** Ids that their shard has, ended or deleted ones too. */
  existing: Set<string>;
  /** Of the others, those that history has, deleted ones too. */
  past: Set<string>;
}

/** Where jobs are looked for. */
export type JobSources = Pick<Services, "shards" | "databases" | "retryD1">;

/** Which of these jobs were committed before. A 503 problem when that cannot be found out. */
export async function committedJobs(sources: JobSources, names: JobName[]): Promise<Result<CommittedIds>> {
  const byOwner = await ownersOf(sources, names);
  if (isProblem(byOwner)) return byOwner;
  return merged(await together([...byOwner.values()].map((theirs) => asked(sources, theirs))));
}

/** What is asked of each id. */
type Answers = Map<string, Promise<Result<CommittedIds>>>;

/**
 * As `committedJobs`, for many who ask at about the same time: one question a shard. One that is away fails its own ids
 * alone.
 */
export class CommittedJobs {
  readonly #sources: JobSources;
  #gathered: JobName[] = [];
  #asking: Promise<Result<Answers>> | null = null;

  constructor(sources: JobSources) {
    this.#sources = sources;
  }

  async of(names: JobName[]): Promise<Result<CommittedIds>> {
    this.#gathered.push(...names);
    this.#asking ??= this.#askSoon();
    const answers = await this.#asking;
    if (isProblem(answers)) return answers;
    return merged(await together([...new Set(names.flatMap(({ id }) => answers.get(id) ?? []))]));
  }

  async #askSoon(): Promise<Result<Answers>> {
    await this.#sources.shards.pause(GATHER_MS);
    const names = this.#gathered;
    this.#gathered = [];
    this.#asking = null;
    const byOwner = await ownersOf(this.#sources, names);
    if (isProblem(byOwner)) return byOwner;
    const answers: Answers = new Map();
    for (const theirs of byOwner.values()) {
      const answer = asked(this.#sources, theirs);
      // Whoever asked has given up, maybe.
      answer.catch(() => undefined);
      for (const { id } of theirs) answers.set(id, answer);
    }
    return answers;
  }
}

async function ownersOf({ shards }: JobSources, names: JobName[]): Promise<Result<Map<string, JobName[]>>> {
  const map = await shards.map();
  return isProblem(map) ? map : Map.groupBy(names, ({ id }) => ownerOf(map, parseJobId(id)?.slot ?? 0));
}

/** The shard is asked first: what it has forgotten, history had before that, so no job slips through between the two questions. */
async function asked(sources: JobSources, names: JobName[]): Promise<Result<CommittedIds>> {
  const existing = await askExistingIds(sources, names);
  if (isProblem(existing)) return existing;
  const rest = names.filter(({ id }) => !existing.has(id));
  if (rest.length === 0) return { existing, past: new Set() };
  const past = await fromDatabase(() => inEach(sources, (db) => idsInHistory(db, rest)));
  return isProblem(past) ? past : { existing, past: new Set(past.flatMap((ids) => [...ids])) };
}

function merged(parts: Result<CommittedIds[]>): Result<CommittedIds> {
  if (isProblem(parts)) return parts;
  return {
    existing: new Set(parts.flatMap(({ existing }) => [...existing])),
    past: new Set(parts.flatMap(({ past }) => [...past])),
  };
}
