import fc from "fast-check";
import { expect, test } from "vitest";
import { type Segment, Segments } from "../../../../../../durable-objects/shard/jobs/packs/segments.ts";

const whole = (max: number) => fc.integer({ min: 0, max });
const segment = fc.tuple(whole(100), whole(2 ** 41), whole(2 ** 52), whole(2 ** 52));
const near = fc.tuple(whole(100), fc.constant(1_800_000_000_000), whole(1_000), whole(1_000));

test("segments are what they were made of, near each other or far", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(segment, near), { maxLength: 100 }), (list: Segment[]) => {
      const segments = new Segments(list);
      expect([...segments]).toEqual(list);
      expect(JSON.parse(JSON.stringify(segments))).toEqual(list);
      expect(segments.length).toBe(list.length);
      expect(segments.last).toEqual(list.at(-1) ?? null);
    }),
  );
});

test("there may be none", () => {
  expect([...Segments.none]).toEqual([]);
  expect(Segments.none.last).toBe(null);
});
