import type { ReadyView } from "../../../contract/admin.ts";
import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { ShardHealth } from "../../../contract/rpc.ts";
import { PROCESSOR_AWAY_MS } from "../../../domain/bell.ts";
import { primary } from "../../db/client.ts";
import type { DatabaseSize } from "../../db/database-size.ts";
import { findNamespace } from "../../db/namespaces.ts";
import { type CronRound, ROUND_OVERDUE_MS } from "../cron-round.ts";
import { LATE, within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";
import type { Services } from "../services.ts";
import { databaseSizes, historyRoom, reasonOfRoom, refusedSince } from "./database-room.ts";
import { processorAwaySince } from "./processor-away.ts";

/** A dependency that has not answered by then is as good as down. */
const DEADLINE_MS = 2000;
/** Shards that are asked: any of them. Were all asked, a larger deployment would pay more for each look. */
const SHARDS_ASKED = 3;
/** What the last round has left is waited for so long: a KV that hangs must not look like shards that are away. */
const ROUND_MS = 500;

type Check = ReadyView["checks"]["d1"];
type CronCheck = ReadyView["checks"]["cron"];
type ProcessorCheck = ReadyView["checks"]["processor"];

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
  const round = services.cron.last();
  round.catch(() => undefined);
  const asked = new Map<string, ShardHealth>();
  let sizes: DatabaseSize[] | null = null;
  const [d1, kv, queues, directory, some, cron, sized] = await Promise.all([
    check("d1", () => findNamespace(primary(services.database), "default")),
    check("kv", services.pings.kv),
    check("queues", services.pings.queues),
    check("directory", () => shards.refresh()),
    check("shards", () => askShards(services, { round, asked })),
    checkCron(round, now),
    check("history", async () => {
      sizes = await databaseSizes(services);
    }),
  ]);
  const processor = processorCheck(asked, { shards: some, now });
  const since = refusedSince(asked.values());
  const room = historyRoom(sizes, { limit: services.config.databaseBytes, refusedSince: since, now });
  if (sized.ok && !room.ok) log("warn", "not-ready", { check: "history", reason: reasonOfRoom(room) });
  const history = { ...room, latencyMs: sized.latencyMs };
  const checks = { d1, kv, queues, shards: some, directory, cron, processor, history };
  const down = !some.ok || !directory.ok;
  const whole = [d1, kv, queues, cron, processor, history].every(({ ok }) => ok);
  return { status: down ? "down" : whole ? "ok" : "degraded", checks };
}

/**
 * Asks three random shards, or all where there are fewer; and those whose work waited longest for a processor in the last round, and
 * whose finished jobs for room in history, so that of many shards those are asked that have something to tell. `asked` gets how each of them is.
 */
async function askShards(
  { shards, random }: Services,
  { round, asked }: { round: Promise<CronRound | null>; asked: Map<string, ShardHealth> },
): Promise<Result<unknown>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  const left = map.shards.map(({ id }) => id);
  const chosen = new Set<string>();
  while (chosen.size < SHARDS_ASKED && left.length > 0) {
    const [id] = left.splice(Math.floor(random() * left.length), 1);
    if (id !== undefined) chosen.add(id);
  }
  const last = await within(ROUND_MS, round).then(
    (noted) => (noted === LATE ? null : noted),
    () => null,
  );
  for (const id of [last?.longestWaiting ?? null, last?.longestRefused ?? null]) {
    if (id !== null && left.includes(id)) chosen.add(id);
  }
  return together(
    [...chosen].map(async (id) => {
      const health = await shards.once(id, { idempotent: true }, (shard, head) => shard.health(head));
      if (!isProblem(health)) asked.set(id, health);
      return health;
    }),
  );
}

/** Whether the processor comes for what waits. Where nothing waits nobody can tell, and there is nothing to mend. */
function processorCheck(
  asked: ReadonlyMap<string, ShardHealth>,
  { shards, now }: { shards: Check; now: number },
): ProcessorCheck {
  const since = [...asked.values()].map(processorAwaySince).filter((at) => at !== null);
  const waitingMs = since.length === 0 ? null : Math.max(0, now - Math.min(...since));
  return {
    ok: shards.ok && (waitingMs === null || waitingMs <= PROCESSOR_AWAY_MS),
    latencyMs: shards.latencyMs,
    waitingSeconds: waitingMs === null ? null : Math.round(waitingMs / 1000),
  };
}

/** Whether the cron comes round. A deployment that has just begun has had no round yet, and nothing to mend. */
async function checkCron(round: Promise<CronRound | null>, now: number): Promise<CronCheck> {
  let last: CronRound | null = null;
  const { ok, latencyMs } = await check("cron", async () => {
    last = await round;
  });
  const { at = null } = (last as CronRound | null) ?? {};
  const ageMs = at === null ? null : Math.max(0, now - at);
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
