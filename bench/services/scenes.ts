import { type Condition, WELL } from "./instance.ts";

/** What happens to the instances of a service while requests come. */
export interface Scene {
  name: string;
  /** How instance `index` is, at a time in ms from the beginning. */
  condition(index: number, now: number): Condition;
}

/** The time in which something is wrong, and requests are measured that come in it, in ms from the beginning. */
export const TROUBLE = { from: 10_000, to: 30_000 };
export const ENDS_AT = 45_000;

const REFUSES: Condition = { state: "refuses", slowness: 1 };
const inTrouble = (now: number) => now >= TROUBLE.from && now < TROUBLE.to;

export const SCENES: readonly Scene[] = [
  { name: "all is well", condition: () => WELL },
  {
    name: "one is ten times slower",
    condition: (index, now) => (index === 0 && inTrouble(now) ? { state: "well", slowness: 10 } : WELL),
  },
  { name: "one refuses connections", condition: (index, now) => (index === 0 && inTrouble(now) ? REFUSES : WELL) },
  {
    name: "one fails at once",
    condition: (index, now) => (index === 0 && inTrouble(now) ? { state: "errors", slowness: 1 } : WELL),
  },
  {
    name: "one hangs",
    condition: (index, now) => (index === 0 && inTrouble(now) ? { state: "hangs", slowness: 1 } : WELL),
  },
  {
    name: "one flaps: 2 s of 5 away",
    condition: (index, now) => (index === 0 && inTrouble(now) && now % 5_000 < 2_000 ? REFUSES : WELL),
  },
  {
    name: "three of six fail together",
    condition: (index, now) => (index < 3 && inTrouble(now) ? { state: "errors", slowness: 1 } : WELL),
  },
  { name: "all are away", condition: (_, now) => (inTrouble(now) ? REFUSES : WELL) },
];
