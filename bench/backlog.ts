import type { Claimed, Dure } from "./dure/system.ts";
import { fixedWork, median } from "./load.ts";
import { waitUntilIdle } from "./process.ts";
import type { Row } from "./report.ts";

/** A claim out of a long line costs what a claim out of a short one does. */
const BACKLOGS = [1_000, 100_000, 1_000_000];
const MAX_RATIO = 1.3;
const CLAIMS = 40;
const QUEUE = "bench-backlog";
const BATCH = 1000;
const LIMIT = 150;

/**
 * Milliseconds of one claim of a hundred jobs over HTTP, at growing backlogs of one queue in one shard, with priorities
 * mixed and a limit set. Throws where a claim breaks the order or the limit.
 */
export async function backlogRows(system: Dure): Promise<Row[]> {
  await system.putQueue(QUEUE, { target: { type: "pull" }, partitions: 1, concurrency: LIMIT });
  const rows: Row[] = [];
  let waiting = 0;
  for (const backlog of BACKLOGS) {
    await fixedWork(2, (backlog - waiting) / BATCH, () => submit(system, BATCH));
    waiting = backlog;
    await waitUntilIdle(system.pid());
    rows.push({
      name: `claim of 100 at a backlog of ${backlog.toLocaleString("en-US")}, ratio to the first`,
      floor: rows[0]?.dure ?? null,
      dure: await claimMs(system),
      unit: "ms",
      ...(rows.length === 0 ? {} : { budget: { of: "ratio", atMost: MAX_RATIO } }),
    });
  }
  return rows;
}

/** A million jobs of one queue in one shard, all alike. */
export async function plainBacklog(system: Dure): Promise<void> {
  const queue = "bench-plain-backlog";
  await system.putQueue(queue, { target: { type: "pull" }, partitions: 1 });
  const [most = 0] = BACKLOGS.slice(-1);
  await fixedWork(2, most / BATCH, () => system.submitTo(queue, BATCH, () => ({ payload: null })));
}

function submit(system: Dure, n: number): Promise<unknown> {
  return system.submitTo(QUEUE, n, (i) => ({ payload: null, priority: i % 10 }));
}

/** The backlog is as long after each claim as before. */
async function claimMs(system: Dure): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < CLAIMS; i++) {
    const start = performance.now();
    const jobs = await system.claim(QUEUE);
    times.push(performance.now() - start);
    const more = await system.claim(QUEUE);
    if (jobs.length !== 100 || more.length !== LIMIT - 100) {
      throw new Error(`a concurrency of ${LIMIT} gave ${jobs.length} and ${more.length}`);
    }
    check([...jobs, ...more]);
    await system.succeed(jobs);
    await system.succeed(more);
    await submit(system, LIMIT);
  }
  return median(times);
}

/** Best first: higher priority, then acceptance. */
function check(jobs: Claimed[]): void {
  jobs.reduce((before, job) => {
    const later = job.priority === before.priority ? job.createdAt < before.createdAt : job.priority > before.priority;
    if (later) throw new Error(`${before.id} was handed out before ${job.id}`);
    return job;
  });
}
