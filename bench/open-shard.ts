import { ShardCore } from "../durable-objects/shard/shard-core.ts";
import { openSql } from "../test/simulation/node-sqlite.ts";
import { median } from "./load.ts";
import type { ShardStart } from "./shard-start.ts";

/** Starts the shard of a SQLite file again and again, and prints a `ShardStart`: `node --expose-gc open-shard.ts <file>`. */
const STARTS = 5;
const [file = ""] = process.argv.slice(2);
/** What a first collection frees may still hold what a second one finds. */
const collect = () => {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
};

function open() {
  const sql = openSql(file);
  const began = performance.now();
  const nothing = () => undefined;
  const ports = { sql, now: Date.now, random: Math.random, setAlarm: nothing, ring: nothing };
  const core = new ShardCore("shard", ports);
  return { core, sql, ms: performance.now() - began };
}

const times: number[] = [];
for (let i = 0; i < STARTS; i++) {
  const { sql, ms } = open();
  times.push(ms);
  sql.close();
}
collect();
const before = process.memoryUsage().heapUsed;
const kept = open();
collect();
const mb = (process.memoryUsage().heapUsed - before) / 1e6;
const [count] = kept.sql.all<{ n: number }>(
  "SELECT (SELECT count(*) FROM jobs) + (SELECT coalesce(sum(n), 0) FROM packs) AS n",
);
const start: ShardStart = { jobs: count?.n ?? 0, ms: median(times), mb };
// The shard stays alive up to here.
if (kept.core.name !== "") process.stdout.write(JSON.stringify(start));
