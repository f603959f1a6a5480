import fc from "fast-check";
import { expect, test } from "vitest";
import { LEASE_MS } from "../../../../durable-objects/service/holders.ts";
import { ServiceRig } from "../../../rigs/service-rig.ts";

test("permits are given up to the limit, and what is missing is said", () => {
  const rig = new ServiceRig();
  expect(rig.work("a", { need: 4 })).toMatchObject({ permits: 4, refusal: null, leaseMs: LEASE_MS });
  expect(rig.work("b", { need: 9 })).toMatchObject({
    permits: 6,
    refusal: { reason: "bulkhead", inUse: 10, limit: 10 },
  });
});

test("a holder with more than its part gives way to one that comes later, as its work ends", () => {
  const rig = new ServiceRig();
  rig.work("a", { need: 10 });
  expect(rig.work("b", { need: 10 }).permits).toBe(0);
  // Told of its new part it still has ten under way.
  expect(rig.work("a", { need: 10, used: 10, permits: 10 }).permits).toBe(5);
  expect(rig.work("b", { need: 10 }).permits).toBe(0);
  expect(rig.work("a", { need: 10, used: 7, permits: 5 }).permits).toBe(5);
  expect(rig.work("b", { need: 10 }).permits).toBe(3);
});

test("what a holder loses counts until it has heard of it: it may begin as many until then", () => {
  const rig = new ServiceRig();
  rig.work("a", { need: 10 });
  // It uses two, and may begin eight more until the answer.
  expect(rig.work("a", { need: 2, used: 2, permits: 10 }).permits).toBe(2);
  expect(rig.work("b", { need: 10 }).permits).toBe(0);
  rig.work("a", { need: 2, used: 2, permits: 2 });
  expect(rig.work("b", { need: 10 }).permits).toBe(8);
});

test("all are remembered over a restart", () => {
  const rig = new ServiceRig();
  rig.work("a", { need: 7 });
  rig.restart();
  expect(rig.work("b", { need: 10 }).permits).toBe(3);
  expect(rig.state().inFlight).toBe(10);
});

test("those of a holder that is heard of no more come back with the end of its lease, over a restart too", () => {
  const rig = new ServiceRig();
  rig.work("lost", { need: 10 });
  rig.restart();
  rig.now += LEASE_MS - 1;
  expect(rig.work("b", { need: 10 }).permits).toBe(0);
  rig.now += 1;
  expect(rig.work("b", { need: 10 }).permits).toBe(10);
});

test("a holder whose lease has ended has none, and what it uses all the same counts", () => {
  const rig = new ServiceRig();
  rig.work("a", { need: 10 });
  rig.now += LEASE_MS;
  rig.work("b", { need: 4 });
  expect(rig.work("a", { need: 10, used: 8, permits: 10 }).permits).toBe(6);
  expect(rig.state().inFlight).toBe(12);
});

test("a clock that steps back makes no lease longer", () => {
  const rig = new ServiceRig();
  rig.work("lost", { need: 10 });
  rig.now -= 3_600_000;
  expect(rig.work("b", { need: 10 }).permits).toBe(0);
  rig.now += LEASE_MS;
  expect(rig.work("b", { need: 10 }).permits).toBe(10);
});

test("a lower limit is reached as work ends, and nobody gets any before", () => {
  const rig = new ServiceRig();
  rig.work("a", { need: 10 });
  rig.configure({ bulkhead: { maxInFlight: 3, maxWaiting: 1 } });
  expect(rig.work("a", { need: 10, used: 10, permits: 10 }).permits).toBe(3);
  expect(rig.work("b", { need: 1 }).permits).toBe(0);
});

test("without a limit everybody gets what they need", () => {
  const rig = new ServiceRig({ bulkhead: null });
  expect(rig.work("a", { need: 5_000 })).toMatchObject({ permits: 5_000, refusal: null });
  expect(rig.work("b", { need: 5_000 })).toMatchObject({ permits: 5_000, refusal: null });
});

test("the only permit is not kept for ever by whoever has it", () => {
  const rig = new ServiceRig({ bulkhead: { maxInFlight: 1, maxWaiting: 0 } });
  const had = { a: 0, b: 0 };
  let permits = { a: 0, b: 0 };
  for (let second = 0; second < 60; second++) {
    rig.now += 1_000;
    const a = rig.work("a", { need: 5, permits: permits.a }).permits;
    const b = rig.work("b", { need: 5, permits: permits.b }).permits;
    permits = { a, b };
    had.a += a;
    had.b += b;
  }
  expect(had.a).toBeGreaterThan(15);
  expect(had.b).toBeGreaterThan(15);
});

test("more holders than are listed wait", () => {
  const rig = new ServiceRig({ bulkhead: { maxInFlight: 100_000, maxWaiting: 0 } });
  for (let i = 0; i < 1_000; i++) rig.work(`h${i}`, { need: 1 });
  expect(rig.work("one more", { need: 1 })).toMatchObject({ permits: 0, refusal: { reason: "bulkhead" } });
  rig.work("h0", { permits: 1 });
  expect(rig.work("one more", { need: 1 }).permits).toBe(1);
});

/** A holder as an isolate of the processor is: it goes by the last answer that has reached it, until its lease ends. */
class Isolate {
  used = 0;
  permits = 0;
  leaseUntil = 0;
  constructor(readonly name: string) {}

  /** Whatever its lease does not cover has ended. */
  clock(now: number): void {
    if (now < this.leaseUntil) return;
    this.used = 0;
    this.permits = 0;
  }
}

type Move =
  | { type: "ask"; who: number; need: number; answer: "comes" | "lost"; beginsBefore: number }
  | { type: "begin" | "end"; who: number; count: number }
  | { type: "die"; who: number }
  | { type: "restart" }
  | { type: "pass"; ms: number };

const who = fc.nat(2);
const asks: fc.Arbitrary<Move> = fc.record({
  type: fc.constant("ask" as const),
  who,
  need: fc.nat(5),
  answer: fc.constantFrom("comes" as const, "comes" as const, "lost" as const),
  beginsBefore: fc.nat(4),
});
const moves: fc.Arbitrary<Move>[] = [
  asks,
  asks,
  asks,
  fc.record({ type: fc.constantFrom("begin" as const, "end" as const), who, count: fc.nat(4) }),
  fc.record({ type: fc.constant("die" as const), who }),
  fc.constant({ type: "restart" as const }),
  fc.record({ type: fc.constant("pass" as const), ms: fc.nat(8_000) }),
];

function begin(isolate: Isolate, count: number): void {
  isolate.used = Math.max(isolate.used, Math.min(isolate.permits, isolate.used + count));
}

function ask(rig: ServiceRig, isolate: Isolate, move: Extract<Move, { type: "ask" }>): void {
  const sentAt = rig.now;
  const need = Math.max(move.need, isolate.used);
  const { used, permits } = isolate;
  const reply = rig.work(isolate.name, { need, used, permits });
  // Until the answer it goes on by the last one, unless it gives all back.
  if (need > 0) begin(isolate, move.beginsBefore);
  else isolate.permits = 0;
  if (move.answer === "lost") return;
  isolate.permits = reply.permits;
  isolate.leaseUntil = sentAt + reply.leaseMs;
}

test("never are more under way than may be, whoever dies, whatever is lost, however often the object starts again", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(...moves), { minLength: 30, maxLength: 100, size: "max" }), (history) => {
      const rig = new ServiceRig({ bulkhead: { maxInFlight: 4, maxWaiting: 0 } });
      const isolates = [0, 1, 2].map((i) => new Isolate(`i${i}`));
      let born = 3;
      for (const move of history) {
        if (move.type === "pass") rig.now += move.ms;
        if (move.type === "restart") rig.restart();
        for (const isolate of isolates) isolate.clock(rig.now);
        if ("who" in move) {
          const isolate = isolates[move.who] as Isolate;
          if (move.type === "ask") ask(rig, isolate, move);
          if (move.type === "begin") begin(isolate, move.count);
          if (move.type === "end") isolate.used = Math.max(0, isolate.used - move.count);
          if (move.type === "die") isolates[move.who] = new Isolate(`i${born++}`);
        }
        const underWay = isolates.reduce((sum, { used }) => sum + used, 0);
        expect(underWay).toBeLessThanOrEqual(4);
      }
      // What was lost has come back.
      rig.now += LEASE_MS;
      expect(rig.work("last", { need: 4 }).permits).toBe(4);
    }),
    { numRuns: 500 },
  );
});
