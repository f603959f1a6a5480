import { MAX_SUBSCRIPTIONS } from "../../../contract/limits.ts";
import { conflict, notFound, type Result, unavailable } from "../../../contract/problems.ts";
import type { SubscriptionState } from "../../../contract/rpc.ts";
import type { SubscriptionBody } from "../../../contract/subscription.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import { type Db, primary } from "../../db/client.ts";
import {
  countSubscriptions,
  findSubscription,
  type SubscriptionKey,
  walkSubscriptions,
  writeSubscription,
} from "../../db/subscriptions.ts";
import { orThrow, orUnavailable, Refusal, settled } from "../refusal.ts";
import type { Services } from "../services.ts";
import { checkTarget, subscriptionFrom } from "./subscription-view.ts";

/** Each try reads again; of writers that meet, one gets through each time, and the others wait a random moment. */
const MAX_TRIES = 30;
const MAX_PAUSE_MS = 50;
/** Subscriptions of one push, at most some 140 KB each by their headers. */
const PUSH_STEP = 50;

/**
 * Changes subscriptions: D1 first, which has the truth, then every shard, so that a job accepted after the answer is told
 * of. A shard that could not be reached hears of the change from the cron.
 */
export class SubscriptionConfig {
  readonly #services: Services;
  readonly #db: Db;
  readonly #allowPrivateTargets: boolean;

  constructor(services: Services) {
    this.#services = services;
    this.#db = primary(services.database);
    this.#allowPrivateTargets = services.config.allowPrivateTargets;
  }

  find(key: SubscriptionKey): Promise<Result<SubscriptionSettings>> {
    return settled(() => this.#find(key));
  }

  put(
    key: SubscriptionKey,
    body: SubscriptionBody,
    now: number,
  ): Promise<Result<{ settings: SubscriptionSettings; created: boolean }>> {
    return settled(() => this.#put(key, body, now));
  }

  remove(key: SubscriptionKey, now: number): Promise<Result<null>> {
    return settled(async () => {
      await this.#remove(key, now);
      return null;
    });
  }

  states(namespace: string, names: string[]): Promise<Result<Map<string, SubscriptionState[]>>> {
    return settled(() => this.#states(namespace, names));
  }

  /** The settings as last written, or a 404 refusal. */
  async #find(key: SubscriptionKey): Promise<SubscriptionSettings> {
    const settings = await this.#stored(key);
    if (settings === null || settings.deleted) throw subscriptionNotFound(key.name);
    return settings;
  }

  /** Creates or replaces the subscription. */
  async #put(
    key: SubscriptionKey,
    body: SubscriptionBody,
    now: number,
  ): Promise<{ settings: SubscriptionSettings; created: boolean }> {
    return this.#attempt(async () => {
      const current = await this.#stored(key);
      const standing = current === null || current.deleted ? null : current;
      const settings = subscriptionFrom(body, {
        ...key,
        version: (current?.version ?? 0) + 1,
        createdAt: standing?.createdAt ?? now,
        updatedAt: now,
      });
      checkTarget(settings, this.#allowPrivateTargets);
      if (await this.#write(settings)) return { settings, created: standing === null };
      if (standing === null) await this.#refuseTooMany(key.namespace);
      return null;
    });
  }

  async #remove(key: SubscriptionKey, now: number): Promise<void> {
    await this.#attempt(async () => {
      const current = await this.#find(key);
      const settings = { ...forgotten(current), version: current.version + 1, updatedAt: now };
      return (await this.#write(settings)) ? { settings } : null;
    });
  }

  /** What the shards say of the subscriptions of a namespace, by name. */
  async #states(namespace: string, names: string[]): Promise<Map<string, SubscriptionState[]>> {
    if (names.length === 0) return new Map();
    const replies = orThrow(
      await this.#services.shards.all({ idempotent: true }, (shard, head) =>
        shard.subscriptionStates({ ...head, namespace, names }),
      ),
    );
    return Map.groupBy(replies.flat(), ({ name }) => name);
  }

  /** Pushes what was written since then to the shards again, as long as `goOn` says so. What they know costs them nothing. */
  async repush(since: number, goOn: () => boolean = () => true): Promise<void> {
    let after: SubscriptionKey | null = null;
    do {
      const page: SubscriptionSettings[] = await walkSubscriptions(this.#db, since, { after, limit: PUSH_STEP });
      if (page.length > 0) await this.#push(page);
      after = page.length < PUSH_STEP ? null : (page.at(-1) ?? null);
    } while (after !== null && goOn());
  }

  async #refuseTooMany(namespace: string): Promise<void> {
    if ((await orUnavailable(() => countSubscriptions(this.#db, namespace))) < MAX_SUBSCRIPTIONS) return;
    throw new Refusal(
      conflict.of("too-many-subscriptions", `A namespace has ${MAX_SUBSCRIPTIONS} subscriptions at most.`),
    );
  }

  /** Tries until no other writer came between, then tells the shards. */
  async #attempt<R extends { settings: SubscriptionSettings }>(change: () => Promise<R | null>): Promise<R> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const done = await change();
      if (done !== null) {
        await this.#push([done.settings]);
        return done;
      }
      await this.#services.shards.pause(Math.random() * MAX_PAUSE_MS);
    }
    throw new Refusal(unavailable.contended("subscription"));
  }

  async #push(subscriptions: SubscriptionSettings[]): Promise<void> {
    orThrow(
      await this.#services.shards.all({ idempotent: true }, (shard, head) =>
        shard.configureSubscriptions({ ...head, subscriptions }),
      ),
    );
  }

  #write(settings: SubscriptionSettings): Promise<boolean> {
    return orUnavailable(() => writeSubscription(this.#db, settings, MAX_SUBSCRIPTIONS));
  }

  #stored(key: SubscriptionKey): Promise<SubscriptionSettings | null> {
    return orUnavailable(() => findSubscription(this.#db, key));
  }
}

export function subscriptionNotFound(name: string): Refusal {
  return new Refusal(notFound.subscription(name));
}

/** What is left of a deleted subscription, for as long as its version counts: nothing of its target, which may be secret. */
function forgotten(settings: SubscriptionSettings): SubscriptionSettings {
  const target = { type: "http", url: "", headers: {} } as const;
  return { ...settings, deleted: true, events: [], filter: { queue: null, tag: null }, target };
}
