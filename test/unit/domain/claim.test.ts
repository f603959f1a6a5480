import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type QueueOffer, type Ready } from "../../../domain/claim.ts";
import { EVEN_SHARE, type FairShare } from "../../../domain/fairness.ts";

const UNLIMITED = Number.POSITIVE_INFINITY;
const jobs = (prefix: string, count: number, key: string | null = null): Ready[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}`, rank: i, key }));
const offer = (name: string, ready: Ready[], over: Partial<QueueOffer<string>> = {}): QueueOffer<string> => ({
  queue: name,
  namespace: "default",
  name,
  weight: 1,
  partitions: [{ room: UNLIMITED, ready }],
  keyRoom: new Map(),
  shared: [],
  ...over,
});
const sizes = (offers: QueueOffer<string>[], room: number, fairShare: FairShare = EVEN_SHARE) =>
  Object.fromEntries(decide(offers, room, fairShare).grants.map(({ queue, ids }) => [queue, ids.length]));

describe("one claim", () => {
  test.each([
    ["nothing offered", [], 5, {}],
    ["no room", [offer("a", jobs("a", 3))], 0, {}],
    ["one queue takes all the room", [offer("a", jobs("a", 9))], 5, { a: 5 }],
    ["two queues share", [offer("a", jobs("a", 9)), offer("b", jobs("b", 9))], 6, { a: 3, b: 3 }],
    ["what one leaves the other takes", [offer("a", jobs("a", 1)), offer("b", jobs("b", 9))], 6, { a: 1, b: 5 }],
    ["weights are shares", [offer("a", jobs("a", 99), { weight: 3 }), offer("b", jobs("b", 99))], 40, { a: 30, b: 10 }],
    [
      "namespaces share before queues do",
      [
        offer("a", jobs("a", 99), { weight: 100 }),
        offer("b", jobs("b", 99), { weight: 100 }),
        offer("c", jobs("c", 99), { namespace: "other" }),
      ],
      40,
      { a: 10, b: 10, c: 20 },
    ],
    [
      "a partition's room holds",
      [
        offer("a", [], {
          partitions: [
            { room: 2, ready: jobs("x", 9) },
            { room: 1, ready: jobs("y", 9) },
          ],
        }),
      ],
      9,
      { a: 3 },
    ],
    [
      "a key's room holds",
      [offer("a", [...jobs("k", 5, "k"), ...jobs("f", 2)], { keyRoom: new Map([["k", 2]]) })],
      9,
      { a: 4 },
    ],
    [
      "a room that queues share holds over all of them",
      [
        offer("a", jobs("a", 9), { shared: [{ name: "host", room: 3 }] }),
        offer("b", jobs("b", 9), { shared: [{ name: "host", room: 3 }] }),
        offer("c", jobs("c", 9)),
      ],
      9,
      { a: 2, b: 1, c: 6 },
    ],
    [
      "of several shared rooms the least holds",
      [
        offer("a", jobs("a", 9), {
          shared: [
            { name: "host", room: 4 },
            { name: "namespace", room: 2 },
          ],
        }),
      ],
      9,
      { a: 2 },
    ],
    [
      "a queue whose shared room is full starts nothing and takes nobody's turn",
      [offer("a", jobs("a", 9), { shared: [{ name: "host", room: 0 }] }), offer("b", jobs("b", 9))],
      4,
      { b: 4 },
    ],
  ] as [string, QueueOffer<string>[], number, Record<string, number>][])("%s", (_name, offers, room, expected) => {
    expect(sizes(offers, room)).toEqual(expected);
  });

  test("the best of all partitions goes first, as far as its partition has room", () => {
    const partitions = [
      {
        room: 1,
        ready: [
          { id: "best", rank: 1, key: null },
          { id: "second", rank: 2, key: null },
        ],
      },
      { room: 9, ready: [{ id: "third", rank: 3, key: null }] },
    ];
    expect(decide([offer("q", [], { partitions })], 9, EVEN_SHARE).grants).toEqual([
      { queue: "q", ids: ["best", "third"] },
    ]);
  });

  test("jobs of a full key that stood in the way are named, once each", () => {
    const ready = [...jobs("k", 3, "k"), { id: "free", rank: 9, key: null }];
    const decision = decide([offer("q", ready, { keyRoom: new Map([["k", 1]]) })], 9, EVEN_SHARE);
    expect(decision.grants).toEqual([{ queue: "q", ids: ["k0", "free"] }]);
    expect(decision.gated).toEqual([{ queue: "q", ids: ["k1", "k2"] }]);
  });
});

describe("many claims of one job each", () => {
  test("everybody gets a turn by weight, however long the others' lines are", () => {
    const weights = { a: 1, b: 2, c: 5 };
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    let fairShare = EVEN_SHARE;
    for (let i = 0; i < 800; i++) {
      const offers = Object.entries(weights).map(([name, weight]) => offer(name, jobs(name, 5), { weight }));
      const decision = decide(offers, 1, fairShare);
      fairShare = decision.fairShare;
      for (const { queue } of decision.grants) counts[queue] = (counts[queue] ?? 0) + 1;
    }
    expect(counts).toEqual({ a: 100, b: 200, c: 500 });
  });

  test("who was away neither saved turns up nor pays for having come back", () => {
    let fairShare = EVEN_SHARE;
    for (let i = 0; i < 1000; i++) fairShare = decide([offer("busy", jobs("x", 5))], 1, fairShare).fairShare;
    const both = () => [offer("busy", jobs("x", 5)), offer("new", jobs("y", 5))];
    const first = decide(both(), 10, fairShare);
    expect(Object.fromEntries(first.grants.map(({ queue, ids }) => [queue, ids.length]))).toEqual({ busy: 5, new: 5 });
    const served: string[] = [];
    for (let i = 0; i < 6; i++) {
      const next = decide(both(), 1, fairShare);
      fairShare = next.fairShare;
      served.push(...next.grants.map(({ queue }) => queue));
    }
    expect(served.filter((name) => name === "new")).toHaveLength(3);
  });
});

describe("decide, for any offers", () => {
  const anyOffers = fc.array(
    fc.record({
      namespace: fc.constantFrom("n", "m"),
      weight: fc.integer({ min: 1, max: 4 }),
      partitions: fc.array(
        fc.record({
          room: fc.integer({ min: 0, max: 5 }),
          keys: fc.array(fc.constantFrom(null, "k", "l"), { maxLength: 8 }),
        }),
        { maxLength: 3 },
      ),
      keyRoom: fc.dictionary(fc.constantFrom("k", "l"), fc.integer({ min: 0, max: 4 })),
      shared: fc.subarray(["h", "i"]),
    }),
    { maxLength: 4 },
  );
  const anyRooms = fc.record({ h: fc.integer({ min: 0, max: 6 }), i: fc.integer({ min: 0, max: 6 }) });
  type Rooms = typeof anyRooms extends fc.Arbitrary<infer T> ? T : never;

  /** The jobs of partition p have ids "q/p/i"; ranks are shuffled over partitions and rise inside each. */
  const build = (
    plans: typeof anyOffers extends fc.Arbitrary<infer T> ? T : never,
    rooms: Rooms,
  ): QueueOffer<number>[] =>
    plans.map(({ namespace, weight, partitions, keyRoom, shared }, queue) => ({
      queue,
      namespace,
      name: `q${queue}`,
      weight,
      keyRoom: new Map(Object.entries(keyRoom)),
      shared: (["h", "i"] as const)
        .filter((name) => shared.includes(name))
        .map((name) => ({ name, room: rooms[name] })),
      partitions: partitions.map(({ room, keys }, p) => ({
        room,
        ready: keys.map((key, i) => ({ id: `${queue}/${p}/${i}`, rank: i * 10 + ((p * 7) % 10), key })),
      })),
    }));

  test("no room is exceeded, nothing that may start is left while there is room, and order holds", () => {
    fc.assert(
      fc.property(anyOffers, anyRooms, fc.integer({ min: 0, max: 30 }), (plans, rooms, room) => {
        const offers = build(plans, rooms);
        const { grants, gated } = decide(offers, room, EVEN_SHARE);
        const granted = grants.flatMap(({ ids }) => ids);
        expect(granted.length).toBeLessThanOrEqual(room);
        expect(new Set([...granted, ...gated.flatMap(({ ids }) => ids)]).size).toBe(
          granted.length + gated.flatMap(({ ids }) => ids).length,
        );
        const left = (name: "h" | "i") =>
          rooms[name] -
          offers
            .filter(({ shared }) => shared.some((one) => one.name === name))
            .reduce((sum, { queue }) => sum + (grants.find((grant) => grant.queue === queue)?.ids.length ?? 0), 0);
        expect(Math.min(left("h"), left("i"))).toBeGreaterThanOrEqual(0);
        for (const { queue, partitions, keyRoom, shared } of offers) {
          const ids = grants.find((grant) => grant.queue === queue)?.ids ?? [];
          const byId = new Map(partitions.flatMap(({ ready }, p) => ready.map((job) => [job.id, { ...job, p }])));
          const taken = ids.flatMap((id) => byId.get(id) ?? []);
          expect(taken.map(({ rank }) => rank)).toEqual(taken.map(({ rank }) => rank).toSorted((a, b) => a - b));
          const keyLeft = (key: string) => (keyRoom.get(key) ?? UNLIMITED) - taken.filter((t) => t.key === key).length;
          for (const key of keyRoom.keys()) expect(keyLeft(key)).toBeGreaterThanOrEqual(0);
          partitions.forEach(({ room: places, ready }, p) => {
            const here = taken.filter((t) => t.p === p).length;
            expect(here).toBeLessThanOrEqual(places);
            const startable = ready.filter(
              ({ id, key }) => !ids.includes(id) && (key === null || keyLeft(key) > 0) && here < places,
            );
            const open = shared.every(({ name }) => left(name as "h" | "i") > 0);
            if (granted.length < room && open) expect(startable).toEqual([]);
          });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
