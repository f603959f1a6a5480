import { median } from "./load.ts";
import { type Pids, waitUntilIdle } from "./process.ts";

export const ROUNDS = 3;

const began = Date.now();

/** Seconds since the run began. */
export function elapsedSeconds(): string {
  return ((Date.now() - began) / 1000).toFixed(0);
}

/** Says on the standard error what is measured from now on. */
export function announce(name: string): void {
  process.stderr.write(`${elapsedSeconds().padStart(4)} s  ${name}\n`);
}

/** What `of` measures of each system, round by round and one right after the other, so that the machine's mood is the same. */
export async function inTurns<S extends { pids(): Pids }, T>(
  systems: readonly S[],
  { name, rounds = ROUNDS }: { name: string; rounds?: number },
  of: (system: S) => Promise<T>,
): Promise<T[][]> {
  announce(name);
  const results: T[][] = systems.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, system] of systems.entries()) {
      await waitUntilIdle(system.pids());
      results[i]?.push(await of(system));
    }
  }
  return results;
}

/** The median of what the runs have of it; null where one has none. */
export function middle<T>(runs: readonly T[] = [], pick: (run: T) => number | null): number | null {
  const values = runs.map(pick);
  return values.some((value) => value === null) ? null : median(values as number[]);
}
