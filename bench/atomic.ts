import type { Dure } from "./dure/system.ts";
import { median } from "./load.ts";
import type { Row } from "./report.ts";

/** What all or nothing costs in time: two more round trips to each shard, and the decision on disk. */
const MAX_RATIO = 2.5;
const QUEUE = "bench-atomic";
const JOBS = 100;
/** So many that the jobs of a batch are on every shard, spread by their keys. */
const PARTITIONS = 64;
const ROUNDS = 40;
const WARM_UP = 5;

/** A concurrency key without limits only spreads. An ordering key's line is written when it is prepared and when it is carried out. */
const WAYS = [
  { name: "concurrency keys", key: "concurrencyKey", budget: { of: "ratio", atMost: MAX_RATIO } },
  { name: "ordering keys", key: "orderingKey" },
] as const;

/** Milliseconds of a batch over all shards, alone: not atomic and atomic, in turns, so that the machine's mood is the same. */
export async function atomicRows(system: Dure): Promise<Row[]> {
  await system.putQueue(QUEUE, { target: { type: "pull" }, partitions: PARTITIONS });
  const rows: Row[] = [];
  for (const { name, key, ...promise } of WAYS) {
    const { plain, atomic } = await times(system, key);
    rows.push({
      name: `atomic batch of ${JOBS} over 4 shards, ${name}, ratio to not atomic`,
      floor: plain,
      dure: atomic,
      unit: "ms",
      ...promise,
    });
  }
  return rows;
}

async function times(system: Dure, key: string): Promise<{ plain: number; atomic: number }> {
  const taken: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [way, all] of taken.entries()) {
      const start = performance.now();
      await system.submitTo(QUEUE, JOBS, (i) => ({ [key]: `${round}-${way}-${i}` }), way === 1);
      if (round >= 0) all.push(performance.now() - start);
    }
  }
  return { plain: median(taken[0]), atomic: median(taken[1]) };
}
