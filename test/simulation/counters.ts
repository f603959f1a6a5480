/** "Sometimes" assertions: situations that a run must have met, or it proved less than it seems. */
export const SITUATIONS = [
  "success recorded",
  "failure recorded",
  "put back without spending an attempt",
  "put back too late, and spent an attempt",
  "came back unbegun",
  "came back unbegun, and spent an attempt",
  "report of a superseded attempt refused",
  "second report of an attempt refused",
  "report after the lease's end refused",
  "lease ended, next attempt",
  "lease extended",
  "extension refused",
  "replay answered",
  "key with another body refused",
  "same submission twice",
  "atomic batch refused",
  "submit told newer settings",
  "cancelled while running",
  "redriven",
  "changed, and due",
  "changed, and due later",
  "redriven by filter",
  "concurrency limit reached",
  "alarm lost and healed by cron",
  "crash inside a step",
  "crash after commit",
  "crash at the start",
  "history page written, answer lost",
  "claim reply lost",
  "forgotten by its shard, kept by history",
  "in a page of history",
  "paused",
  "limit changed",
  "expired",
  "success brought jobs",
  "job spawned on its own shard",
  "spawned job handed over",
  "hand-over came twice",
  "spawned job refused",
  "set aside",
  "report put off, as work on its job throws",
  "executor waited, and was told of work",
  "executor waited in vain",
  "pull worker waited, and was told of work",
  "pull worker waited in vain",
  "held call lost with its object",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export class Counters {
  readonly counts = new Map<Situation, number>();

  count(situation: Situation): void {
    this.counts.set(situation, (this.counts.get(situation) ?? 0) + 1);
  }
}
