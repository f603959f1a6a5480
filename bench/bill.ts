import type { Dure } from "./dure/system.ts";
import { dollarsPerMillion } from "./prices.ts";
import type { Row } from "./report.ts";
import { inTurns } from "./rounds.ts";
import {
  BATCHES,
  type Idle,
  ONE_A_MINUTE,
  ONE_A_SECOND,
  type PerJob,
  SINGLES,
  TWENTY_A_SECOND,
  usage,
  type Way,
} from "./usage.ts";

const SECONDS_A_MONTH = 30 * 24 * 3600;
/** The first ways of `BUDGETS` take seconds, and the others minutes. */
const QUICK_WAYS = 2;

/** What a job may use, and cost in dollars a million, by the way in which jobs come. */
const BUDGETS: readonly { way: Way; shardRows: number; d1Rows: number; dollars: number }[] = [
  { way: BATCHES, shardRows: 0.1, d1Rows: 0.05, dollars: 0.5 },
  { way: SINGLES, shardRows: 1, d1Rows: 0.1, dollars: 3 },
  { way: TWENTY_A_SECOND, shardRows: 6, d1Rows: 1, dollars: 3 },
  { way: ONE_A_SECOND, shardRows: 6, d1Rows: 1, dollars: 10 },
  { way: ONE_A_MINUTE, shardRows: 6, d1Rows: 1, dollars: 12 },
];

export interface Billed {
  system: Dure;
  stateDir: string;
  idle: Idle;
  /** Milliseconds of CPU a job in batches; null where it is not known. */
  cpuMs: number | null;
  /** Only the ways that take seconds. */
  quick: boolean;
}

/** What a job uses of all that is billed, by the way in which jobs come. */
export async function billRows({ system, stateDir, idle, cpuMs, quick }: Billed): Promise<Row[]> {
  const rows: Row[] = [];
  for (const budgets of quick ? BUDGETS.slice(0, QUICK_WAYS) : BUDGETS) {
    const [[perJob] = []] = await inTurns([system], { name: `what a job uses: ${budgets.way.name}`, rounds: 1 }, () =>
      usage(system, budgets.way, { idle, stateDir }),
    );
    if (perJob !== undefined) rows.push(...usageRows(budgets, perJob, cpuMs));
  }
  return rows;
}

/** What a month costs in which nobody does anything. */
export function idleRows(idle: Idle): Row[] {
  const million = dollarsPerMillion({ ...idle, cpuMs: 0, objectSeconds: idle.awakeMs / 1000 });
  return [
    { name: "idle: object requests a minute", dure: idle.objectRequests * 60, unit: "" },
    {
      name: "idle: shard rows written a minute, alarms set too",
      dure: (idle.objectRows + idle.alarmRows) * 60,
      unit: "",
    },
    { name: "idle: seconds a minute in which an object is awake", dure: (idle.awakeMs / 1000) * 60, unit: "" },
    {
      name: "idle: dollars a month",
      dure: (million / 1e6) * SECONDS_A_MONTH,
      unit: "",
      budget: { of: "figure", atMost: 2 },
    },
  ];
}

function usageRows(budgets: (typeof BUDGETS)[number], perJob: PerJob, cpuMs: number | null): Row[] {
  const way = budgets.way.name;
  const budget = (atMost: number) => ({ budget: { of: "figure" as const, atMost } });
  const dollars = dollarsPerMillion({ ...perJob, cpuMs: cpuMs ?? 0, objectSeconds: perJob.awakeMs / 1000 });
  return [
    {
      name: `${way}: shard rows written a job, with its deletion and alarms set`,
      dure: perJob.objectRows + perJob.alarmRows,
      unit: "",
      ...budget(budgets.shardRows),
    },
    {
      name: `${way}: D1 rows written a job, with its deletion`,
      dure: perJob.d1Rows,
      unit: "",
      ...budget(budgets.d1Rows),
    },
    { name: `${way}: object requests a job, alarms too`, dure: perJob.objectRequests, unit: "" },
    { name: `${way}: milliseconds a job in which an object is awake`, dure: perJob.awakeMs, unit: "" },
    { name: `${way}: Queue messages a job`, dure: perJob.messages, unit: "" },
    { name: `${way}: Worker requests a job`, dure: perJob.workerRequests, unit: "" },
    { name: `${way}: KV writes a job`, dure: perJob.kvWrites, unit: "" },
    { name: `${way}: dollars per million jobs`, dure: dollars, unit: "", ...budget(budgets.dollars) },
  ];
}
