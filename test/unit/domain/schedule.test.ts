import { expect, test } from "vitest";
import { parseJobId } from "../../../domain/job-id.ts";
import {
  assignedSlot,
  ENDS,
  fireJobId,
  jitterOf,
  orderingKeyOf,
  type ScheduleSettings,
  timingText,
} from "../../../domain/schedule.ts";
import { scheduleOf } from "../../rigs/schedule-harness.ts";
import { START, settingsOf } from "../../rigs/shard-harness.ts";

test("a job's id is that of its schedule and instant: same for the same, another for any other", () => {
  const seen = new Set<string>();
  for (const name of ["a", "b", "nightly"]) {
    for (const namespace of ["default", "other"]) {
      for (let n = 0; n < 200; n++) seen.add(fireJobId(scheduleOf({ namespace, name }), START + n * 1000, 7));
    }
  }
  expect(seen.size).toBe(3 * 2 * 200);
  const id = fireJobId(scheduleOf({ version: 1 }), START, 4095);
  expect(fireJobId(scheduleOf({ version: 9, cron: "* * * * *" }), START, 4095)).toBe(id);
  expect(parseJobId(id)).toEqual({ slot: 4095, at: START });
});

test("jitter is the same at every try, within its bounds, and spread", () => {
  const settings = scheduleOf({ jitterMs: 10_000 });
  const draws = Array.from({ length: 500 }, (_, n) => jitterOf(settings, START + n * 60_000));
  expect(draws).toEqual(Array.from({ length: 500 }, (_, n) => jitterOf(settings, START + n * 60_000)));
  expect(Math.min(...draws)).toBeLessThan(500);
  expect(Math.max(...draws)).toBeGreaterThan(9_500);
  expect(Math.max(...draws)).toBeLessThanOrEqual(10_000);
  expect(jitterOf(scheduleOf({ jitterMs: 0 }), START)).toBe(0);
});

test.each<[Partial<ScheduleSettings>, string | null, string | null]>([
  [{ overlap: "allow" }, null, null],
  [{ overlap: "queue" }, null, "schedule:nightly"],
  [{ overlap: "queue" }, "mine", "mine"],
  [{ overlap: "skip" }, "mine", "mine"],
])("%o with the ordering key %s has %s", (over, orderingKey, expected) => {
  const { job } = scheduleOf();
  expect(orderingKeyOf(scheduleOf({ ...over, job: { ...job, orderingKey } }))).toBe(expected);
});

test("the place follows the ordering key, else the concurrency key, else the schedule's name", () => {
  const queue = settingsOf({ partitions: 64 });
  const { job } = scheduleOf();
  const place = (over: Partial<ScheduleSettings>) => assignedSlot(scheduleOf(over), queue).partition;
  const byKey = place({ job: { ...job, orderingKey: "k" } });
  expect(place({ name: "other", job: { ...job, orderingKey: "k" } })).toBe(byKey);
  expect(place({ name: "other", job: { ...job, concurrencyKey: "k" } })).toBe(byKey);
  expect(new Set(["a", "b", "c", "d"].map((name) => place({ name }))).size).toBeGreaterThan(1);
});

test("a timing is cron and zone; a schedule that is paused or deleted has none", () => {
  expect(timingText(scheduleOf({ overlap: "skip" }))).toBe(timingText(scheduleOf()));
  expect(timingText(scheduleOf({ timezone: "Europe/Berlin" }))).not.toBe(timingText(scheduleOf()));
  expect(timingText(scheduleOf({ paused: true }))).toBeNull();
  expect(timingText(scheduleOf({ deleted: true }))).toBeNull();
});

test("the text of a timing has all that its instants follow from, and is as earlier versions wrote it", () => {
  expect(timingText(scheduleOf({ cron: "30 2 * * *", timezone: "Europe/Berlin" }))).toBe("Europe/Berlin 30 2 * * *");
  const texts = [
    {},
    { startAt: START },
    { endAt: START },
    { startAt: START, endAt: START },
    { cron: null, everyMs: 1000 },
    { cron: null, everyMs: 2000 },
    { cron: null, everyMs: 1000, startAt: START + 1 },
    { cron: null, everyMs: 1000, endAt: START },
    { cron: null, everyMs: 1000, createdAt: START - 1 },
  ].map((over) => timingText(scheduleOf(over)));
  expect(new Set(texts).size).toBe(texts.length);
  // What `every` counts from is one thing, whether it is a start or the birth; of what cron says the birth is nothing.
  expect(timingText(scheduleOf({ cron: null, everyMs: 1000, startAt: START }))).toBe(texts[4]);
  expect(timingText(scheduleOf({ createdAt: START - 1 }))).toBe(texts[0]);
  expect(texts.map((text) => text?.includes(ENDS))).toEqual([
    false,
    false,
    true,
    true,
    false,
    false,
    false,
    true,
    false,
  ]);
});
