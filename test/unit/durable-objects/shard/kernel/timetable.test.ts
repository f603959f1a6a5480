import fc from "fast-check";
import { expect, test } from "vitest";
import { Timetable } from "../../../../../durable-objects/shard/kernel/timetable.ts";

const change = fc.record({ key: fc.nat(5), at: fc.option(fc.nat(20)) });

test("the soonest time and what is due are those of a table that is looked through, whatever is set, replaced and taken", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ set: fc.array(change, { maxLength: 8 }), now: fc.nat(20) })), (rounds) => {
      const table = new Timetable<number>();
      const known = new Map<number, number>();
      for (const { set, now } of rounds) {
        for (const { key, at } of set) {
          table.set(key, at);
          if (at === null) known.delete(key);
          else known.set(key, at);
        }
        expect(table.next()).toBe(known.size === 0 ? null : Math.min(...known.values()));
        const due = [...known].filter(([, at]) => at <= now).map(([key]) => key);
        expect(table.takeDue(now).sort()).toEqual(due.sort());
        for (const key of due) known.delete(key);
      }
    }),
  );
});

test("a key that is set again and again takes no more room", () => {
  const table = new Timetable<string>();
  for (let at = 0; at < 100_000; at++) table.set("a", at);
  expect(table.next()).toBe(99_999);
  expect(table.takeDue(100_000)).toEqual(["a"]);
  expect(table.next()).toBeNull();
});
