import { Name } from "../../../contract/primitives.ts";
import { DEFAULT_QUEUE } from "../../../contract/queue-settings.ts";
import { isDivided, type QueueSettings } from "../../../domain/queue.ts";
import { queueNotFound } from "../queues/settings-cache.ts";
import { Refusal } from "../refusal.ts";
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

/** What placed the jobs may have changed since a first run whose end nobody knows. It does not pass by waiting. */
export class PartitioningChanged extends Refusal {
  constructor(queue: string) {
    const detail = `The batch was cut short, and the number of partitions of queue "${queue}" was changed since: how far it came cannot be told.`;
    super("idempotency-undecided", detail, { accepted: "unknown" });
  }
}

/** How the queues of these jobs place today; those that are not there are left out. Throws a 503 refusal. */
export async function partitioningsOf(
  { settings }: Pick<Services, "settings">,
  jobs: readonly unknown[],
  { namespace, now }: { namespace: string; now: number },
): Promise<Map<string, Partitioning>> {
  const names = [...new Set(jobs.map(queueOf))].filter((name) => name !== null);
  const found = await Promise.all(
    names.map(async (name): Promise<[string, Partitioning][]> => {
      try {
        const queue = await settings.get(namespace, name, now);
        return [[name, { partitions: queue.partitions, divided: isDivided(queue) }]];
      } catch (error) {
        if (error instanceof Refusal && error.code === "queue-not-found") return [];
        throw error;
      }
    }),
  );
  return new Map(found.flat());
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
 * Whether the jobs of this queue are spread. A queue that was not there when the batch was pinned is a refusal: its jobs
 * were refused then. Throws `PlacesChanged` where the jobs of an earlier run may lie elsewhere. The first run may find
 * that its pins were out of date: no shard has taken a job by them, so it goes on by what holds.
 */
export function spreads(settings: QueueSettings, pinned: Pinned | undefined): boolean | Refusal {
  if (pinned === undefined) return isDivided(settings);
  const pin = pinned.queues.get(settings.name);
  if (pin === undefined) return queueNotFound(settings.name);
  if (pinned.isRepeat && pin.partitions !== settings.partitions) throw new PartitioningChanged(settings.name);
  return pin.divided;
}
