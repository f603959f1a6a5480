import { isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { SubscriptionBody, type SubscriptionView } from "../../../contract/subscription.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import { alsoRefusing } from "../../../domain/target-url.ts";
import type { TargetOwner } from "../../crypto/places.ts";
import { type Db, primary } from "../../db/client.ts";
import { findSubscription, listSubscriptions, walkSubscriptions, writeSubscription } from "../../db/subscriptions.ts";
import { resealedTarget, sealedTarget } from "../access/target-secrets.ts";
import { fromDatabase } from "../database.ts";
import type { Change, Kind, ListPage, ResourceKey, Sealing, Stamp, Walk } from "../resources/kind.ts";
import { resourcePorts, VersionedResource } from "../resources/versioned-resource.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { Services } from "../services.ts";
import { checkTarget, forgotten, subscriptionBodyOf, subscriptionFrom, subscriptionView } from "./subscription-view.ts";

export type SubscriptionResource = VersionedResource<SubscriptionSettings, SubscriptionBody, SubscriptionView>;

/** The subscriptions of the API. `host` is the one to which the request came, which no target may name. */
export function subscriptionResource(services: Services, host: string | null = null): SubscriptionResource {
  return new VersionedResource(new SubscriptionKind(services, host), resourcePorts(services));
}

class SubscriptionKind implements Kind<SubscriptionSettings, SubscriptionBody, SubscriptionView> {
  readonly what = "subscription";
  readonly body = SubscriptionBody;
  /** At most some 180 KB each by their headers, sealed. */
  readonly pushStep = 50;
  readonly #services: Services;
  readonly #db: Db;
  readonly #host: string | null;

  constructor(services: Services, host: string | null) {
    this.#services = services;
    this.#host = host;
    this.#db = primary(services.database);
  }

  notFound(name: string): Problem {
    return notFound.subscription(name);
  }

  stored(key: ResourceKey): Promise<Result<SubscriptionSettings | null>> {
    return fromDatabase(() => findSubscription(this.#db, key));
  }

  list(page: ListPage): Promise<Result<SubscriptionSettings[]>> {
    return fromDatabase(() => listSubscriptions(this.#db, page));
  }

  changedSince(since: number): Walk<SubscriptionSettings> {
    return (page) => walkSubscriptions(this.#db, since, page);
  }

  /** Refuses (422) one more than a namespace may have. */
  async write({ before, next }: Change<SubscriptionSettings>): Promise<Result<boolean>> {
    const written = await fromDatabase(() => writeSubscription(this.#db, next));
    if (isProblem(written) || written) return written;
    const isNew = before === null || before.deleted;
    return whyUnwritten(this.#services.database, "subscriptions", { namespace: next.namespace, isNew });
  }

  bodyOf(settings: SubscriptionSettings): unknown {
    return subscriptionBodyOf(settings);
  }

  keeping(body: SubscriptionBody, { paused }: SubscriptionSettings): SubscriptionBody {
    return { paused, ...body };
  }

  async settings(
    body: SubscriptionBody,
    stamp: Stamp,
    before: SubscriptionSettings | null,
  ): Promise<Result<SubscriptionSettings>> {
    const settings = subscriptionFrom(body, stamp);
    if (settings.target.type !== "http") return settings;
    const target = await sealedTarget(this.#services.vault, ownerOf(settings), {
      sent: settings.target,
      before: before !== null && !before.deleted && before.target.type === "http" ? before.target : null,
    });
    return isProblem(target) ? target : { ...settings, target };
  }

  readonly sealing: Sealing<SubscriptionSettings> = {
    resealed: async (settings) => {
      if (settings.target.type !== "http") return null;
      if (settings.deleted) return forgotten(settings);
      const target = await resealedTarget(this.#services.vault, ownerOf(settings), settings.target);
      return target === null ? null : { ...settings, target };
    },
    write: (next) => fromDatabase(() => writeSubscription(this.#db, next)),
  };

  async check({ next }: Change<SubscriptionSettings>): Promise<Problem | null> {
    return checkTarget(next, alsoRefusing(this.#services.config.targets, this.#host));
  }

  remnant(settings: SubscriptionSettings): SubscriptionSettings {
    return forgotten(settings);
  }

  /** A job that is accepted after the answer is told of. */
  async push(subscriptions: SubscriptionSettings[]): Promise<Result<void>> {
    const replies = await this.#services.shards.all({ idempotent: true }, (shard, head) =>
      shard.configureSubscriptions({ ...head, subscriptions }),
    );
    if (isProblem(replies)) return replies;
  }

  async views(subscriptions: SubscriptionSettings[]): Promise<Result<SubscriptionView[]>> {
    const [first] = subscriptions;
    if (first === undefined) return [];
    const asked = { namespace: first.namespace, names: subscriptions.map(({ name }) => name) };
    const replies = await this.#services.shards.all({ idempotent: true }, (shard, head) =>
      shard.subscriptionStates({ ...head, ...asked }),
    );
    if (isProblem(replies)) return replies;
    const states = Map.groupBy(replies.flat(), ({ name }) => name);
    return subscriptions.map((settings) => subscriptionView(settings, states.get(settings.name) ?? []));
  }
}

function ownerOf({ namespace, name }: SubscriptionSettings): TargetOwner {
  return { kind: "subscription", namespace, name };
}
