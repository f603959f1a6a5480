import { type Load, type Outcome, runLoad } from "../test/rigs/rate-isolates.ts";
import type { Dure } from "./dure/system.ts";
import { openLoop } from "./load.ts";
import type { Row } from "./report.ts";

/** Requests a second of one key through one isolate, for so many seconds; and calls of the object that a thousand may make. */
const PACES = [
  { perSecond: 1, seconds: 40, atMost: 0 },
  { perSecond: 20, seconds: 30, atMost: 20 },
  { perSecond: 1_000, seconds: 6, atMost: 10 },
] as const;
/** What the free share of the requests before has come back in. */
const REST_SECONDS = 10;

const QUOTA = { units: 10_000, windowMs: 10_000 };
/** Two thousand requests a second, and lists among them: twice the budget. */
const TWICE = 2_000;
const DEAR = { units: 10, chance: 0.05 };
/** Over and under the exact limiter, in percent. */
const SPREADS = [
  { isolates: 1, over: 1, under: 5 },
  { isolates: 20, over: 25, under: 5 },
  { isolates: 200, over: 50, under: 10 },
] as const;

/** How often the object of a namespace is called for its request budget. */
export async function limiterRows(system: Dure): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { perSecond, seconds, atMost } of PACES) {
    await new Promise((resolve) => setTimeout(resolve, REST_SECONDS * 1_000));
    const before = (await system.used()).limiterCalls;
    await openLoop(perSecond, seconds * 1_000, () => system.askNothing());
    const calls = (await system.used()).limiterCalls - before;
    rows.push({
      name: `rate limiter: object calls a thousand requests, ${perSecond.toLocaleString("en-US")} a second`,
      dure: (calls * 1_000) / (perSecond * seconds),
      unit: "",
      budget: { of: "figure", atMost },
    });
  }
  return rows;
}

/** How far what isolates let through is from what an exact limiter would have, in virtual time, at twice the budget. */
export async function limiterErrorRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { isolates, over, under } of SPREADS) {
    const outcome = await runLoad(overloaded(isolates));
    rows.push(...errorRows(`${isolates} isolate${isolates === 1 ? "" : "s"}`, outcome, { over, under }));
  }
  return rows;
}

function overloaded(isolates: number): Load {
  return {
    seed: isolates,
    isolates,
    seconds: 30,
    quota: QUOTA,
    rate: () => TWICE / isolates / (1 + DEAR.chance * (DEAR.units - 1)),
    cost: (random) => (random.chance(DEAR.chance) ? DEAR.units : 1),
  };
}

function errorRows(who: string, outcome: Outcome, atMost: { over: number; under: number }): Row[] {
  const percent = (name: string, value: number, most: number): Row => ({
    name: `rate limiter, twice the budget over ${who}: ${name}`,
    dure: value * 100,
    unit: "",
    budget: { of: "figure", atMost: most },
  });
  return [
    percent("% of the budget let through too soon at the worst", outcome.over / QUOTA.units, atMost.over),
    percent("% too little in all", Math.max(0, 1 - outcome.admitted / outcome.exact), atMost.under),
  ];
}
