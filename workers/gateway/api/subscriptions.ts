import type { Context } from "../context.ts";
import type { ResourceKey } from "../resources/kind.ts";
import { subscriptionResource } from "../subscriptions/subscription-config.ts";
import type { UseCase } from "./use-case.ts";

export const listSubscriptions: UseCase<"listSubscriptions"> = ({ services, caller }, { query }) =>
  subscriptionResource(services).list(services.signer, caller.namespace, query);

export const putSubscription: UseCase<"putSubscription"> = (context, { params, body, ifMatch }) =>
  subscriptionResource(context.services, context.host()).put(keyOf(context, params), body, {
    ifMatch,
    now: context.clock(),
  });

export const getSubscription: UseCase<"getSubscription"> = (context, { params }) =>
  subscriptionResource(context.services).get(keyOf(context, params));

export const patchSubscription: UseCase<"patchSubscription"> = (context, { params, body, ifMatch }) =>
  subscriptionResource(context.services, context.host()).patch(keyOf(context, params), body, {
    ifMatch,
    now: context.clock(),
  });

export const deleteSubscription: UseCase<"deleteSubscription"> = (context, { params, ifMatch }) =>
  subscriptionResource(context.services).remove(keyOf(context, params), { ifMatch, now: context.clock() });

function keyOf({ caller }: Context, { subscription }: { subscription: string }): ResourceKey {
  return { namespace: caller.namespace, name: subscription };
}
