import fc from "fast-check";
import { expect, test } from "vitest";
import { B, reportOf, ServiceRig } from "../../../rigs/service-rig.ts";

const PROBES = 2;

interface Isolate {
  name: string;
  /** Probes that it may make, and those it has under way. */
  left: number;
  underWay: number;
  round: number;
  leaseUntil: number;
}

type Move =
  | { type: "ask"; who: number; succeeded: number; answer: "comes" | "lost" }
  | { type: "start"; who: number }
  | { type: "die"; who: number }
  | { type: "restart" }
  | { type: "pass"; ms: number };

const who = fc.nat(2);
const ask: fc.Arbitrary<Move> = fc.record({
  type: fc.constant("ask" as const),
  who,
  succeeded: fc.constantFrom(0, 0, 0, 1),
  answer: fc.constantFrom("comes" as const, "comes" as const, "lost" as const),
});
const moves = fc.oneof(
  ask,
  ask,
  ask,
  fc.record({ type: fc.constant("start" as const), who }),
  fc.record({ type: fc.constant("pass" as const), ms: fc.nat(12_000) }),
  fc.record({ type: fc.constant("die" as const), who }),
  fc.constant({ type: "restart" as const }),
);

function askFor(rig: ServiceRig, isolate: Isolate, { succeeded, answer }: Extract<Move, { type: "ask" }>): void {
  const ended = Math.min(succeeded, isolate.underWay);
  isolate.underWay -= ended;
  const reply = rig.work(isolate.name, {
    need: isolate.underWay + 5,
    used: isolate.underWay,
    permits: isolate.underWay,
    startsLeft: isolate.left,
    probes: [{ round: isolate.round, succeeded: ended, failed: 0, unused: 0 }],
  });
  isolate.left = 0;
  if (answer === "lost") return;
  isolate.round = reply.snapshot.breaker.round ?? 0;
  isolate.left = reply.snapshot.breaker.state === "halfOpen" ? (reply.starts ?? 0) : 0;
  isolate.leaseUntil = rig.now + reply.leaseMs;
}

test("half open it never has more probes under way than it may, whatever is lost and whoever dies or starts again", () => {
  fc.assert(
    fc.property(fc.array(moves, { minLength: 20, maxLength: 80, size: "max" }), (history) => {
      const rig = new ServiceRig();
      rig.report(reportOf(B, { failed: 10, failedSinceSuccess: 10 }));
      rig.now += 5_000;
      const newborn = (name: string): Isolate => ({ name, left: 0, underWay: 0, round: 0, leaseUntil: 0 });
      const isolates = ["i0", "i1", "i2"].map(newborn);
      let born = 3;
      for (const move of history) {
        if (rig.state().breaker.state !== "halfOpen") return;
        if (move.type === "pass") rig.now += move.ms;
        if (move.type === "restart") rig.restart();
        for (const isolate of isolates)
          if (rig.now >= isolate.leaseUntil) Object.assign(isolate, { left: 0, underWay: 0 });
        if ("who" in move) {
          const isolate = isolates[move.who] as Isolate;
          if (move.type === "ask") askFor(rig, isolate, move);
          if (move.type === "die") isolates[move.who] = newborn(`i${born++}`);
          if (move.type === "start" && isolate.left > 0) {
            isolate.left -= 1;
            isolate.underWay += 1;
          }
        }
        expect(isolates.reduce((sum, { underWay }) => sum + underWay, 0)).toBeLessThanOrEqual(PROBES);
      }
    }),
    { numRuns: 300 },
  );
});

test("a probe that takes longer than a lease counts as long as its holder is heard of", () => {
  const rig = new ServiceRig();
  rig.report(reportOf(B, { failed: 10, failedSinceSuccess: 10 }));
  rig.now += 5_000;
  rig.work("h", { need: 2 });
  rig.core.observe({ v: 1, holder: "p", reports: [], wantsProbes: 1 });
  let rows = 0;
  for (let second = 0; second < 60; second++) {
    rig.now += 1_000;
    rows += rig.rows(() => rig.work("h", { need: 2, used: 2, permits: 2 }));
    expect(rig.work("other", { need: 2 }).starts).toBe(0);
  }
  // The lease, and the probes: each of them every ten seconds.
  expect(rows).toBeLessThanOrEqual(12);
  rig.now += 30_000;
  expect(rig.work("other", { need: 2 }).starts).toBe(2);
});

test("a probe that is told of twice counts once", () => {
  const rig = new ServiceRig();
  rig.report(reportOf(B, { failed: 10, failedSinceSuccess: 10 }));
  rig.now += 5_000;
  const { snapshot } = rig.work("h", { need: 1 });
  const probes = [{ round: snapshot.breaker.round ?? 0, succeeded: 1, failed: 0, unused: 0 }];
  rig.work("h", { need: 0, probes });
  rig.work("h", { need: 0, probes });
  expect(rig.state().breaker.state).toBe("halfOpen");
});

test("what hears of nothing new writes nothing", () => {
  const rig = new ServiceRig();
  rig.report(reportOf(B, { failed: 10, failedSinceSuccess: 10 }));
  expect(rig.rows(() => rig.work("h", { need: 5 }))).toBe(0);
  rig.now += 5_000;
  rig.work("h", { need: 5 });
  expect(rig.rows(() => rig.work("other", { need: 5 }))).toBe(0);
});
