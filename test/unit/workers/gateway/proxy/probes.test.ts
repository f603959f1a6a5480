import { expect, test } from "vitest";
import { Probes } from "../../../../../workers/gateway/proxy/probes.ts";

const NOW = 1_000_000;

test("gives as many as were granted, and says how many more would have been sent", () => {
  const probes = new Probes();
  probes.grant(7, 2, NOW + 5_000);
  expect([probes.take(7, NOW), probes.take(7, NOW), probes.take(7, NOW), probes.take(7, NOW)]).toEqual([
    { round: 7 },
    { round: 7 },
    null,
    null,
  ]);
  expect(probes.taken()).toEqual({ reports: [], wanted: 2 });
  expect(probes.taken().wanted).toBe(0);
});

test("none is given when their lease has ended", () => {
  const probes = new Probes();
  probes.grant(7, 2, NOW + 5_000);
  expect(probes.take(7, NOW + 5_000)).toBeNull();
});

test.each([null, 8])("none is given that belongs to another round than the breaker's, which is %s", (round) => {
  const probes = new Probes();
  probes.grant(7, 2, NOW + 5_000);
  expect(probes.take(round, NOW)).toBeNull();
  expect(probes.taken().wanted).toBe(1);
  expect(probes.take(7, NOW)).toEqual({ round: 7 });
});

test("reports what became of them, by round, and once", () => {
  const probes = new Probes();
  const one = (round: number) => ({ round });
  const sent = [one(7), one(7), one(8)];
  for (const probe of sent) probes.sent(probe, 1_000, NOW);
  sent.forEach((probe, i) => {
    probes.ended(probe, [true, false, null][i] ?? null);
    probes.ended(probe, true);
  });
  probes.giveBack(one(8));
  const { reports } = probes.taken();
  expect(reports).toEqual([
    { round: 7, succeeded: 1, failed: 1, unused: 0, spent: 0 },
    { round: 8, succeeded: 0, failed: 0, unused: 1, spent: 1 },
  ]);
  expect(probes.taken().reports).toEqual([]);
  probes.putBack(reports);
  const later = one(7);
  probes.sent(later, 1_000, NOW);
  probes.ended(later, true);
  expect(probes.taken().reports[0]).toEqual({ round: 7, succeeded: 2, failed: 1, unused: 0, spent: 0 });
});

test("one of whose end nobody has heard is spent a moment after its time", () => {
  const probes = new Probes();
  const lost = { round: 7 };
  probes.sent(lost, 1_000, NOW);
  probes.take(7, NOW + 5_999);
  expect(probes.taken().reports).toEqual([]);
  probes.take(7, NOW + 6_000);
  probes.ended(lost, true);
  expect(probes.taken().reports).toEqual([{ round: 7, succeeded: 0, failed: 0, unused: 0, spent: 1 }]);
});

test("what is left of a round is given back when the next begins, and of the same round it adds up", () => {
  const probes = new Probes();
  probes.grant(7, 2, NOW + 5_000);
  probes.grant(7, 1, NOW + 6_000);
  probes.take(7, NOW);
  probes.grant(8, 1, NOW + 9_000);
  expect(probes.taken().reports).toEqual([{ round: 7, succeeded: 0, failed: 0, unused: 2, spent: 0 }]);
  expect(probes.take(8, NOW)).toEqual({ round: 8 });
});
