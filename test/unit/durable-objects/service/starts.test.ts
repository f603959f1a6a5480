import fc from "fast-check";
import { expect, test } from "vitest";
import { ServiceRig } from "../../../rigs/service-rig.ts";

const LIMIT = 5;
const PERIOD_MS = 1_000;

/** A holder that makes starts it was given, and gives back the rest with its next request. */
interface Isolate {
  name: string;
  starts: number;
  leaseUntil: number;
}

type Move =
  | { type: "ask"; who: number; answer: "comes" | "lost" }
  | { type: "start"; who: number; count: number }
  | { type: "die"; who: number }
  | { type: "restart" }
  | { type: "pass"; ms: number };

const who = fc.nat(2);
const ask: fc.Arbitrary<Move> = fc.record({
  type: fc.constant("ask" as const),
  who,
  answer: fc.constantFrom("comes" as const, "comes" as const, "lost" as const),
});
const start: fc.Arbitrary<Move> = fc.record({ type: fc.constant("start" as const), who, count: fc.nat(5) });
const moves = fc.oneof(
  ask,
  ask,
  start,
  start,
  fc.record({ type: fc.constant("pass" as const), ms: fc.nat(500) }),
  fc.record({ type: fc.constant("die" as const), who }),
  fc.constant({ type: "restart" as const }),
);

/** Runs a history; answers when each start was made. */
function startsOf(history: readonly Move[]): number[] {
  const rig = new ServiceRig({ rate: { limit: LIMIT, periodMs: PERIOD_MS }, bulkhead: null });
  const isolates: Isolate[] = [0, 1, 2].map((i) => ({ name: `i${i}`, starts: 0, leaseUntil: 0 }));
  const made: number[] = [];
  let born = 3;
  for (const move of history) {
    if (move.type === "pass") rig.now += move.ms;
    if (move.type === "restart") rig.restart();
    if (!("who" in move)) continue;
    const isolate = isolates[move.who] as Isolate;
    if (rig.now >= isolate.leaseUntil) isolate.starts = 0;
    if (move.type === "die") isolates[move.who] = { name: `i${born++}`, starts: 0, leaseUntil: 0 };
    if (move.type === "start") {
      const count = Math.min(move.count, isolate.starts);
      isolate.starts -= count;
      for (let i = 0; i < count; i++) made.push(rig.now);
    }
    if (move.type === "ask") {
      const reply = rig.work(isolate.name, { need: 20, permits: 20, startsLeft: isolate.starts });
      isolate.starts = move.answer === "comes" ? (reply.starts ?? 0) : 0;
      if (move.answer === "comes") isolate.leaseUntil = rig.now + reply.leaseMs;
    }
  }
  return made;
}

test("no window has more starts than the rate allows, whatever is lost and whoever dies or starts again", () => {
  fc.assert(
    fc.property(fc.array(moves, { minLength: 30, maxLength: 120, size: "max" }), (history) => {
      const made = startsOf(history);
      for (const from of made) {
        const inWindow = made.filter((at) => at >= from && at <= from + PERIOD_MS).length;
        expect(inWindow).toBeLessThanOrEqual(LIMIT);
      }
    }),
    { numRuns: 300 },
  );
});

test("a holder that asks often makes almost as many as it may", () => {
  const history: Move[] = [];
  for (let step = 0; step < 200; step++) {
    history.push(
      { type: "ask", who: 0, answer: "comes" },
      { type: "start", who: 0, count: 5 },
      { type: "pass", ms: 50 },
    );
  }
  // Ten seconds: fifty.
  expect(startsOf(history).length).toBeGreaterThanOrEqual(45);
});
