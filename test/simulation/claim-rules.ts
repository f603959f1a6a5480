/** What must hold right after a claim, by the rows and by the settings that the shard knows: P9, pause, rank, no work left behind. */
import type { Lane, QueueSettings } from "../../domain/queue.ts";
import { partitionShare } from "../../domain/queue.ts";
import { EVERY_JOB } from "../rigs/every-job.ts";
import type { Counters } from "./counters.ts";
import type { ShardHost } from "./shard-host.ts";
import type { Violations } from "./violations.ts";

interface Ready {
  id: string;
  priority: number;
  seq: number;
}

/** What was asked, and what was given. */
export interface Claimed {
  /** One queue of pull workers, or a lane. */
  from: { queue: string } | { lane: Lane };
  /** Room that is left for jobs of this kind after the claim. */
  roomLeft: number;
  given: { id: string; queue: string }[];
}

export class ClaimRules {
  readonly #violations: Violations;
  readonly #counters: Counters;
  /** Queues whose pause every shard has confirmed. */
  readonly #paused = new Set<string>();

  constructor(violations: Violations, counters: Counters) {
    this.#violations = violations;
    this.#counters = counters;
  }

  /** Every shard has confirmed the pause, or: the resumption begins. */
  paused(queue: string, everywhere: boolean): void {
    if (everywhere) this.#paused.add(queue);
    else this.#paused.delete(queue);
  }

  after(host: ShardHost, claimed: Claimed): void {
    for (const settings of host.queues()) {
      const given = claimed.given.filter(({ queue }) => queue === settings.name).map(({ id }) => id);
      if (given.length > 0) this.#allowed(host, settings, given);
      if (settings.concurrency === null && offers(claimed, settings))
        this.#best(host, settings, given, claimed.roomLeft);
    }
  }

  #allowed(host: ShardHost, settings: QueueSettings, given: string[]): void {
    if (settings.paused)
      this.#violations.add("pause", `${given} of ${settings.name} began, and ${host.name} knows of the pause`);
    if (this.#paused.has(settings.name))
      this.#violations.add("pause", `${given} of ${settings.name} began after the pause was answered`);
    if (settings.concurrency === null) return;
    for (const { partition, n } of host.runningByPartition(settings.name, given)) {
      const share = partitionShare(settings.concurrency, settings.partitions, partition);
      if (n === share) this.#counters.count("concurrency limit reached");
      if (n > share)
        this.#violations.add("P9", `${n} jobs of ${settings.name}/${partition} run, its share is ${share}`);
    }
  }

  /** Nothing that was left is better than what was given, and with room to spare nothing was left. */
  #best(host: ShardHost, settings: QueueSettings, given: string[], roomLeft: number): void {
    const left = host.bestReady(settings.name);
    if (left === null) return;
    if (roomLeft > host.expiredReady(settings.name))
      this.#violations.add("P10", `a claim with room for ${roomLeft} more left ${left.id} of ${settings.name} behind`);
    for (const id of given) {
      const job = host.rows<Ready>(`SELECT id, priority, seq FROM ${EVERY_JOB} WHERE id = ?`, id)[0];
      if (job === undefined || job.priority > left.priority || (job.priority === left.priority && job.seq < left.seq))
        continue;
      this.#violations.add("priority", `${job.id} (${job.priority}) began, and ${left.id} (${left.priority}) was left`);
    }
  }
}

function offers({ from }: Claimed, settings: QueueSettings): boolean {
  if (settings.paused) return false;
  if ("queue" in from) return settings.name === from.queue && settings.target.type === "pull";
  // Of the two kinds of push each has its own room; only handlers always have some.
  return settings.lane === from.lane && settings.target.type === "handler";
}
