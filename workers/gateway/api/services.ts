import type { Context } from "../context.ts";
import type { ResourceKey } from "../resources/kind.ts";
import { serviceResource } from "../services/service-config.ts";
import type { UseCase } from "./use-case.ts";

export const listServices: UseCase<"listServices"> = ({ services, caller }, { query }) =>
  serviceResource(services).list(services.signer, caller.namespace, query);

export const putService: UseCase<"putService"> = (context, { params, body, ifMatch }) =>
  serviceResource(context.services, context.host()).put(keyOf(context, params), body, {
    ifMatch,
    now: context.clock(),
  });

export const getService: UseCase<"getService"> = (context, { params }) =>
  serviceResource(context.services).get(keyOf(context, params));

export const patchService: UseCase<"patchService"> = (context, { params, body, ifMatch }) =>
  serviceResource(context.services, context.host()).patch(keyOf(context, params), body, {
    ifMatch,
    now: context.clock(),
  });

export const deleteService: UseCase<"deleteService"> = (context, { params, ifMatch }) =>
  serviceResource(context.services).remove(keyOf(context, params), { ifMatch, now: context.clock() });

function keyOf({ caller }: Context, { service }: { service: string }): ResourceKey {
  return { namespace: caller.namespace, name: service };
}
