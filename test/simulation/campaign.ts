/** Many histories, one after another, and what they add up to. */
import { SITUATIONS, type Situation } from "./counters.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type History, runHistory } from "./run-history.ts";

export interface Campaign {
  histories: number;
  failures: { seed: number; invariant: string; detail: string }[];
  hits: Map<Fault, number>;
  situations: Map<Situation, number>;
  events: number;
  jobs: number;
  longestRecovery: { seed: number; ms: number };
  seconds: number;
}

/** More than these say no more than the first ones do. */
const MAX_FAILURES = 10;

export async function runCampaign(seeds: Iterable<number>): Promise<Campaign> {
  const started = performance.now();
  const sum: Campaign = {
    histories: 0,
    failures: [],
    hits: new Map(),
    situations: new Map(),
    events: 0,
    jobs: 0,
    longestRecovery: { seed: 0, ms: 0 },
    seconds: 0,
  };
  for (const seed of seeds) {
    add(sum, await runHistory(seed));
    if (sum.failures.length >= MAX_FAILURES) break;
  }
  sum.seconds = (performance.now() - started) / 1000;
  return sum;
}

function add(sum: Campaign, history: History): void {
  const [first] = history.violations;
  if (first !== undefined) sum.failures.push({ seed: history.seed, ...first });
  sum.histories += 1;
  sum.events += history.events;
  sum.jobs += history.jobs;
  for (const [fault, n] of history.hits) sum.hits.set(fault, (sum.hits.get(fault) ?? 0) + n);
  for (const [situation, n] of history.situations)
    sum.situations.set(situation, (sum.situations.get(situation) ?? 0) + n);
  if (history.recoveryMs > sum.longestRecovery.ms) sum.longestRecovery = { seed: history.seed, ms: history.recoveryMs };
}

/** What a campaign never met. A long one that missed something proved less than it seems. */
export function missed({ hits, situations }: Campaign): string[] {
  return [
    ...FAULTS.filter((fault) => !hits.has(fault)),
    ...SITUATIONS.filter((situation) => !situations.has(situation)),
  ];
}

export function report(campaign: Campaign): string {
  const { histories, events, jobs, seconds, longestRecovery } = campaign;
  const list = (counts: Map<string, number>) =>
    [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, n]) => `  ${name}: ${n}`);
  return [
    `${histories} histories, ${jobs} jobs, ${events} events in ${seconds.toFixed(1)} s (${(histories / seconds).toFixed(0)}/s)`,
    `longest recovery after the last fault: ${(longestRecovery.ms / 1000).toFixed(0)} s (seed ${longestRecovery.seed})`,
    "faults:",
    ...list(campaign.hits),
    "situations:",
    ...list(campaign.situations),
    ...campaign.failures.map(({ seed, invariant, detail }) => `seed ${seed} breaks ${invariant}: ${detail}`),
  ].join("\n");
}
