import { type Load, type Outcome, runLoad } from "../test/rigs/rate-isolates.ts";
import type { Dure } from "./dure/system.ts";
import { openLoop } from "./load.ts";
import type { Row } from "./report.ts";

/** Requests a second of one key through one isolate, for so many seconds; and calls of the object that a thousand may make. */
const PACES = [
  { perSecond: 1, seconds: 60, atMost: 25 },
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
  { isolates: 20, over: 5, under: 5 },
  { isolates: 200, over: 5, under: 10 },
] as const;
/** Isolates that let a request a second through without asking, beside one that spends all there is; over in percent: half a percent for each. */
const QUIET = [
  { isolates: 20, over: 10 },
  { isolates: 200, over: 100 },
] as const;
const QUIET_SECONDS = 150;
/** A fifth more than the budget, a second. */
const MORE = 1_200;

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
    rows.push(...errorRows(isolates, outcome, { over, under }));
  }
  for (const { isolates, over } of QUIET) {
    const outcome = await runLoad(besideQuiet(isolates));
    rows.push(tooSoon(`all spent by one beside ${isolates} isolates that ask for one a second`, outcome, over));
  }
  return rows;
}

function besideQuiet(isolates: number): Load {
  const rate = (isolate: number) => (isolate === 0 ? MORE : 1);
  return { seed: isolates, isolates: isolates + 1, seconds: QUIET_SECONDS, quota: QUOTA, rate };
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

function errorRows(isolates: number, outcome: Outcome, atMost: { over: number; under: number }): Row[] {
  const who = `twice the budget over ${isolates} isolate${isolates === 1 ? "" : "s"}`;
  const under = Math.max(0, 1 - outcome.admitted / outcome.exact);
  return [tooSoon(who, outcome, atMost.over), percent(`${who}: % too little in all`, under, atMost.under)];
}

function tooSoon(who: string, { over }: Outcome, atMost: number): Row {
  return percent(`${who}: % of the budget let through too soon at the worst`, over / QUOTA.units, atMost);
}

function percent(name: string, value: number, atMost: number): Row {
  return { name: `rate limiter, ${name}`, dure: value * 100, unit: "", budget: { of: "figure", atMost } };
}
