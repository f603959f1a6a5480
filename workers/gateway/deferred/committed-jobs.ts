import { parseJobId } from "../../../domain/job-id.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { primary } from "../../db/client.ts";
import { idsInHistory } from "../../db/failed-jobs.ts";
import { askExistingIds } from "../jobs/ask-existing-ids.ts";
import { orUnavailable } from "../jobs/job-read.ts";
import type { Services } from "../services.ts";

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
export interface JobSources {
  services: Pick<Services, "shards">;
  database: D1Database;
}

/** Which of these jobs were committed before. Throws a 503 refusal when that cannot be found out. */
export async function committedJobs(sources: JobSources, ids: string[]): Promise<CommittedIds> {
  const byOwner = await ownersOf(sources, ids);
  return merged(await Promise.all([...byOwner.values()].map((theirs) => asked(sources, theirs))));
}

/**
 * As `committedJobs`, for many who ask at about the same time: one question a shard. One that is away fails its own ids
 * alone.
 */
export class CommittedJobs {
  readonly #sources: JobSources;
  #gathered: string[] = [];
  #asking: Promise<Map<string, Promise<CommittedIds>>> | null = null;

  constructor(sources: JobSources) {
    this.#sources = sources;
  }

  async of(ids: string[]): Promise<CommittedIds> {
    this.#gathered.push(...ids);
    this.#asking ??= this.#askSoon();
    const answers = await this.#asking;
    return merged(await Promise.all([...new Set(ids.flatMap((id) => answers.get(id) ?? []))]));
  }

  async #askSoon(): Promise<Map<string, Promise<CommittedIds>>> {
    await this.#sources.services.shards.pause(GATHER_MS);
    const ids = this.#gathered;
    this.#gathered = [];
    this.#asking = null;
    const answers = new Map<string, Promise<CommittedIds>>();
    for (const theirs of (await ownersOf(this.#sources, ids)).values()) {
      const answer = asked(this.#sources, theirs);
      // Whoever asked has given up, maybe.
      answer.catch(() => undefined);
      for (const id of theirs) answers.set(id, answer);
    }
    return answers;
  }
}

async function ownersOf({ services }: JobSources, ids: string[]): Promise<Map<string, string[]>> {
  const map = await services.shards.map();
  return Map.groupBy(ids, (id) => ownerOf(map, parseJobId(id)?.slot ?? 0));
}

/** The shard is asked first: what it has forgotten, history had before that, so no job slips through between the two questions. */
async function asked({ services, database }: JobSources, ids: string[]): Promise<CommittedIds> {
  const jobs = ids.map((id) => ({ id }));
  const existing = await askExistingIds(services, jobs);
  const rest = ids.filter((id) => !existing.has(id));
  const past = rest.length === 0 ? new Set<string>() : await orUnavailable(() => idsInHistory(primary(database), rest));
  return { existing, past };
}

function merged(parts: CommittedIds[]): CommittedIds {
  return {
    existing: new Set(parts.flatMap(({ existing }) => [...existing])),
    past: new Set(parts.flatMap(({ past }) => [...past])),
  };
}
