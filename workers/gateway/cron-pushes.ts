import { isProblem, type Result } from "../../contract/problems.ts";
import type { WalkPlace } from "./cron-round.ts";
import { namespaceResource } from "./namespaces/namespace-config.ts";
import { queueResource } from "./queues/queue-config.ts";
import type { WalkPart } from "./resources/versioned-resource.ts";
import { scheduleResource } from "./schedules/schedule-config.ts";
import { serviceResource } from "./services/service-config.ts";
import type { Services } from "./services.ts";
import { subscriptionResource } from "./subscriptions/subscription-config.ts";

/** Settings written this recently are handed out again: a push that was lost is healed within a minute. */
const SETTINGS_AGE_MS = 15 * 60_000;
/** All schedules, subscriptions and namespaces are handed out again every so many rounds. What the shards know costs them no write. */
const ALL_EVERY = 30;
const PUSH_MS = 20_000;

/** Walks over settings, each with the pages of a round: one or two queries of D1 a page, and two calls of each shard at most. */
const PAGES = { recent: 25, all: 15, services: 10 };

/** Where walks go on that the round before did not end; what this round does not end is noted there. */
export type Places = Record<string, WalkPlace>;

interface Resource {
  repush(since: number, part: WalkPart): Promise<Result<WalkPlace | null>>;
}

/** Hands out what was written of late, and now and then all there is, a bounded number of pages: the next round goes on from there. */
export class CronPushes {
  readonly #places: Places;
  readonly #now: number;

  constructor(places: Places, now: number) {
    this.#places = places;
    this.#now = now;
  }

  queues(services: Services): Promise<Result<void>> {
    return this.#recent("queues", queueResource(services));
  }

  /** All of them now and then: a shard that lost one would hold the defaults for it. */
  namespaces(services: Services): Promise<Result<void>> {
    return this.#both("namespaces", namespaceResource(services));
  }

  /** Schedules that were changed, or whose queue was. */
  schedules(services: Services): Promise<Result<void>> {
    return this.#both("schedules", scheduleResource(services));
  }

  subscriptions(services: Services): Promise<Result<void>> {
    return this.#both("subscriptions", subscriptionResource(services));
  }

  /** Those that were changed of late alone: to tell all of them would wake the object of each. One call each, 200 a round. */
  services(services: Services): Promise<Result<void>> {
    const part = { since: this.#now - SETTINGS_AGE_MS, pages: PAGES.services };
    return this.#walk("services", serviceResource(services), part);
  }

  async #both(name: string, resource: Resource): Promise<Result<void>> {
    const recent = await this.#recent(name, resource);
    if (isProblem(recent)) return recent;
    const walk = `all ${name}`;
    const begins = Math.floor(this.#now / 60_000) % ALL_EVERY === 0;
    if (begins || this.#places[walk] !== undefined) return this.#walk(walk, resource, { since: 0, pages: PAGES.all });
  }

  #recent(name: string, resource: Resource): Promise<Result<void>> {
    return this.#walk(name, resource, { since: this.#now - SETTINGS_AGE_MS, pages: PAGES.recent });
  }

  async #walk(
    name: string,
    resource: Resource,
    { since, pages }: { since: number; pages: number },
  ): Promise<Result<void>> {
    const until = Date.now() + PUSH_MS;
    let left = pages;
    const goOn = () => left-- > 0 && Date.now() < until;
    const reached = await resource.repush(since, { from: this.#places[name] ?? null, goOn });
    if (isProblem(reached)) return reached;
    if (reached === null) delete this.#places[name];
    else this.#places[name] = reached;
  }
}
