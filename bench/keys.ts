import type { Dure } from "./dure/system.ts";
import { fixedWork } from "./load.ts";
import { waitUntilIdle } from "./process.ts";
import type { Row } from "./report.ts";
import { rowsWritten } from "./usage.ts";

/** What a job costs in rows beyond a plain one, by what it uses. Each job of a batch has a key of its own. */
const WAYS: { name: string; settings: object; fields: (i: number) => object }[] = [
  { name: "plain", settings: {}, fields: () => ({}) },
  { name: "an ordering key", settings: {}, fields: (i) => ({ orderingKey: `k${i}` }) },
  { name: "a rate limit", settings: { rate: { limit: 100_000, period: 1 }, partitions: 16 }, fields: () => ({}) },
  { name: "a concurrency key", settings: { perKeyConcurrency: 5 }, fields: (i) => ({ concurrencyKey: `k${i}` }) },
  { name: "a dedup key", settings: {}, fields: () => ({ dedup: { key: crypto.randomUUID() } }) },
  { name: "an idempotency key", settings: {}, fields: () => ({ idempotencyKey: crypto.randomUUID() }) },
];
const JOBS = 2000;

/** Rows written in the shards a job, from submission to its end. */
export async function keyRows(system: Dure): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [i, { name, settings, fields }] of WAYS.entries()) {
    const queue = `bench-keys-${i}`;
    await system.putQueue(queue, { ...settings, target: { type: "handler", name: "noop" } });
    await waitUntilIdle(system.pid());
    const before = await rowsWritten(system);
    await fixedWork(4, JOBS / 100, () => system.submitTo(queue, 100, fields));
    while ((await system.finishedOf(queue)) < JOBS) await waitUntilIdle(system.pid());
    rows.push({ name: `shard rows a job: ${name}`, dure: ((await rowsWritten(system)) - before) / JOBS, unit: "" });
  }
  return rows;
}
