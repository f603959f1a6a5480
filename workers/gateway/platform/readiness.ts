import type { ReadyView } from "../../../contract/admin.ts";
import { isProblem, type Result, together } from "../../../contract/problems.ts";
import { primary } from "../../db/client.ts";
import { findNamespace } from "../../db/namespaces.ts";
import { ROUND_OVERDUE_MS } from "../cron-round.ts";
import { log, reasonOf } from "../log.ts";
import type { Services } from "../services.ts";

/** A dependency that has not answered by then is as good as down. */
const DEADLINE_MS = 2000;
/** Shards that are asked: any of them. Were all asked, a larger deployment would pay more for each look. */
const SHARDS_ASKED = 3;

type Check = ReadyView["checks"]["d1"];
type CronCheck = ReadyView["checks"]["cron"];

/**
 * Whether Dure can work, up to a second old. Without the Directory or a shard nothing goes; without the others, most does.
 * What it costs does not grow with what anybody has.
 */
export function readiness(services: Services, now: number): Promise<ReadyView> {
  return services.readiness.get(() => ask(services, now));
}

/** Asks every dependency something real. */
async function ask(services: Services, now: number): Promise<ReadyView> {
  const { shards } = services;
  const [d1, kv, queues, directory, some, cron] = await Promise.all([
    check("d1", () => findNamespace(primary(services.database), "default")),
    check("kv", services.pings.kv),
    check("queues", services.pings.queues),
    check("directory", () => shards.refresh()),
    check("shards", () => askShards(services)),
    checkCron(services, now),
  ]);
  const checks = { d1, kv, queues, shards: some, directory, cron };
  const down = !some.ok || !directory.ok;
  return { status: down ? "down" : d1.ok && kv.ok && queues.ok && cron.ok ? "ok" : "degraded", checks };
}

/** Asks three random shards, or all where there are fewer. */
async function askShards({ shards, random }: Services): Promise<Result<unknown>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  const left = map.shards.map(({ id }) => id);
  const asked: string[] = [];
  while (asked.length < SHARDS_ASKED && left.length > 0) {
    asked.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return together(asked.map((id) => shards.once(id, { idempotent: true }, (shard, head) => shard.health(head))));
}

/** Whether the cron comes round. A deployment that has just begun has had no round yet, and nothing to mend. */
async function checkCron({ cron }: Services, now: number): Promise<CronCheck> {
  let last: number | null = null;
  const { ok, latencyMs } = await check("cron", async () => {
    last = await cron.last();
  });
  const ageMs = last === null ? null : Math.max(0, now - last);
  return {
    ok: ok && (ageMs === null || ageMs <= ROUND_OVERDUE_MS),
    latencyMs,
    ageSeconds: ageMs === null ? null : Math.round(ageMs / 1000),
  };
}

async function check(name: string, ask: () => Promise<unknown>): Promise<Check> {
  const start = Date.now();
  const verdict = (ok: boolean): Check => ({ ok, latencyMs: Date.now() - start });
  const fails = (why: unknown): Check => {
    log("warn", "not-ready", { check: name, reason: reasonOf(why) });
    return verdict(false);
  };
  try {
    const answer = await withDeadline(ask());
    return isProblem(answer) ? fails(answer) : verdict(true);
  } catch (error) {
    return fails(error);
  }
}

async function withDeadline(work: Promise<unknown>): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
