import { Name } from "../../../contract/primitives.ts";
import { idempotency, isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE } from "../../../contract/queue-settings.ts";
import { isDivided, type QueueSettings } from "../../../domain/queue.ts";
import type { Services } from "../services.ts";

/** What decides, besides a job and randomness, where the jobs of a queue lie. */
export interface Partitioning {
  partitions: number;
  /** Whether the jobs of one request are spread. */
  divided: boolean;
}

/** How a batch with an idempotency key is placed at each of its runs: as at the first, by queue. */
export interface Pinned {
  queues: ReadonlyMap<string, Partitioning>;
  /** Not the first run: jobs may lie where the pins say, and nowhere else. */
  isRepeat: boolean;
}

/** Hex digits of a seed. */
const SEED_DIGITS = 32;

/** How the queues of these jobs place today; those that are not there are left out. A 503 problem when nobody can tell. */
export async function partitioningsOf(
  { settings }: Pick<Services, "settings">,
  jobs: readonly unknown[],
  { namespace, now }: { namespace: string; now: number },
): Promise<Result<Map<string, Partitioning>>> {
  const names = [...new Set(jobs.map(queueOf))].filter((name) => name !== null);
  const found = new Map<string, Partitioning>();
  for (const queue of await settings.several(namespace, names, now)) {
    if (!isProblem(queue)) found.set(queue.name, { partitions: queue.partitions, divided: isDivided(queue) });
    else if (queue.code !== "queue-not-found") return queue;
  }
  return found;
}

/** Of a job that is not parsed yet; null when it names none that could be. */
function queueOf(job: unknown): string | null {
  const { queue = DEFAULT_QUEUE } = (job ?? {}) as { queue?: unknown };
  return Name.safeParse(queue).data ?? null;
}

/** Seed and pins as one text, which the batch's record keeps. */
export function sealed(seed: string, queues: ReadonlyMap<string, Partitioning>): string {
  const pins = [...queues].map(([name, { partitions, divided }]) => [name, partitions, divided]);
  return `${seed}|${JSON.stringify(pins)}`;
}

/** The seed and pins of a record. */
export function unsealed(text: string): { seed: string; queues: Map<string, Partitioning> } {
  const seed = text.slice(0, SEED_DIGITS);
  const pins = JSON.parse(text.slice(SEED_DIGITS + 1)) as [string, number, boolean][];
  return { seed, queues: new Map(pins.map(([name, partitions, divided]) => [name, { partitions, divided }])) };
}

/**
 * Whether the jobs of this queue are spread. A queue that was not there when the batch was pinned is a problem (404): its jobs
 * were refused then.
 */
export function spreads(settings: QueueSettings, pinned: Pinned): Result<boolean> {
  return pinned.queues.get(settings.name)?.divided ?? notFound.queue(settings.name);
}

/**
 * The problem of the whole batch where the jobs of an earlier run may lie elsewhere than this queue places them today, else
 * null. It does not pass by waiting. The first run may find that its pins were out of date: no shard has taken a job by them,
 * so it goes on by what holds.
 */
export function changedSince({ name, partitions }: QueueSettings, pinned: Pinned): Problem | null {
  const pin = pinned.isRepeat ? pinned.queues.get(name) : undefined;
  return pin === undefined || pin.partitions === partitions ? null : idempotency.partitioningChanged(name);
}
