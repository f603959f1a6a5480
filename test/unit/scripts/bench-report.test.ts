import { expect, it } from "vitest";
import { dollarsPerMillion } from "../../../bench/prices.ts";
import { passes, type Row, table } from "../../../bench/report.ts";
import { middle } from "../../../bench/rounds.ts";

const row = (rest: Partial<Row>): Row => ({ name: "x", dure: null, unit: "", ...rest });

it.each<[string, Row, boolean | null]>([
  ["a ratio at its least", row({ floor: 100, dure: 50, budget: { of: "ratio", atLeast: 0.5 } }), true],
  ["a ratio below it", row({ floor: 100, dure: 49, budget: { of: "ratio", atLeast: 0.5 } }), false],
  ["a ratio above its most", row({ floor: 2, dure: 7, budget: { of: "ratio", atMost: 3 } }), false],
  ["a figure at its most", row({ dure: 6, budget: { of: "figure", atMost: 6 } }), true],
  ["a figure that was not measured", row({ dure: null, budget: { of: "figure", atMost: 6 } }), null],
  ["a ratio to nothing", row({ floor: null, dure: 7, budget: { of: "ratio", atMost: 3 } }), null],
  ["a figure without a budget", row({ dure: 7 }), null],
])("a budget is judged by its own bound: %s", (_, given, verdict) => {
  expect(passes(given)).toBe(verdict);
});

it("a million jobs of one row, one message and one request each cost what the price list says", () => {
  const nothing = { cpuMs: 0, objectRequests: 0, objectSeconds: 0, alarmRows: 0, d1Rows: 0, kvWrites: 0 };
  const usage = { ...nothing, objectRows: 1, messages: 1, workerRequests: 1 };
  expect(dollarsPerMillion(usage)).toBeCloseTo(1 + 1.2 + 0.3);
  expect(dollarsPerMillion({ ...usage, alarmRows: 1 })).toBeCloseTo(1 + 1.2 + 0.3 + 1);
});

it("a row says what stands in the place of the floor, with its figure and in its budget", () => {
  const beside = row({
    floor: 1000,
    beside: "BullMQ",
    dure: 2500,
    unit: "jobs/s",
    budget: { of: "ratio", atLeast: 3 },
  });
  expect(table([beside]).split("\n")[1]?.split(/ {2,}/)).toEqual([
    "x, jobs/s",
    "BullMQ 1,000",
    "2,500",
    "2.50",
    ">= 3 x BullMQ",
    "MISS",
  ]);
});

it("the median of runs is missing when one of them is", () => {
  expect(middle([3, 1, 2], (value) => value)).toBe(2);
  expect(middle([3, null, 2], (value) => value)).toBeNull();
});
