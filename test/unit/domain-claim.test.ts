import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byRank, grant, type QueueOffer, type Ready } from "../../domain/claim.ts";

const UNLIMITED = Number.POSITIVE_INFINITY;
let seq = 0;
const ready = (id: string, priority = 4): Ready => ({ id, priority, seq: ++seq });
const line = (name: string, length: number) => Array.from({ length }, (_, i) => ready(`${name}${i}`));
const offer = (queue: string, jobs: Ready[], room = UNLIMITED): QueueOffer<string> => ({
  queue,
  room,
  partitions: [{ room: UNLIMITED, ready: jobs }],
});

describe("grant", () => {
  test.each([
    ["no offers", [], 10, {}],
    ["no room", [offer("a", line("a", 3))], 0, {}],
    ["an empty line", [offer("a", [])], 10, {}],
    ["all there is", [offer("a", line("a", 3))], 10, { a: 3 }],
    ["no more than the room", [offer("a", line("a", 9))], 4, { a: 4 }],
    ["no more than the queue's room", [offer("a", line("a", 9), 2)], 4, { a: 2 }],
    ["nothing to a queue over its limit", [offer("a", line("a", 9), -3)], 4, {}],
    ["halves to two long lines", [offer("a", line("a", 9)), offer("b", line("b", 9))], 6, { a: 3, b: 3 }],
    ["the odd one to the first", [offer("a", line("a", 9)), offer("b", line("b", 9))], 7, { a: 4, b: 3 }],
    [
      "what a short line leaves to the long one",
      [offer("a", line("a", 99)), offer("b", line("b", 1))],
      10,
      { a: 9, b: 1 },
    ],
    ["the first, when there is room for one", [offer("a", line("a", 9)), offer("b", line("b", 9))], 1, { a: 1 }],
    [
      "each its turn, however long the first line",
      [offer("a", line("a", 99)), offer("b", line("b", 2)), offer("c", line("c", 2))],
      6,
      { a: 2, b: 2, c: 2 },
    ],
  ] as [string, QueueOffer<string>[], number, Record<string, number>][])(
    "gives %s",
    (_name, offers, room, expected) => {
      expect(Object.fromEntries(grant(offers, room).map(({ queue, ids }) => [queue, ids.length]))).toEqual(expected);
    },
  );

  test("takes the higher priority first, and the earlier one among equals, over partitions", () => {
    const [low, high, middle, late] = [ready("low", 1), ready("high", 9), ready("middle", 5), ready("late", 9)];
    const partitions = [
      { room: UNLIMITED, ready: [late, middle] },
      { room: UNLIMITED, ready: [high, low] },
    ];
    expect(grant([{ queue: "q", room: UNLIMITED, partitions }], 3)).toEqual([
      { queue: "q", ids: ["high", "late", "middle"] },
    ]);
  });

  test("a partition whose limit is used up gives nothing, whatever waits there", () => {
    const partitions = [
      { room: 0, ready: [ready("urgent", 9)] },
      { room: 1, ready: [ready("one", 1), ready("two", 1)] },
    ];
    expect(grant([{ queue: "q", room: UNLIMITED, partitions }], 10)).toEqual([{ queue: "q", ids: ["one"] }]);
  });

  test("leaves its offers as they were", () => {
    const offers = [offer("a", line("a", 5)), offer("b", line("b", 5))];
    const before = structuredClone(offers);
    grant(offers, 6);
    expect(offers).toEqual(before);
  });
});

describe("grant, against a dumb second implementation", () => {
  const anyOffers: fc.Arbitrary<QueueOffer<number>[]> = fc
    .array(
      fc.record({
        room: fc.oneof(fc.constant(UNLIMITED), fc.integer({ min: -2, max: 12 })),
        partitions: fc.array(
          fc.record({
            room: fc.oneof(fc.constant(UNLIMITED), fc.integer({ min: -2, max: 8 })),
            priorities: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 8, size: "max" }),
          }),
          { maxLength: 4 },
        ),
      }),
      { maxLength: 5 },
    )
    .map((queues) => {
      let next = 0;
      return queues.map(({ room, partitions }, queue) => ({
        queue,
        room,
        partitions: partitions.map((partition) => ({
          room: partition.room,
          ready: partition.priorities
            .map((priority) => ({ id: `job-${next}`, priority, seq: (next++ * 7919) % 1009 }))
            .sort(byRank),
        })),
      }));
    });
  const anyRoom = fc.integer({ min: 0, max: 40 });

  /** What a queue would give if it were alone: the best job again and again, while its partition has room. */
  function lineOf(offered: QueueOffer<number>): string[] {
    const left = offered.partitions.map(({ room, ready: jobs }) => ({ room, jobs: [...jobs] }));
    const ids: string[] = [];
    while (ids.length < offered.room) {
      const open = left.filter(({ room, jobs }) => room > 0 && jobs.length > 0);
      const best = open
        .map(({ jobs }) => jobs[0])
        .reduce((a, b) => (a === undefined || (b !== undefined && byRank(b, a) < 0) ? b : a), undefined);
      const from = open.find(({ jobs }) => jobs[0] === best);
      if (best === undefined || from === undefined) return ids;
      from.jobs.shift();
      from.room -= 1;
      ids.push(best.id);
    }
    return ids;
  }

  test("inside a queue: a prefix of its strict order, so no better job is passed over", () => {
    fc.assert(
      fc.property(anyOffers, anyRoom, (offers, room) => {
        for (const { queue, ids } of grant(offers, room)) {
          const offered = offers[queue];
          expect(offered === undefined ? [] : lineOf(offered).slice(0, ids.length)).toEqual(ids);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("between queues: as many as dealing one at a time in rounds would give, give or take one round", () => {
    fc.assert(
      fc.property(anyOffers, anyRoom, (offers, room) => {
        const lengths = offers.map((offered) => lineOf(offered).length);
        const dealt = lengths.map(() => 0);
        for (let left = room, gave = true; left > 0 && gave; ) {
          gave = false;
          for (const [queue, length] of lengths.entries()) {
            const sofar = dealt[queue] ?? 0;
            if (left === 0 || sofar >= length) continue;
            dealt[queue] = sofar + 1;
            left -= 1;
            gave = true;
          }
        }
        const granted = lengths.map((_, queue) => grant(offers, room).find((g) => g.queue === queue)?.ids.length ?? 0);
        const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
        expect(sum(granted)).toBe(Math.min(room, sum(lengths)));
        for (const [queue, n] of granted.entries()) expect(Math.abs(n - (dealt[queue] ?? 0))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1000 },
    );
  });

  test("no room is ever exceeded, and no job given twice", () => {
    fc.assert(
      fc.property(anyOffers, anyRoom, (offers, room) => {
        const grants = grant(offers, room);
        const given = grants.flatMap(({ ids }) => ids);
        expect(given.length).toBeLessThanOrEqual(room);
        expect(new Set(given).size).toBe(given.length);
        for (const { queue, ids } of grants) {
          const offered = offers[queue];
          expect(ids.length).toBeLessThanOrEqual(offered?.room ?? 0);
          for (const partition of offered?.partitions ?? []) {
            const from = partition.ready.filter(({ id }) => ids.includes(id)).length;
            expect(from).toBeLessThanOrEqual(Math.max(0, partition.room));
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
