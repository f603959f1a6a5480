import type { ShardHealth } from "../../../contract/rpc.ts";
import { JOB_STATES } from "../../../domain/job/state.ts";
import { LANES, type Lane } from "../../../domain/queue.ts";
import type { DatabaseSize } from "../../db/database-size.ts";
import { refusedSince } from "./database-room.ts";

interface Family {
  name: string;
  type: "gauge" | "counter";
  help: string;
  unit?: "seconds" | "bytes";
  samples: { labels?: Record<string, string>; value: number }[];
}

/** What all shards together report, as OpenMetrics text. Totals only: nothing tells of a namespace or a queue. */
export function openMetrics(shards: { id: string; health: ShardHealth }[], databases: Databases, now: number): string {
  return `${[...families(shards, now), ...databaseFamilies(databases)].map(render).join("")}# EOF\n`;
}

/** How large the databases are, and what each can hold. */
export interface Databases {
  sizes: readonly DatabaseSize[];
  limit: number;
}

function databaseFamilies({ sizes, limit }: Databases): Family[] {
  const each = (value: (size: DatabaseSize) => number) =>
    sizes.map((size) => ({ labels: { database: size.name }, value: value(size) }));
  return [
    {
      name: "dure_database_bytes",
      type: "gauge",
      help: "Size of a database of D1.",
      unit: "bytes",
      samples: each(({ bytes }) => bytes),
    },
    {
      name: "dure_database_limit_bytes",
      type: "gauge",
      help: "What a database of D1 can hold.",
      unit: "bytes",
      samples: each(() => limit),
    },
  ];
}

function families(shards: { id: string; health: ShardHealth }[], now: number): Family[] {
  const sum = (pick: (health: ShardHealth) => number) => shards.reduce((total, { health }) => total + pick(health), 0);
  const each = (pick: (health: ShardHealth) => number) =>
    shards.map(({ id, health }) => ({ labels: { shard: id }, value: pick(health) }));
  const refused = refusedSince(shards.map(({ health }) => health));
  const due = shards.map(({ health }) => health.oldestDueAt).filter((at) => at !== null);
  const counter = (name: string, help: string, pick: keyof ShardHealth["totals"]): Family => ({
    name,
    type: "counter",
    help,
    samples: [{ value: sum((health) => health.totals[pick]) }],
  });
  return [
    {
      name: "dure_jobs",
      type: "gauge",
      help: "Jobs that the shards hold, by state.",
      samples: JOB_STATES.map((state) => ({ labels: { state }, value: sum((health) => health.counts[state]) })),
    },
    counter("dure_jobs_accepted", "Jobs accepted.", "accepted"),
    counter("dure_jobs_refused", "Jobs refused because a backlog or a shard was full.", "refused"),
    counter("dure_jobs_spawned", "Jobs that successes brought with them.", "spawned"),
    counter("dure_spawned_jobs_refused", "Of these, refused by their shards for good: dead letters.", "spawnsRefused"),
    counter("dure_jobs_started", "Attempts started.", "started"),
    counter("dure_jobs_finished", "Jobs that came to a final state.", "finished"),
    {
      name: "dure_schedule_fires",
      type: "counter",
      help: "Instants of schedules, by what came of them.",
      samples: [
        { labels: { outcome: "fired" }, value: sum((health) => health.totals.firesFired) },
        { labels: { outcome: "skipped" }, value: sum((health) => health.totals.firesSkipped) },
        { labels: { outcome: "missed" }, value: sum((health) => health.totals.firesMissed) },
      ],
    },
    counter("dure_events_delivered", "Lifecycle events that subscribers have taken.", "eventsDelivered"),
    counter("dure_events_failed", "Tries to deliver lifecycle events that failed.", "eventsFailed"),
    counter("dure_events_dropped", "Lifecycle events that were given up.", "eventsDropped"),
    {
      name: "dure_events_pending",
      type: "gauge",
      help: "Lifecycle events that subscribers have yet to get.",
      samples: [{ value: sum((health) => health.pendingEvents) }],
    },
    counter("dure_bells", "Doorbells rung.", "bells"),
    counter("dure_reports_stale", "Reports refused because their lease was not the current one.", "staleReports"),
    counter("dure_leases_expired", "Leases that ended without a report.", "leaseExpired"),
    {
      name: "dure_undelivered_spawned_jobs",
      type: "gauge",
      help: "Spawned jobs on their way to their shards, and letters about refused ones on theirs.",
      samples: [{ value: sum((health) => health.undelivered) }],
    },
    {
      name: "dure_parked_keys",
      type: "gauge",
      help: "Ordering keys that stand still, by a failure or by hand.",
      samples: [{ value: sum((health) => health.parkedKeys) }],
    },
    {
      name: "dure_jobs_unprojected",
      type: "gauge",
      help: "Finished jobs that history does not have yet.",
      samples: [{ value: sum((health) => health.unprojected) }],
    },
    {
      name: "dure_history_full_seconds",
      type: "gauge",
      help: "How long a full database has refused finished jobs. 0: it has room.",
      unit: "seconds",
      samples: [{ value: refused === null ? 0 : Math.max(0, now - refused) / 1000 }],
    },
    {
      name: "dure_oldest_due_age_seconds",
      type: "gauge",
      help: "How long the job waits that has been due for longest.",
      unit: "seconds",
      samples: [{ value: due.length === 0 ? 0 : Math.max(0, now - Math.min(...due)) / 1000 }],
    },
    {
      name: "dure_executor_away_seconds",
      type: "gauge",
      help: "How long work has waited and no executor has come for it, by lane. 0: none waits.",
      unit: "seconds",
      samples: LANES.flatMap((lane) =>
        (["processor", "consumer"] as const).map((executor) => ({
          labels: { lane, executor },
          value: awaySeconds(shards, { lane, executor }, now),
        })),
      ),
    },
    {
      name: "dure_shard_live_jobs",
      type: "gauge",
      help: "Unfinished jobs of a shard.",
      samples: each((health) => health.live),
    },
    {
      name: "dure_shard_bytes",
      type: "gauge",
      help: "Size of a shard's database.",
      unit: "bytes",
      samples: each((health) => health.bytes),
    },
    {
      name: "dure_shard_rows_written",
      type: "counter",
      help: "Rows a shard has written since it woke.",
      samples: each((health) => health.rowsWritten),
    },
  ];
}

function awaySeconds(
  shards: { health: ShardHealth }[],
  of: { lane: Lane; executor: "processor" | "consumer" },
  now: number,
): number {
  const since = shards
    .flatMap(({ health }) => health.executors ?? [])
    .filter(({ lane, executor }) => lane === of.lane && executor === of.executor)
    .flatMap(({ awaySince }) => awaySince ?? []);
  return since.length === 0 ? 0 : Math.max(0, now - Math.min(...since)) / 1000;
}

function render({ name, type, help, unit, samples }: Family): string {
  const lines = [`# TYPE ${name} ${type}`];
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  lines.push(`# HELP ${name} ${help}`);
  const sampleName = type === "counter" ? `${name}_total` : name;
  for (const { labels, value } of samples) {
    const text = Object.entries(labels ?? {})
      .map(([label, content]) => `${label}="${content}"`)
      .join(",");
    lines.push(`${sampleName}${text === "" ? "" : `{${text}}`} ${value}`);
  }
  return `${lines.join("\n")}\n`;
}
