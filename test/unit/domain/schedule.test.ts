import { expect, test } from "vitest";
import { parseJobId } from "../../../domain/job-id.ts";
import {
  assignedSlot,
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
