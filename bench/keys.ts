import type { Dure } from "./dure/system.ts";
import { toForget } from "./forgetting.ts";
import { fixedWork } from "./load.ts";
import { waitUntilIdle } from "./process.ts";
import type { Row } from "./report.ts";
import { rowsWritten } from "./usage.ts";

/**
 * An idempotency key is a row when it comes and one when it is forgotten, beside the pack that its job is in. Keys spread jobs over
 * the partitions of their queue, and so over packs: on one partition nothing but the key's own rows differs from plain jobs.
 */
const KEYED = "an idempotency key, all on one partition";
const MAX_MORE = 2;
/** What a job costs in rows beyond a plain one, by what it uses. Each job of a batch has a key of its own. */
const WAYS: { name: string; settings: object; fields: (i: number) => object }[] = [
  { name: "plain", settings: {}, fields: () => ({}) },
  { name: "an ordering key", settings: {}, fields: (i) => ({ orderingKey: `k${i}` }) },
  { name: "a rate limit", settings: { rate: { limit: 100_000, period: 1 }, partitions: 16 }, fields: () => ({}) },
  { name: "a concurrency key", settings: { perKeyConcurrency: 5 }, fields: (i) => ({ concurrencyKey: `k${i}` }) },
  { name: "a dedup key", settings: {}, fields: () => ({ dedup: { key: crypto.randomUUID() } }) },
  { name: "an idempotency key", settings: {}, fields: () => ({ idempotencyKey: crypto.randomUUID() }) },
  { name: KEYED, settings: { partitions: 1 }, fields: () => ({ idempotencyKey: crypto.randomUUID() }) },
];
const JOBS = 2000;

/** Rows written in the shards a job that comes in a batch, from submission to its end, and when what is left is deleted. */
export async function keyRows(system: Dure, stateDir: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [i, { name, settings, fields }] of WAYS.entries()) {
    const queue = `bench-keys-${i}`;
    await system.putQueue(queue, { ...settings, target: { type: "handler", name: "noop" } });
    await waitUntilIdle(system.pid());
    const written = async () => (await rowsWritten(system)) + toForget(stateDir).objectRows;
    const before = await written();
    await fixedWork(4, JOBS / 100, () => system.submitTo(queue, 100, fields));
    while ((await system.finishedOf(queue)) < JOBS) await waitUntilIdle(system.pid());
    const perJob = ((await written()) - before) / JOBS;
    const plain = rows[0]?.dure ?? perJob;
    const budget = name === KEYED ? { budget: { of: "figure" as const, atMost: plain + MAX_MORE } } : {};
    rows.push({ name: `shard rows a job in batches, with its deletion: ${name}`, dure: perJob, unit: "", ...budget });
  }
  return rows;
}
