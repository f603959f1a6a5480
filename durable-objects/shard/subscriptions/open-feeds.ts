import { Part, type Parts } from "../kernel/part.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import { Timetable } from "../kernel/timetable.ts";
import { EACH_EVENT_ROW, FEEDS } from "./feed-store.ts";
import { nextOpening, openFeeds } from "./subscriptions.ts";

/**
 * How many feeds a deliverer could take, kept: after a step only the feeds that it touched are looked at, and those that open by
 * themselves. In memory alone, worked out from the feeds.
 */
export class OpenFeeds {
  readonly #shard: Parts;
  readonly #open = new Set<number>();
  readonly #opening = new Timetable<number>();
  readonly #touched = new Set<number>();
  #at = Number.NEGATIVE_INFINITY;

  constructor(shard: Parts) {
    this.#shard = shard;
    shard.get(FEEDS).listen((ref) => this.#touched.add(ref));
  }

  /** How many are open at `now` (epoch milliseconds). */
  count(now: number): number {
    const feeds = this.#shard.get(FEEDS);
    if (now < this.#at) for (const { ref } of feeds.all()) this.#touched.add(ref);
    this.#at = now;
    for (const ref of this.#opening.takeDue(now)) this.#touched.add(ref);
    for (const ref of this.#touched) this.#look(ref, now);
    this.#touched.clear();
    // Where rows are set aside, the rows have to be asked whether there are others.
    const isAside = this.#shard.get(QUARANTINE).count(EACH_EVENT_ROW.kind, now) > 0;
    return isAside ? openFeeds(this.#shard, now).length : this.#open.size;
  }

  #look(ref: number, now: number): void {
    const feed = this.#shard.get(FEEDS).get(ref);
    const at = feed === null ? null : nextOpening(feed, now);
    if (at !== null && at <= now) this.#open.add(ref);
    else this.#open.delete(ref);
    this.#opening.set(ref, at !== null && at > now ? at : null);
  }
}

export const OPEN_FEEDS = new Part("open feeds", (shard) => new OpenFeeds(shard));
