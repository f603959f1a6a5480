import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Fire } from "../../../domain/schedule.ts";
import { done } from "../answered.ts";
import type { Context } from "../context.ts";
import type { ResourceKey } from "../resources/kind.ts";
import { pageOf } from "../resources/page.ts";
import { scheduleResource } from "../schedules/schedule-config.ts";
import { fireView } from "../schedules/schedule-settings.ts";
import type { UseCase } from "./use-case.ts";

export const listSchedules: UseCase<"listSchedules"> = ({ services, caller }, { query }) =>
  scheduleResource(services).list(services.signer, caller.namespace, query);

export const putSchedule: UseCase<"putSchedule"> = (context, { params, body, ifMatch }) =>
  scheduleResource(context.services).put(keyOf(context, params), body, { ifMatch, now: context.clock() });

export const getSchedule: UseCase<"getSchedule"> = (context, { params }) =>
  scheduleResource(context.services).get(keyOf(context, params));

export const patchSchedule: UseCase<"patchSchedule"> = (context, { params, body, ifMatch }) =>
  scheduleResource(context.services).patch(keyOf(context, params), body, { ifMatch, now: context.clock() });

export const deleteSchedule: UseCase<"deleteSchedule"> = (context, { params, ifMatch }) =>
  scheduleResource(context.services).remove(keyOf(context, params), { ifMatch, now: context.clock() });

function keyOf({ caller }: Context, { schedule }: { schedule: string }): ResourceKey {
  return { namespace: caller.namespace, name: schedule };
}

/** A page of what came of a schedule's instants, newest first, of all shards that ever ran it. */
export const listFires: UseCase<"listFires"> = async (context, { params, query }) => {
  const { services } = context;
  const key = keyOf(context, params);
  const settings = await scheduleResource(services).find(key);
  if (isProblem(settings)) return settings;
  const page = await pageOf(services.signer, query, {
    name: `fires:${key.namespace}/${key.name}`,
    read: (cursor, limit) => firesOf(services, key, { before: cursor === null ? null : Number(cursor), limit }),
    placeOf: ({ scheduledAt }) => String(scheduledAt),
    views: async (fires) => fires.map(fireView),
  });
  return isProblem(page) ? page : done(page);
};

async function firesOf(
  { shards }: Context["services"],
  key: ResourceKey,
  page: { before: number | null; limit: number },
): Promise<Result<Fire[]>> {
  const replies = await shards.all({ idempotent: true }, (shard, head) => shard.fires({ ...head, ...key, ...page }));
  return isProblem(replies) ? replies : replies.flat().sort((a, b) => b.scheduledAt - a.scheduledAt);
}
