import { setTimeout as pause } from "node:timers/promises";
import type { Dure, ReadAt } from "./dure/system.ts";
import { median } from "./load.ts";
import { waitUntilIdle } from "./process.ts";
import type { Row } from "./report.ts";

/** What each level of reads costs beside the others. Whoever asks for less must not wait for longer. */
const MAX_RATIO = 1.2;
const QUEUE = "bench-reads";
const JOBS = 100;
const ROUNDS = 300;
const WARM_UP = 50;
/** A younger job is asked of its shard at every level. */
const OLD_MS = 61_000;
const LEVELS: ReadAt[] = ["strong", "session", "eventual"];

export interface OldJobs {
  ids: string[];
  /** `performance.now` from which on they are old enough to be read. */
  readableAt: number;
}

/** Jobs that have succeeded, are in history, and will be old when other rows have been measured. */
export async function makeOldJobs(system: Dure): Promise<OldJobs> {
  await system.putQueue(QUEUE, { target: { type: "handler", name: "noop" } });
  const answer = JSON.parse((await system.submitTo(QUEUE, JOBS, () => ({}))) as string) as { items: { id: string }[] };
  const readableAt = performance.now() + OLD_MS;
  while ((await system.finishedOf(QUEUE)) < JOBS) await pause(100);
  await waitUntilIdle(system.pid());
  return { ids: answer.items.map(({ id }) => id), readableAt };
}

/**
 * Milliseconds of one read of a succeeded job, one after the other, the levels in turns. Null where an answer was of
 * another level. Locally history has no replicas, so that `session` shows the way to D1 and not the way to the primary.
 */
export async function readRows(system: Dure, { ids, readableAt }: OldJobs): Promise<Row[]> {
  await pause(Math.max(0, readableAt - performance.now()));
  // The edge cache learns of jobs from strong reads.
  for (const id of ids) await system.read(id, "strong");
  const times = new Map<ReadAt, number[]>(LEVELS.map((level) => [level, []]));
  const others = new Set<ReadAt>();
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const id = ids[(round + WARM_UP) % ids.length] ?? "";
    for (const level of LEVELS) {
      const start = performance.now();
      const answered = await system.read(id, level);
      if (round >= 0) times.get(level)?.push(performance.now() - start);
      if (answered !== level) others.add(level);
    }
  }
  const [strong, session, eventual] = LEVELS.map((level) =>
    others.has(level) ? null : median(times.get(level) ?? []),
  );
  const row = (name: string, dure: number | null = null, floor: number | null = null): Row => ({
    name,
    floor,
    dure,
    unit: "ms",
    budget: { of: "ratio", atMost: MAX_RATIO },
  });
  return [
    { name: "read of a succeeded job, strong", dure: strong ?? null, unit: "ms" },
    row("read of a succeeded job, session, ratio to strong", session, strong),
    row("read of a succeeded job, eventual (cached), ratio to strong", eventual, strong),
    row("read of a succeeded job, eventual (cached), ratio to session", eventual, session),
  ];
}
