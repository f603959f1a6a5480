import { Name } from "../../../contract/primitives.ts";
import { invalid, isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { ScheduleView } from "../../../contract/schedule.ts";
import type { Fire, ScheduleSettings } from "../../../domain/schedule.ts";
import { primary } from "../../db/client.ts";
import { listSchedules as readSchedules, type ScheduleKey } from "../../db/schedules.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { ScheduleConfig } from "../schedules/schedule-config.ts";
import { fireView, scheduleView } from "../schedules/schedule-settings.ts";
import { created, DELETED, done } from "./answered.ts";
import { createdPlace, pageOf } from "./page.ts";
import type { UseCase } from "./use-case.ts";

/** A page of the namespace's schedules, newest first. */
export const listSchedules: UseCase<"listSchedules"> = async ({ services, caller }, { query }) => {
  const { namespace } = caller;
  const db = primary(services.database);
  const page = await pageOf(services.signer, query, {
    name: `schedules:${namespace}`,
    read: (after, limit) => fromDatabase(() => readSchedules(db, { namespace, after: createdPlace(after), limit })),
    placeOf: ({ createdAt, name }) => `${createdAt}/${name}`,
    views: (rows) => viewsOf(services, namespace, rows),
  });
  return isProblem(page) ? page : done(page);
};

async function viewsOf(
  services: Context["services"],
  namespace: string,
  all: ScheduleSettings[],
): Promise<Result<ScheduleView[]>> {
  const states = await new ScheduleConfig(services).states(
    namespace,
    all.map(({ name }) => name),
  );
  if (isProblem(states)) return states;
  return all.map((settings) => scheduleView(settings, states.get(settings.name) ?? []));
}

async function viewOf(services: Context["services"], settings: ScheduleSettings): Promise<Result<ScheduleView>> {
  const views = await viewsOf(services, settings.namespace, [settings]);
  return isProblem(views) ? views : (views[0] ?? notFound.schedule(settings.name));
}

export const putSchedule: UseCase<"putSchedule"> = async ({ services, caller, clock }, { params, body }) => {
  const name = params.schedule;
  if (!Name.safeParse(name).success) return invalid.field("", "the schedule's name in the path is not valid");
  const put = await new ScheduleConfig(services).put({ namespace: caller.namespace, name }, body, clock());
  if (isProblem(put)) return put;
  const view = await viewOf(services, put.settings);
  if (isProblem(view)) return view;
  return put.created ? created(view) : done(view);
};

export const getSchedule: UseCase<"getSchedule"> = async ({ services, caller }, { params }) => {
  const key = keyOf(caller.namespace, params.schedule);
  if (isProblem(key)) return key;
  const settings = await new ScheduleConfig(services).find(key);
  if (isProblem(settings)) return settings;
  const view = await viewOf(services, settings);
  return isProblem(view) ? view : done(view);
};

export const deleteSchedule: UseCase<"deleteSchedule"> = async ({ services, caller, clock }, { params }) => {
  const key = keyOf(caller.namespace, params.schedule);
  if (isProblem(key)) return key;
  const removed = await new ScheduleConfig(services).remove(key, clock());
  return isProblem(removed) ? removed : DELETED;
};

/** A name that cannot be one is a 404 like any other unknown one. */
function keyOf(namespace: string, name: string): Result<ScheduleKey> {
  return Name.safeParse(name).success ? { namespace, name } : notFound.schedule(name);
}

/** A page of what came of a schedule's instants, newest first, of all shards that ever ran it. */
export const listFires: UseCase<"listFires"> = async ({ services, caller }, { params, query }) => {
  const key = keyOf(caller.namespace, params.schedule);
  if (isProblem(key)) return key;
  const settings = await new ScheduleConfig(services).find(key);
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
  key: ScheduleKey,
  page: { before: number | null; limit: number },
): Promise<Result<Fire[]>> {
  const replies = await shards.all({ idempotent: true }, (shard, head) => shard.fires({ ...head, ...key, ...page }));
  return isProblem(replies) ? replies : replies.flat().sort((a, b) => b.scheduledAt - a.scheduledAt);
}
