import { parseJobId } from "../../../domain/job-id.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { primary } from "../../db/client.ts";
import { idsInHistory } from "../../db/failed-jobs.ts";
import { fromHistory } from "../jobs/job-read.ts";
import type { Services } from "../services.ts";

/**
 * A shard knows a job's id for a minute at least after the job has ended, and after it was deleted (`KEEP_AT_LEAST_MS`).
 * A message that is younger than this cannot come after that; of an older one it is asked whether its job is known.
 */
export const SURELY_KNOWN_MS = 30_000;
/** The messages of a batch are looked into side by side: what they ask within this long is asked at once. */
const GATHER_MS = 5;

export interface Known {
  /** Ids that their shard has, ended or deleted ones too. */
  held: Set<string>;
  /** Of the others, those that history has, deleted ones too. */
  past: Set<string>;
}

/** Where jobs are looked for. */
export interface World {
  services: Pick<Services, "shards">;
  database: D1Database;
}

/** Which of these jobs were committed before. Throws a 503 refusal when that cannot be found out. */
export async function knownJobs(world: World, ids: string[]): Promise<Known> {
  const byOwner = await ownersOf(world, ids);
  return merged(await Promise.all([...byOwner].map(([shard, theirs]) => askedOne(world, shard, theirs))));
}

/** As `knownJobs`, for many who ask at about the same time: one question a shard. One that is away fails its own ids alone. */
export class KnownJobs {
  readonly #world: World;
  #gathered: string[] = [];
  #asking: Promise<Map<string, Promise<Known>>> | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  async of(ids: string[]): Promise<Known> {
    this.#gathered.push(...ids);
    this.#asking ??= this.#askSoon();
    const answers = await this.#asking;
    return merged(await Promise.all([...new Set(ids.flatMap((id) => answers.get(id) ?? []))]));
  }

  async #askSoon(): Promise<Map<string, Promise<Known>>> {
    await this.#world.services.shards.pause(GATHER_MS);
    const ids = this.#gathered;
    this.#gathered = [];
    this.#asking = null;
    const answers = new Map<string, Promise<Known>>();
    for (const [shard, theirs] of await ownersOf(this.#world, ids)) {
      const answer = askedOne(this.#world, shard, theirs);
      // Whoever asked has given up, maybe.
      answer.catch(() => undefined);
      for (const id of theirs) answers.set(id, answer);
    }
    return answers;
  }
}

async function ownersOf({ services }: World, ids: string[]): Promise<Map<string, string[]>> {
  const map = await services.shards.map();
  return Map.groupBy(ids, (id) => ownerOf(map, parseJobId(id)?.slot ?? 0));
}

/** The shard is asked first: what it has forgotten, history had before that, so no job slips through between the two questions. */
async function askedOne({ services, database }: World, shard: string, ids: string[]): Promise<Known> {
  const held = new Set(await services.shards.once(shard, { again: true }, (stub, head) => stub.held({ ...head, ids })));
  const rest = ids.filter((id) => !held.has(id));
  const past = rest.length === 0 ? new Set<string>() : await fromHistory(() => idsInHistory(primary(database), rest));
  return { held, past };
}

function merged(parts: Known[]): Known {
  return {
    held: new Set(parts.flatMap(({ held }) => [...held])),
    past: new Set(parts.flatMap(({ past }) => [...past])),
  };
}
