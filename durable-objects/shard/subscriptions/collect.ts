import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { asksFor, type ChangedJob, type EventType } from "../../../domain/subscription.ts";
import { countedChunks } from "../../chunks.ts";
import type { Turn } from "../turn.ts";
import { dropExcess } from "./drop.ts";
import type { Feed } from "./feed-store.ts";
import { type StoredEvent, toStored } from "./stored-event.ts";

/**
 * The changes of one step that subscriptions ask for. They are written with the step: so a change is told of when it is
 * committed, and only then.
 */
export class Collector {
  readonly #turn: Turn;
  readonly #told = new Map<Feed, StoredEvent[]>();
  /** Who asks, by type and queue: a step mostly changes many jobs of one queue in the same way. */
  readonly #asking = new Map<string, Feed[]>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** Jobs have changed. `jobs` is called when somebody asks for it. */
  tell(type: EventType, queue: QueueSettings, jobs: () => ChangedJob[]): void {
    const asking = this.#askingFor(type, queue);
    if (asking.length === 0) return;
    const changed = jobs();
    for (const feed of asking) {
      const { tag } = feed.settings.filter;
      const told = this.#told.get(feed) ?? [];
      for (const job of changed) if (tag === null || job.tags.includes(tag)) told.push(toStored(type, job));
      if (told.length > 0) this.#told.set(feed, told);
    }
  }

  /** Writes what was told: one row for each subscription, unless it is very long. */
  flush(): void {
    if (this.#told.size === 0) return;
    const { now, stores } = this.#turn;
    for (const [feed, told] of this.#told) {
      for (const { text: events, rows: n } of countedChunks(told)) {
        const seq = stores.meta.sequence(now);
        stores.feeds.append(feed, { seq, at: now, n, bytes: events.length, events });
      }
    }
    this.#turn.wake(now + KEEP_EVENTS_MS);
    dropExcess(this.#turn, [...this.#told.keys()]);
    this.#told.clear();
  }

  #askingFor(type: EventType, queue: QueueSettings): Feed[] {
    const { namespace, name } = queue;
    const key = `${type} ${namespace}/${name}`;
    const known = this.#asking.get(key);
    if (known !== undefined) return known;
    const asking = this.#turn.stores.feeds
      .all()
      .filter(({ settings }) => !settings.deleted && settings.namespace === namespace)
      .filter(({ settings }) => asksFor(settings, type, name));
    this.#asking.set(key, asking);
    return asking;
  }
}
