import { expect, test } from "vitest";
import { Probes } from "../../../../../workers/gateway/proxy/probes.ts";

const NOW = 1_000_000;

test("gives as many as were granted, and says how many more would have been sent", () => {
  const probes = new Probes();
  probes.grant(7, 2, NOW + 5_000);
  expect([probes.take(NOW), probes.take(NOW), probes.take(NOW), probes.take(NOW)]).toEqual([
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
  expect(probes.take(NOW + 5_000)).toBeNull();
});

test("reports what became of them, by round, and once", () => {
  const probes = new Probes();
  probes.ended({ round: 7 }, true);
  probes.ended({ round: 7 }, false);
  probes.ended({ round: 8 }, null);
  const { reports } = probes.taken();
  expect(reports).toEqual([
    { round: 7, succeeded: 1, failed: 1, unused: 0 },
    { round: 8, succeeded: 0, failed: 0, unused: 1 },
  ]);
  expect(probes.taken().reports).toEqual([]);
  probes.putBack(reports);
  probes.ended({ round: 7 }, true);
  expect(probes.taken().reports[0]).toEqual({ round: 7, succeeded: 2, failed: 1, unused: 0 });
});

test("what is left of a round is given back when the next begins, and of the same round it adds up", () => {
  const probes = new Probes();
  probes.grant(7, 2, NOW + 5_000);
  probes.grant(7, 1, NOW + 6_000);
  probes.take(NOW);
  probes.grant(8, 1, NOW + 9_000);
  expect(probes.taken().reports).toEqual([{ round: 7, succeeded: 0, failed: 0, unused: 2 }]);
  expect(probes.take(NOW)).toEqual({ round: 8 });
});
