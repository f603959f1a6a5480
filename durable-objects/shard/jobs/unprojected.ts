import type { Sql } from "../../sql.ts";
import { FACTS } from "../kernel/facts.ts";
import { countsEqualRows, type KeptCounts, keptCounts } from "../kernel/kept-counts.ts";
import type { Part, PartContext, Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { READABLE_JOBS } from "./history-log.ts";
import { PACK_JOBS, packOfName } from "./packs/pack-log.ts";
import { PACKS } from "./packs/packs.ts";

/** The fact that says how far history is. */
export const PROJECTED = "projected";

type Uncopied = { queue: number; n: number; succeeded: number };

/** Jobs of each queue that entries from `from` (not included) to `to` name, each under the version that it still has. */
function uncopied(sql: Sql, { from, to, limit }: { from: number; to: number; limit: number }): Uncopied[] {
  return sql.all<Uncopied>(
    `SELECT queue, count(*) AS n, sum(succeeded) AS succeeded FROM (
       SELECT jobs.queue AS queue, jobs.state = 'succeeded' AS succeeded
       FROM finished, json_each(${READABLE_JOBS}) AS place, json_each(iif(place.type = 'array', place.value, '[]')) AS entry
         JOIN jobs ON jobs.id = iif(entry.type = 'array', entry.value ->> 0, NULL)
       WHERE kept IN (0, 1) AND finished.seq > ?1 AND finished.seq <= ?2 AND moved_in = 0 AND jobs.version = entry.value ->> 1
       LIMIT +?3)
     GROUP BY queue
     UNION ALL
     SELECT packs.queue, sum(${PACK_JOBS}), sum(${PACK_JOBS})
     FROM finished, json_each(${READABLE_JOBS}) AS place, json_each(iif(place.type = 'array', place.value, '[]')) AS entry
       JOIN packs ON packs.pack = ${packOfName("iif(entry.type = 'array', entry.value ->> 0, NULL)")}
     WHERE kept IN (0, 1) AND finished.seq > ?1 AND finished.seq <= ?2 AND moved_in = 0
     GROUP BY packs.queue`,
    from,
    to,
    limit,
  );
}

const ALL = { to: Number.MAX_SAFE_INTEGER, limit: -1 };

/** The fact itself: the position that is kept of it counts on these counts. */
function projectedIn(shard: Parts): number {
  return Number(shard.get(FACTS).read(PROJECTED) ?? 0);
}

/** With those that have succeeded in packs which the log does not name yet, because others of their jobs have not ended. */
function allUncopied(shard: Parts, limit: number): Uncopied[] {
  const partly = [...shard.get(PACKS).index.partlyDone].map(([queue, n]) => ({ queue, n, succeeded: n }));
  return [...uncopied(shard.sql, { from: projectedIn(shard), to: ALL.to, limit }), ...partly];
}

function load(of: "n" | "succeeded") {
  return (shard: PartContext) => allUncopied(shard, ALL.limit).map((row) => ({ key: row.queue, n: row[of] }));
}

/** Finished jobs of each queue that history does not have yet. */
export const UNPROJECTED = keptCounts("counts of unprojected jobs", load("n"));

/** Of these, those that have succeeded. */
export const UNPROJECTED_SUCCEEDED = keptCounts("counts of unprojected successes", load("succeeded"));

function audit(rule: string, part: Part<KeptCounts>, of: "n" | "succeeded") {
  return countsEqualRows(rule, part, {
    name: `unprojected jobs (${of})`,
    rows: (view, limit) => allUncopied(view, limit).map((row) => ({ key: row.queue, n: row[of] })),
  });
}

export const UNPROJECTED_AUDIT = [
  audit("unprojected-equals-rows", UNPROJECTED, "n"),
  audit("unprojected-equals-rows", UNPROJECTED_SUCCEEDED, "succeeded"),
];

/** One more job waits for history, or one fewer (-1). */
export function noteUncopied(step: Step, { queue, succeeded }: { queue: number; succeeded: boolean }, n: 1 | -1): void {
  step.get(UNPROJECTED).add(queue, n);
  if (succeeded) step.get(UNPROJECTED_SUCCEEDED).add(queue, n);
}

/** History has the entries up to `to`, and had those up to `from`. It reads the jobs of a page that history has just copied. */
export function noteCopied(step: Step, from: number, to: number): void {
  for (const { queue, n, succeeded } of uncopied(step.sql, { from, to, limit: -1 })) {
    step.get(UNPROJECTED).add(queue, -n);
    step.get(UNPROJECTED_SUCCEEDED).add(queue, -succeeded);
  }
}
