import { Name } from "../../../contract/primitives.ts";
import { invalid, isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { SubscriptionView } from "../../../contract/subscription.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import { primary } from "../../db/client.ts";
import { listSubscriptions as readSubscriptions, type SubscriptionKey } from "../../db/subscriptions.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { SubscriptionConfig } from "../subscriptions/subscription-config.ts";
import { subscriptionView } from "../subscriptions/subscription-view.ts";
import { created, DELETED, done } from "./answered.ts";
import { createdPlace, pageOf } from "./page.ts";
import type { UseCase } from "./use-case.ts";

/** A page of the namespace's subscriptions, newest first. */
export const listSubscriptions: UseCase<"listSubscriptions"> = async ({ services, caller }, { query }) => {
  const { namespace } = caller;
  const db = primary(services.database);
  const page = await pageOf(services.signer, query, {
    name: `subscriptions:${namespace}`,
    read: (after, limit) => fromDatabase(() => readSubscriptions(db, { namespace, after: createdPlace(after), limit })),
    placeOf: ({ createdAt, name }) => `${createdAt}/${name}`,
    views: (rows) => viewsOf(services, namespace, rows),
  });
  return isProblem(page) ? page : done(page);
};

async function viewsOf(
  services: Context["services"],
  namespace: string,
  all: SubscriptionSettings[],
): Promise<Result<SubscriptionView[]>> {
  const states = await new SubscriptionConfig(services).states(
    namespace,
    all.map(({ name }) => name),
  );
  if (isProblem(states)) return states;
  return all.map((settings) => subscriptionView(settings, states.get(settings.name) ?? []));
}

async function viewOf(
  services: Context["services"],
  settings: SubscriptionSettings,
): Promise<Result<SubscriptionView>> {
  const views = await viewsOf(services, settings.namespace, [settings]);
  return isProblem(views) ? views : (views[0] ?? notFound.subscription(settings.name));
}

export const putSubscription: UseCase<"putSubscription"> = async ({ services, caller, clock }, { params, body }) => {
  const name = params.subscription;
  if (!Name.safeParse(name).success) return invalid.field("", "the subscription's name in the path is not valid");
  const put = await new SubscriptionConfig(services).put({ namespace: caller.namespace, name }, body, clock());
  if (isProblem(put)) return put;
  const view = await viewOf(services, put.settings);
  if (isProblem(view)) return view;
  return put.created ? created(view) : done(view);
};

export const getSubscription: UseCase<"getSubscription"> = async ({ services, caller }, { params }) => {
  const key = keyOf(caller.namespace, params.subscription);
  if (isProblem(key)) return key;
  const settings = await new SubscriptionConfig(services).find(key);
  if (isProblem(settings)) return settings;
  const view = await viewOf(services, settings);
  return isProblem(view) ? view : done(view);
};

export const deleteSubscription: UseCase<"deleteSubscription"> = async ({ services, caller, clock }, { params }) => {
  const key = keyOf(caller.namespace, params.subscription);
  if (isProblem(key)) return key;
  const removed = await new SubscriptionConfig(services).remove(key, clock());
  return isProblem(removed) ? removed : DELETED;
};

/** A name that cannot be one is a 404 like any other unknown one. */
function keyOf(namespace: string, name: string): Result<SubscriptionKey> {
  return Name.safeParse(name).success ? { namespace, name } : notFound.subscription(name);
}
