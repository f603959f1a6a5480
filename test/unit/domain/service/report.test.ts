import fc from "fast-check";
import { expect, test } from "vitest";
import {
  emptyReport,
  type InstanceReport,
  joinedReports,
  type RequestOutcome,
  withOutcome,
} from "../../../../domain/service/report.ts";

const URL = "https://a.example.com";
const of = (outcomes: RequestOutcome[]): InstanceReport => outcomes.reduce(withOutcome, emptyReport(URL));
const good = (ms: number | null = 5): RequestOutcome => ({ ok: true, ms });
const bad = (ms: number | null = null): RequestOutcome => ({ ok: false, ms });

test.each([
  ["nothing", [], [0, 0, 0]],
  ["a success", [good()], [1, 0, 0]],
  ["failures", [bad(), bad()], [0, 2, 2]],
  ["failures before a success", [bad(), bad(), good()], [1, 2, 0]],
  ["failures after a success", [bad(), good(), bad(), bad()], [1, 3, 2]],
] as [string, RequestOutcome[], number[]][])("%s", (_what, outcomes, expected) => {
  const { succeeded, failed, failedSinceSuccess } = of(outcomes);
  expect([succeeded, failed, failedSinceSuccess]).toEqual(expected);
});

test("times are those of answers that had one", () => {
  expect(of([good(5), good(null), bad(20), bad(null)]).timed).toEqual({ count: 2, sumMs: 25, maxMs: 20 });
});

test("two reports that are told together say what one would have said", () => {
  const anyOutcomes = fc.array(fc.record({ ok: fc.boolean(), ms: fc.option(fc.nat(1000)) }), { maxLength: 12 });
  fc.assert(
    fc.property(anyOutcomes, anyOutcomes, (earlier, later) => {
      expect(joinedReports(of(earlier), of(later))).toEqual(of([...earlier, ...later]));
    }),
  );
});
